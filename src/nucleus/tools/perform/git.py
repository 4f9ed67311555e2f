"""Git: status, diff, log, commit, branch, push, through a private GIT_DIR (``private_git``).

A commit is built in the private directory from the work tree and the
repository's own index, and brought back object by object, ref by
compare-and-swap, index last: afterwards ``git status`` of the user is clean
for the paths that were committed. A path whose attributes ask for a filter
program is refused, because without it the content would be wrong.
"""

import errno
import os
import re
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Outcome, Permit
from nucleus.policy.controls import secret_looking
from nucleus.tools.perform import tree
from nucleus.tools.perform.deliver import deliver
from nucleus.tools.perform.keeping import kept
from nucleus.tools.perform.outcomes import (
    Deadline,
    PermitError,
    failed,
    flag,
    never_raises,
    text,
    texts,
    too_large,
    whole,
)
from nucleus.tools.perform.outgoing import outgoing
from nucleus.tools.perform.patterns import Hidden
from nucleus.tools.perform.private_git import PrivateGit, first_line, prepared
from nucleus.tools.perform.push import push
from nucleus.tools.perform.repository import Head, Repository, good_ref, opened
from nucleus.tools.perform.resolve import Resolver, SystemResolver
from nucleus.tools.perform.tree import split

LOG_LIMIT: Final = 1000
"""Commits that one log returns."""
CHANGE_LIMIT: Final = 50_000
"""Paths of one commit."""
PATHS_SHOWN: Final = 100
"""Paths of a commit that its result lists; ``count`` has their number."""
FILE_LIMIT: Final = 100 * 1024 * 1024
"""Bytes of one file in a commit: what forges take. Git streams much larger ones into packs of their own."""
MESSAGE_LIMIT: Final = 64 * 1024
_REV: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./~^-]{0,255}")
_UNMERGED: Final = frozenset(("DD", "AU", "UD", "UA", "DU", "AA", "UU"))


@final
class GitPerformer:
    """The effect class ``git``. The arguments are for pushes: who resolves names, and which PEM to trust."""

    def __init__(self, resolver: Resolver | None = None, authority: bytes | None = None) -> None:
        self._resolver = resolver or SystemResolver()
        self._authority = authority

    @never_raises
    def perform(self, permit: Permit, body: bytes) -> Outcome:
        """Do one git operation. Failures are outcomes."""
        deadline = Deadline(permit.limits.seconds)
        try:
            with opened(permit.workspace) as repository:
                match permit.kind:
                    case "git.status" | "git.diff" | "git.log":
                        with prepared(repository, permit.workspace, deadline) as git:
                            return _LOOKS[permit.kind](permit, git, repository.head())
                    case "git.commit":
                        with prepared(repository, permit.workspace, deadline) as git:
                            return _commit(permit, body, git, repository)
                    case "git.branch" | "git.kept" | "git.outgoing":
                        return _DIRECT[permit.kind](permit, repository, deadline, body)
                    case "git.push":
                        return push(permit, repository, deadline, self._resolver, self._authority)
                    case "git.deliver":
                        return deliver(permit, body, repository, deadline, self._resolver, self._authority)
                    case _:
                        raise PermitError(f"{permit.kind!r} is no git operation")
        except CannotEnforce as error:
            return failed("CannotEnforce", error.what, 0, why=error.why, fix=error.fix)


def _status(permit: Permit, git: PrivateGit, head: Head) -> Outcome:
    words = ("status", "--porcelain=v1", "--untracked-files=all", "--ignore-submodules=all", "--no-renames")
    out = git.must(*words, "--", *_pathspecs(permit), limit=permit.limits.bytes)
    value = {"branch": _short(head.ref), "head": head.commit, "clean": not out}
    return Outcome("ok", value, out)


def _diff(permit: Permit, git: PrivateGit, _head: Head) -> Outcome:
    words = ["diff", "--no-ext-diff", "--no-textconv", "--no-color", "--ignore-submodules=all"]
    if flag(permit.args, "staged"):
        words.append("--cached")
    for name in ("base", "head"):
        given = text(permit.args, name, "")
        if given:
            words.append(_object(git, given))
    out = git.must(*words, "--", *_pathspecs(permit), limit=permit.limits.bytes)
    return Outcome("ok", {"bytes": len(out)}, out)


