"""Which branches and tags a run's git left, read from its layer over the host's storage.

The files are read as data, by descriptor; no git runs here. What the run did
not touch is the host's own, so that a branch which moved on the host meanwhile
is no difference. Symbolic refs but HEAD are left out.
Source: gitrepository-layout(5), "files" ref storage.
"""

import os
import re
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, final

from nucleus.apply.beneath import DEPTH_LIMIT, enter, look, regular
from nucleus.apply.layer import is_whiteout, marks
from nucleus.apply.run import Run
from nucleus.apply.storage import layered
from nucleus.lean import dataclass, field
from nucleus.policy.refs import good_ref
from nucleus.policy.worktree import FOLDER

TEXT_LIMIT: Final = 64 * 1024 * 1024
"""Bytes of packed-refs: about a million refs."""
REF_LIMIT: Final = 100_000
KINDS: Final = ("heads", "tags")
_REMOTE: Final = re.compile(r"^[ \t]*\[remote[ \t]+\"([^\"\n]+)\"\]", re.MULTILINE | re.IGNORECASE)
_BARE: Final = re.compile(r"^[ \t]*bare[ \t]*=[ \t]*true[ \t]*$", re.MULTILINE | re.IGNORECASE)
OBJECT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")


@final
@dataclass(frozen=True, slots=True)
class Refs:
    """What a repository's branches and tags name, and what is checked out."""

    head: str = ""
    """A branch (``refs/heads/x``), an object, or nothing that is understood."""
    refs: dict[str, str] = field(default_factory=dict)


def box_refs(run: Run) -> Refs | None:
    """Return what the run left, None where it has no part of git's storage that says anything of refs."""
    with layered(run) as found:
        if found is None:
            return None
        upper, host = found
        here = ("HEAD", "packed-refs", "refs", *(() if run.linked is None else (FOLDER,)))
        if not any(look(upper, name) is not None for name in here):
            return None
        top = _Merged(upper, None if marks(upper).opaque else host)
        if run.linked is None:
            return _read(top, top)
        with top.below(FOLDER) as worktrees, worktrees.below(run.linked.name) as own:
            return _read(top, own)


def host_refs(git: int, own: int | None = None) -> Refs:
    """Return what a repository itself has, from descriptors of its storage and of a linked worktree's own part."""
    return _read(_Merged(None, git), _Merged(None, git if own is None else own))


def remote_names(git: int) -> frozenset[str]:
    """Return the remotes that a repository tracks branches of, or has in its configuration, by its descriptor."""
    top = _Merged(None, git)
    lines = [line.partition(" ")[2].split("/") for line in top.text("packed-refs", TEXT_LIMIT).splitlines()]
    found = {parts[2] for parts in lines if parts[:2] == ["refs", "remotes"] and len(parts) > 2}
    found |= set(_REMOTE.findall(top.text("config", TEXT_LIMIT)))
    with top.below("refs") as folder, folder.below("remotes") as below:
        return frozenset(found | below.names().keys())


def worktree_heads(git: int, but: str = "") -> Iterator[str]:
    """Yield the branches that other worktrees of a repository have checked out.

    ``but`` is the linked worktree that is not another one; "" for the main one.
    """
    top = _Merged(None, git)
    if but and not _BARE.search(top.text("config", TEXT_LIMIT)):
        yield top.text("HEAD", 4096).strip().removeprefix("ref: ")
    with top.below(FOLDER) as worktrees:
        for name in worktrees.names().keys() - {but}:
            with worktrees.below(name) as own:
                yield own.text("HEAD", 4096).strip().removeprefix("ref: ")


def ref_value(git: int, name: str) -> str:
    """Return the object that a ref of the host names now, "" for none."""
    return loose_value(git, name) or _packed(_Merged(None, git)).get(name, "")


def loose_value(git: int, name: str) -> str:
    """Return the object in the loose file of a ref, "" where there is none."""
    *above, last = name.split("/")
    with ExitStack() as open_here, suppress(OSError):
        folder = git
        for part in above:
            folder = _entered(open_here, folder, part)
        return _object(_text(folder, last, 4096))
    return ""


