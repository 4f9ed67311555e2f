"""Tier 1: the box. A command without network, without ambient files, on a copy of the workspace.

Modules, in the order to read them:

``argv``    what the box shows, as data, and as the words for bubblewrap; pure
``filter``  which system calls it refuses; pure
``bwrap``   which bubblewrap is used
``host``    what of this machine is shown
``layers``  the workspace as layers: masks below, changes above
``inside``  the self-test: runs in the finished box, then becomes the command
``probe``   whether this machine can do all that, found out by use
``pump``    the streams of a box, bounded in time and size
``ns``      the box itself, as ``gate.effects.Box``

Changes stay in a layer of their own and are listed; nothing here brings them
to the host.
"""
