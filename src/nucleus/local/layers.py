"""The workspace as layers: masks over the host's files, the box's changes on top.

Below lies the workspace itself, read by overlayfs and never written. A mask
layer hides what the policy denies and what looks like a secret, every other
name of a hidden file too, and puts a configuration without addresses and
tokens in the place of each ``.git/config``. The upper layer holds what the
box changed; ``changes`` lists it. Both belong to one run and go with it.

A mask is a whiteout: a character device 0/0, which overlayfs takes for "not
there" and which any user may make (mknod(2) since Linux 5.8). What was
committed stays in git's history and can't be hidden by hiding a file.
Source: the kernel's ``Documentation/filesystems/overlayfs.rst``.
"""

import os
import re
import stat
from collections.abc import Callable, Iterator
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass
from nucleus.local.veil import Veil

Hides = Callable[[str], bool]
PATH_LIMIT: Final = 4000
"""Bytes: a path that is longer can't be named to the kernel."""
_WHITEOUT: Final = os.makedev(0, 0)
_OPAQUE: Final = "user.overlay.opaque"
_KEPT: Final = {
    "core": {"repositoryformatversion", "filemode", "ignorecase", "symlinks", "precomposeunicode", "autocrlf", "eol"},
    "extensions": {"objectformat", "refstorage", "noop"},
}
"""What of a git configuration the box sees: it says how files are stored, and nothing of anybody else."""
_TRACKED: Final = {
    "remote": re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,100}"),
    "merge": re.compile(r"refs/heads/[A-Za-z0-9][A-Za-z0-9._/-]{0,200}"),
    "rebase": re.compile(r"true|false|merges"),
}
"""What of a branch the box sees: which branch of which named remote it follows. A place is never a name."""
_BRANCH: Final = re.compile(r"\s*\[\s*branch\s+(\"[A-Za-z0-9][A-Za-z0-9._/-]{0,200}\")\s*\]\s*", re.IGNORECASE)
_FOLLOWS: Final = re.compile(r"\s*([A-Za-z]+)\s*=\s*(\S+)\s*")
_CONFIGS: Final = frozenset({"config", "config.worktree"})
_SECTION: Final = re.compile(r"\s*\[\s*([A-Za-z0-9.-]+)\s*(\".*\")?\s*\]\s*")
_SETTING: Final = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*([A-Za-z0-9]+)\s*")