@final
class _Merged:
    """One directory: the run's layer over the host's. Either may be missing."""

    def __init__(self, upper: int | None, host: int | None) -> None:
        self._upper = upper
        self._host = host

    def text(self, name: str, limit: int) -> str:
        """Return the content of a file as text, "" where there is none."""
        above = None if self._upper is None else look(self._upper, name)
        if self._upper is not None and above is not None:
            return _text(self._upper, name, limit)
        return "" if self._host is None else _text(self._host, name, limit)

    def names(self) -> dict[str, bool]:
        """Return each entry, and whether it is a directory."""
        found = {} if self._host is None else {name: is_dir for name, is_dir, _ in _listed(self._host)}
        for name, is_dir, gone in [] if self._upper is None else _listed(self._upper):
            found[name] = is_dir
            if gone:
                del found[name]
        return found

    @contextmanager
    def below(self, name: str) -> Iterator["_Merged"]:
        """Hold a directory below, empty where there is none."""
        upper: int | None = None
        host: int | None = None
        with ExitStack() as open_here:
            above = None if self._upper is None else look(self._upper, name)
            with suppress(OSError):
                if above is not None and self._upper is not None and not is_whiteout(above):
                    upper = _entered(open_here, self._upper, name)
            hides = above is not None and (upper is None or marks(upper).opaque)
            with suppress(OSError):
                if self._host is not None and not hides:
                    host = _entered(open_here, self._host, name)
            yield _Merged(upper, host)


def _read(top: _Merged, own: _Merged) -> Refs:
    refs = _packed(top)
    with top.below("refs") as folder:
        for kind in KINDS:
            with folder.below(kind) as below:
                for name, value in _loose(below, f"refs/{kind}", 0):
                    refs[name] = value
                    if len(refs) > REF_LIMIT:
                        raise ValueError(f"more than {REF_LIMIT} branches and tags")
    content = own.text("HEAD", 4096).strip()
    ref = content.removeprefix("ref: ").strip()
    good = ref != content and ref.startswith("refs/heads/") and good_ref(ref)
    return Refs(ref if good else _object(content), refs)


def _loose(folder: _Merged, path: str, depth: int) -> Iterator[tuple[str, str]]:
    for name, is_dir in sorted(folder.names().items()):
        below = f"{path}/{name}"
        if is_dir and depth < DEPTH_LIMIT:
            with folder.below(name) as inner:
                yield from _loose(inner, below, depth + 1)
        elif not is_dir and good_ref(below) and not name.endswith(".lock"):
            value = _object(folder.text(name, 4096))
            if value:
                yield below, value


def _packed(top: _Merged) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in top.text("packed-refs", TEXT_LIMIT).splitlines():
        value, _, name = line.partition(" ")
        if _object(value) and name.startswith(("refs/heads/", "refs/tags/")) and good_ref(name):
            found[name] = value
    return found


def _listed(folder: int) -> list[tuple[str, bool, bool]]:
    """Return name, whether it is a directory, and whether it stands for something that is gone."""
    with os.scandir(folder) as entries:
        statuses = [(entry.name, entry.stat(follow_symlinks=False)) for entry in entries]
    return [(name, stat.S_ISDIR(status.st_mode), is_whiteout(status)) for name, status in statuses]


def _text(folder: int, name: str, limit: int) -> str:
    with suppress(OSError), regular(folder, name) as descriptor, open(descriptor, "rb", closefd=False) as file:
        content = file.read(limit + 1)
        if len(content) > limit:
            raise ValueError(f"{name} is larger than {limit} bytes")
        return content.decode("utf-8", "replace")
    return ""


def _object(text: str) -> str:
    return text.strip() if OBJECT.fullmatch(text.strip()) else ""


def _entered(open_here: ExitStack, base: int, name: str) -> int:
    descriptor = enter(base, name)
    open_here.callback(os.close, descriptor)
    return descriptor
