"""What runs inside effect workers: one performer for each effect class.

A performer trusts ``permit.args`` as a whole: the gate has judged them, with
the classifier's ``resolved`` laid over the caller's words. Keys marked ``!``
are *resolved*: the classification must set them (a caller's own value under
that name must never get through), and a permit without one fails. Keys
marked ``?`` may be absent. Contents travel in ``body``, never in ``args``.

==================== ============================================= =================
kind                 args                                          body
==================== ============================================= =================
fs.read              path! hidden!                                 -
fs.list              path! hidden!                                 -
fs.glob              path! hidden! pattern                         -
fs.grep              path! hidden! pattern glob? regex? fold?      -
fs.write             path! parents?                                the new content
fs.edit              path!                                         JSON {old, new}
fs.delete            path! kept!?                                  -
net.fetch            url! method?                                  -
net.search           q engine!                                     -
git.status           hidden! paths?                                -
git.diff             hidden! paths? staged? base? head?            -
git.log              hidden! paths? rev? limit?                    -
git.commit           hidden! paths?                                the message
git.branch           branch! switch?                               -
git.kept             path! commit!                                 -
git.outgoing         tip! remotes! sent!                           -
git.push             url! source! target! force? tip?              -
proc.run             argv! cwd! hidden!                            stdin
publish.pull_request api! repository! base! head! push!?           JSON {title, text}
publish.comment      api! repository! number                       the text
publish.label        api! repository! number label                 -
publish.read         api! repository! number                       -
==================== ============================================= =================

``path``       relative to the workspace, or absolute (then reads only, unless below the workspace)
``hidden``     list of path patterns (``secrets/**``, ``**/.env*``) that are invisible, below the workspace;
               case and Unicode compatibility forms are ignored; an empty list hides nothing
``engine``     {name, url with one ``{q}``, kind "json" or "html", and for json: list, title, link, snippet}
``source``     the local ref that is pushed, ``refs/heads/topic``
``target``     the remote ref, ``refs/heads/topic``
``force``      true only where the policy names forced updates; deleting a remote ref is never done
``tip``        hex object id; if given, the source must still be there
``remotes``    names of the remotes whose branches of the last fetch say what is there already
``sent``       commits that were pushed there before
``kept``       hex SHA-256 of what a commit keeps; if given, exactly that is deleted or nothing
``push``       {url, source, target, force}: the topic branch is pushed first, as ``git.push`` would

Results: ``value`` is a small JSON object about the result, ``body`` its content
(text or bytes; for list, glob, grep, search a JSON array). Failures are outcomes with
the name of a built-in exception; the names are in ``outcomes.FAILURES``.
"""