@final
@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the host's workspace and the box's. ``path`` is relative, printable text."""

    path: str
    what: str
    """added, changed, deleted, replaced (a directory that hides the host's), mode, unnamed (too deep to name)."""
    kind: str
    """file, directory, link, other."""


def mask(workspace: str, layer: str, hides: Veil) -> list[str]:
    """Make the mask layer in the empty directory ``layer``; return the hidden paths, relative. Raises OSError.

    Below a hidden directory only second names of its files matter. Directories of the layer
    get the mode and time of the host's: a box sees those of the upmost.
    """
    hidden = []
    inodes: set[tuple[int, int]] = set()
    for entry, path in _suspects(workspace, hides):
        if entry.is_file(follow_symlinks=False) and _git_config(workspace, path):
            # Shown without its secrets: hidden, git would take the directory for no repository.
            inodes |= _identities(entry)
            _write_config(workspace, layer, path)
        elif hides(path):
            hidden.append(path)
            inodes |= _identities(entry)
    if inodes:
        # A rare second look: some file that is not to be seen has another name.
        seen = _walk(workspace, frozenset(hidden).__contains__)
        masked = set(hidden)
        hidden += [
            path
            for entry, path in seen
            if path not in masked and not _is_dir(entry) and _identities(entry) & inodes
            if not os.path.lexists(os.path.join(layer, path))
        ]
    for path in hidden:
        _folder(layer, os.path.dirname(path))
        os.mknod(os.path.join(layer, path), stat.S_IFCHR, _WHITEOUT)
    dress(workspace, layer)
    return sorted(hidden)


def _suspects(workspace: str, hides: Veil) -> Iterator[tuple["os.DirEntry[str]", str]]:
    """Yield each entry that may have to be masked, with its relative path. What is hidden is not gone into.

    One look at each directory and none at files: most names tell at once that they are harmless.
    """
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            listing = os.scandir(f"{workspace}/{folder}")
        except PermissionError:
            continue  # what its own user can't list, the box, as the same user, can't either
        above = f"{folder}/" if folder else ""
        settled = hides.settles(folder)
        with listing:
            for entry in listing:
                name = entry.name
                path = above + name
                harmless = settled and hides.harmless(name)
                if not harmless or name.casefold() in _CONFIGS:
                    yield entry, path
                if entry.is_dir(follow_symlinks=False) and (harmless or not hides(path)):
                    waiting.append(path)


def _walk(workspace: str, hides: Hides) -> Iterator[tuple["os.DirEntry[str]", str]]:
    """Yield each entry with its relative path, a directory before what is in it. No link is followed."""
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        try:
            listing = os.scandir(os.path.join(workspace, folder))
        except PermissionError:
            continue  # what its own user can't list, the box, as the same user, can't either
        with listing:
            for entry in listing:
                path = f"{folder}/{entry.name}" if folder else entry.name
                yield entry, path
                if _is_dir(entry) and not hides(path):
                    waiting.append(path)


def _identities(entry: "os.DirEntry[str]") -> set[tuple[int, int]]:
    """Return the files that an entry is, or has below it, and that have another name somewhere."""
    if _is_dir(entry):
        return {one for inner, _ in _walk(entry.path, _nothing) if not _is_dir(inner) for one in _identities(inner)}
    status = entry.stat(follow_symlinks=False)
    return {(status.st_dev, status.st_ino)} if status.st_nlink > 1 else set()


def _nothing(path: str) -> bool:
    """Hide nothing."""
    del path
    return False


def _is_dir(entry: "os.DirEntry[str]") -> bool:
    return entry.is_dir(follow_symlinks=False)


def _git_config(workspace: str, path: str) -> bool:
    """Whether this is the configuration of a repository, bare ones, worktrees and submodules' storage included."""
    *above, name = path.casefold().split("/")
    if name not in _CONFIGS:
        return False
    if ".git" in above:
        inside = above[above.index(".git") + 1 :]
        return inside[:1] != ["refs"] and inside[:2] != ["logs", "refs"]
    folder = os.path.join(workspace, os.path.dirname(path))
    has = [os.path.lexists(os.path.join(folder, each)) for each in ("HEAD", "objects", "commondir")]
    return has[0] and (has[1] or has[2])


def plain_config(text: str) -> str:
    """Return a git configuration with only what says how files are stored, and what each branch follows."""
    section, kept = "", []
    for line in text.splitlines():
        header = _SECTION.fullmatch(line)
        if header is not None:
            section = "" if header[2] else header[1].lower()
            continue
        setting = _SETTING.fullmatch(line)
        if setting is not None and setting[1].lower() in _KEPT.get(section, set()):
            kept.append((section, setting[1], setting[2]))
    lines = []
    for name in _KEPT:
        own = [f"\t{key} = {value}" for where, key, value in kept if where == name]
        lines += [f"[{name}]", *own] if own else []
    return "\n".join([*lines, *_branches(text), ""])


def _branches(text: str) -> list[str]:
    """Return the sections of branches, each with what it follows."""
    found: dict[str, list[str]] = {}
    branch = ""
    for line in text.splitlines():
        if _SECTION.fullmatch(line) is not None:
            header = _BRANCH.fullmatch(line)
            branch = header[1] if header is not None else ""
            continue
        setting = _FOLLOWS.fullmatch(line)
        form = _TRACKED.get(setting[1].lower()) if setting is not None and branch else None
        if setting is not None and form is not None and form.fullmatch(setting[2]):
            found.setdefault(branch, []).append(f"\t{setting[1]} = {setting[2]}")
    return [line for name, lines in found.items() for line in (f"[branch {name}]", *lines)]


def _write_config(workspace: str, layer: str, path: str) -> None:
    try:
        with open(os.path.join(workspace, path), encoding="utf-8", errors="replace") as found:
            text = found.read()
    except PermissionError:
        text = ""
    _folder(layer, os.path.dirname(path))
    with open(os.path.join(layer, path), "x", encoding="utf-8") as written:
        written.write(plain_config(text))


def _folder(layer: str, path: str) -> None:
    """Make the directory of a masked entry, and those above it."""
    os.makedirs(os.path.join(layer, path), mode=0o700, exist_ok=True)


def dress(workspace: str, layer: str) -> None:
    """Give each directory of the layer the mode and time of the one that it lies over. Raises OSError."""
    for folder, _, _ in os.walk(layer, topdown=False):
        status = os.stat(os.path.join(workspace, os.path.relpath(folder, layer)))
        os.utime(folder, ns=(status.st_atime_ns, status.st_mtime_ns))
        os.chmod(folder, stat.S_IMODE(status.st_mode) & 0o777)


def mounts_below(workspace: str, table: str) -> list[str]:
    """Return what is mounted below the workspace, from the text of ``/proc/self/mountinfo``."""
    places = (re.sub(r"\\([0-7]{3})", lambda hit: chr(int(hit[1], 8)), line.split()[4]) for line in table.splitlines())
    return sorted({place for place in places if place.startswith(workspace + "/")})


def refuse_mounts(workspace: str) -> None:
    """Raise CannotEnforce if something is mounted below the workspace: overlayfs can't take it as a layer."""
    with open("/proc/self/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        found = mounts_below(workspace, table.read())
    if found:
        raise CannotEnforce(
            "the workspace can't be a layer",
            why=f"something is mounted below it, and overlayfs takes no such directory: {', '.join(found[:3])}",
            fix=f"unmount it (umount {found[0]}), or run in a directory that has none: --workspace DIR",
        )


def changes(workspace: str, upper: str, limit: int) -> tuple[list[Change], bool]:
    """Return what the box changed, sorted by path, at most ``limit`` of it; and whether there was more.

    The run must be over: nothing writes to ``upper`` any more. Raises OSError.
    """
    found: list[Change] = []
    waiting = [""]
    while waiting:
        folder = waiting.pop()
        place = os.path.join(upper, folder)
        os.chmod(place, 0o700)
        with os.scandir(place) as listing:
            for entry in listing:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if len(found) > limit:
                    return _sorted(found[:limit]), True
                if len(os.fsencode(os.path.join(upper, path))) > PATH_LIMIT:
                    found.append(Change(_printable(path), "unnamed", "other"))
                    continue
                # The mode is looked at before the directory is opened to us.
                found += _difference(workspace, path, entry)
                if _is_dir(entry):
                    waiting.append(path)
    return _sorted(found), False


def _sorted(found: list[Change]) -> list[Change]:
    return sorted(found, key=lambda change: change.path)


def _difference(workspace: str, path: str, entry: "os.DirEntry[str]") -> Iterator[Change]:
    """Yield the change that one entry of the upper layer stands for; a directory on the way to one is none."""
    status = entry.stat(follow_symlinks=False)
    try:
        before = os.lstat(os.path.join(workspace, path))
    except (FileNotFoundError, NotADirectoryError):
        before = None
    name, kind = _printable(path), _kind(status.st_mode)
    if stat.S_ISCHR(status.st_mode) and status.st_rdev == _WHITEOUT:
        if before is not None:
            yield Change(name, "deleted", _kind(before.st_mode))
    elif before is None:
        yield Change(name, "added", kind)
    elif not stat.S_ISDIR(status.st_mode):
        yield Change(name, "changed", kind)
    elif not stat.S_ISDIR(before.st_mode) or _OPAQUE in os.listxattr(entry.path, follow_symlinks=False):
        yield Change(name, "replaced", kind)
    elif stat.S_IMODE(status.st_mode) != stat.S_IMODE(before.st_mode):
        yield Change(name, "mode", kind)


def _kind(mode: int) -> str:
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    return "link" if stat.S_ISLNK(mode) else "other"


def _printable(path: str) -> str:
    """Return a path as text that any reader takes: bytes that are none, and control characters, escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def remove(folder: str) -> None:
    """Remove a directory with all that is in it, however deep and whatever its modes. Raises OSError.

    A directory is moved up before it is emptied, so that no path gets longer
    than the kernel takes. Nothing may write to it any more.
    """
    waiting, number = [folder], 0
    emptied = []
    while waiting:
        place = waiting.pop()
        os.chmod(place, 0o700)
        emptied.append(place)
        with os.scandir(place) as listing:
            entries = list(listing)
        for entry in entries:
            if not _is_dir(entry):
                os.unlink(entry.path)
                continue
            number += 1
            moved = os.path.join(folder, f".removed-{number}")
            os.chmod(entry.path, 0o700)  # a directory that moves must be writable: its own ".." changes
            os.rename(entry.path, moved)
            waiting.append(moved)
    for place in reversed(emptied):
        os.rmdir(place)