def _log(permit: Permit, git: PrivateGit, head: Head) -> Outcome:
    limit = whole(permit.args, "limit", 20)
    if not 0 < limit <= LOG_LIMIT:
        raise ValueError(f"a log has 1 to {LOG_LIMIT} commits")
    rev = text(permit.args, "rev", "HEAD") or "HEAD"
    if rev == "HEAD" and not head.commit:
        return Outcome("ok", {"count": 0})
    words = ("log", "--no-color", "--no-show-signature", "--no-patch", "--no-notes", f"--max-count={limit}")
    shape = "--format=tformat:%H %aI %an: %s"
    out = git.must(*words, shape, _object(git, rev), "--", *_pathspecs(permit), limit=permit.limits.bytes)
    return Outcome("ok", {"count": out.count(b"\n")}, out)


_LOOKS: Final = {"git.status": _status, "git.diff": _diff, "git.log": _log}


def _object(git: PrivateGit, rev: str) -> str:
    """Return the object id of a revision. Raises ValueError for none, and for words that are more than a name."""
    if not _REV.fullmatch(rev) or ".." in rev:
        raise ValueError(f"{rev!r} is no single revision")
    found = git.run("rev-parse", "--verify", "--quiet", "--end-of-options", rev + "^{commit}")
    if found.status != 0:
        raise ValueError(f"{rev!r} names no commit here")
    return found.out.decode("ascii").strip()


def _pathspecs(permit: Permit) -> list[str]:
    """Return the paths as git takes them: literal, and without what is hidden."""
    chosen = [path for path in _paths(permit) if path]
    hidden = [
        f":(top,exclude,glob,icase){each.rstrip('/')}" for each in texts(permit.args, "hidden") if each[:1] != "/"
    ]
    return [f":(top,literal){path}" for path in chosen] + hidden


def _paths(permit: Permit) -> list[str]:
    """Return the paths of the call below the workspace. Raises ValueError for others."""
    found = []
    for each in texts(permit.args, "paths", ()):
        absolute, parts = split(each)
        if absolute:
            raise ValueError(f"{each!r} is absolute; paths are relative to the workspace")
        found.append("/".join(parts))
    return found


def _short(ref: str) -> str:
    return ref.removeprefix("refs/heads/")


def _commit(permit: Permit, body: bytes, git: PrivateGit, repository: Repository) -> Outcome:
    repository.require_finished()
    head = repository.head()
    if not head.ref:
        raise ValueError("HEAD is detached; make a branch first (git.branch)")
    message = body.decode("utf-8")
    if not message.strip() or len(body) > MESSAGE_LIMIT or "\0" in message:
        raise ValueError(f"a message has 1 to {MESSAGE_LIMIT} bytes and no NUL")
    before = repository.index()["index"]
    changed, hidden = _changed(permit, git)
    if not changed:
        raise ValueError("nothing to commit" + (f" ({hidden} hidden paths are left out)" if hidden else ""))
    _require_no_giant(permit.workspace, changed)
    _require_no_filter(git, changed)
    names = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in changed)
    made = _make(git, head, message, names)
    git.must("update-index", "--add", "--remove", "-z", "--stdin", stdin=names)
    for name, content in _new_objects(git):
        repository.add_object(name, content)
    with repository.replacing_index(before, git.index()):
        repository.move_ref(head.ref, head.commit, made)
    zero = "0" * len(made)
    who = f"{git.person[0]} <{git.person[1]}> {int(time.time())} +0000"
    first = message.strip().splitlines()[0]
    repository.note(head.ref, f"{head.commit or zero} {made} {who}\tcommit: {first}\n")
    value = {
        "commit": made,
        "branch": _short(head.ref),
        "paths": changed[:PATHS_SHOWN],
        "count": len(changed),
        "hidden": hidden,
    }
    return Outcome("ok", value, f"{_short(head.ref)} {made[:12]} {first}\n".encode())


def _changed(permit: Permit, git: PrivateGit) -> tuple[list[str], int]:
    """Return the paths to commit, and how many were left out: hidden ones, and secrets that nobody named.

    "Assume unchanged" marks are taken off first: they hide changes from status.
    """
    marked = git.must("ls-files", "-v", "-z").split(b"\0")
    unmarked = b"".join(line[2:] + b"\0" for line in marked if line[:1].islower())
    if unmarked:
        git.must("update-index", "--no-assume-unchanged", "-z", "--stdin", stdin=unmarked)
    words = ("status", "--porcelain=v1", "-z", "--untracked-files=all", "--ignore-submodules=all", "--no-renames")
    chosen = [f":(top,literal){path}" for path in _paths(permit) if path]
    hides = Hidden(texts(permit.args, "hidden"), tuple(part for part in permit.workspace.split("/") if part))
    named = frozenset(_paths(permit))
    changed, hidden = [], 0
    for entry in git.must(*words, "--", *chosen).split(b"\0"):
        mark, path = entry[:2].decode("ascii", "replace"), entry[3:].decode("utf-8", "surrogateescape")
        if not path:
            continue
        if mark in _UNMERGED:
            raise ValueError(f"{path!r} has an unresolved merge")
        if path.endswith("/"):
            raise ValueError(f"{path!r} is a repository of its own; it is not committed from here")
        if hides.hides(path.split("/")) or (secret_looking(path) and path not in named):
            hidden += 1
        else:
            changed.append(path)
        if len(changed) > CHANGE_LIMIT:
            raise ValueError(f"more than {CHANGE_LIMIT} paths; commit a part")
    return changed, hidden


def _require_no_giant(workspace: str, changed: Sequence[str]) -> None:
    """Raise OSError (EFBIG) for a file that is beyond the limit."""
    with tree.root(workspace) as base:
        for path in changed:
            with suppress(FileNotFoundError, NotADirectoryError):
                if os.lstat(os.fsencode(path), dir_fd=base).st_size > FILE_LIMIT:
                    raise too_large(repr(path), FILE_LIMIT)


def _require_no_filter(git: PrivateGit, changed: Sequence[str]) -> None:
    """Raise ValueError for a path that goes through a filter program (large file storage, encryption)."""
    names = b"".join(path.encode("utf-8", "surrogateescape") + b"\0" for path in changed)
    found = git.must("check-attr", "-z", "--stdin", "filter", stdin=names).split(b"\0")
    for path, value in zip(found[::3], found[2::3], strict=False):
        if value not in {b"unspecified", b"unset"}:
            shown = path.decode("utf-8", "replace")
            program = value.decode("utf-8", "replace")
            raise ValueError(
                f"{shown!r} goes through the filter program {program!r}, which is not run; commit it yourself"
            )


def _make(git: PrivateGit, head: Head, message: str, names: bytes) -> str:
    """Return a commit of HEAD's tree with the given paths as they stand in the work tree."""
    index = str(git.folder / "commit-index")
    alone = {"GIT_INDEX_FILE": index}
    start = ("read-tree", head.commit) if head.commit else ("read-tree", "--empty")
    for words, stdin in ((start, b""), (("update-index", "--add", "--remove", "-z", "--stdin"), names)):
        ran = git.run(*words, stdin=stdin, environment=alone)
        if ran.status != 0:
            raise OSError(errno.EIO, f"git {words[0]} failed: {first_line(ran.error)}")
    made = git.run("write-tree", environment=alone).out.decode("ascii").strip()
    if head.commit and made == git.must("rev-parse", head.commit + "^{tree}").decode("ascii").strip():
        raise ValueError("nothing to commit")
    parents = ("-p", head.commit) if head.commit else ()
    return git.must("commit-tree", made, *parents, stdin=message.encode()).decode("ascii").strip()


def _new_objects(git: PrivateGit) -> list[tuple[str, bytes]]:
    """Return what the private directory has that the repository has not: loose objects."""
    found = []
    if any((git.folder / "objects/pack").iterdir()):
        raise OSError(errno.EFBIG, "git packed a file that is too large for a commit from here")
    for folder in sorted((git.folder / "objects").iterdir()):
        if len(folder.name) == 2:
            found += [(folder.name + each.name, each.read_bytes()) for each in sorted(folder.iterdir())]
    return found


def _branch(permit: Permit, repository: Repository, _deadline: Deadline) -> Outcome:
    """Make a branch at HEAD; with ``switch``, go on with it. The work tree stays as it is."""
    ref = "refs/heads/" + text(permit.args, "branch")
    if not good_ref(ref):
        raise ValueError(f"{_short(ref)!r} is no branch name")
    head = repository.head()
    if repository.ref(ref):
        raise FileExistsError(errno.EEXIST, f"the branch {_short(ref)} exists")
    if not head.commit:
        raise ValueError("there is no commit yet that a branch could start at")
    switch = flag(permit.args, "switch")
    if switch:
        repository.require_finished()
    repository.move_ref(ref, "", head.commit)
    if switch:
        repository.move_head(head, ref)
    value = {"branch": _short(ref), "head": head.commit, "switched": switch}
    return Outcome("ok", value, f"{_short(ref)} {head.commit[:12]}\n".encode())


_DIRECT: Final[Mapping[str, Callable[[Permit, Repository, Deadline, bytes], Outcome]]] = {
    "git.branch": lambda permit, repository, deadline, _: _branch(permit, repository, deadline),
    "git.kept": lambda permit, repository, deadline, _: kept(permit, repository, deadline),
    "git.outgoing": outgoing,
}
"""What makes a private directory itself, or needs none."""
