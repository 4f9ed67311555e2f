"""Files: read, list, glob, grep, write, edit, delete, below the workspace's descriptor.

Paths are walked without following any link (``tree``). Reads are bounded by
the permit. ``hidden`` paths do not exist here, and a file with further hard
links is compared with the hidden files by inode, so that a second name does
not show it. ``.git`` is never written, and never searched.
"""

import errno
import json
import os
import re
import signal
import stat
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from types import FrameType
from typing import Any, Final, final

from nucleus.gate.effects import Outcome, Permit
from nucleus.lean import dataclass, field
from nucleus.tools.perform import tree
from nucleus.tools.perform.outcomes import Deadline, PermitError, flag, never_raises, text, texts, too_large
from nucleus.tools.perform.patterns import Hidden, Pattern

ENTRY_LIMIT: Final = 200_000
"""Directory entries that one call looks at. A larger tree is an error that says so."""
MATCH_LIMIT: Final = 10_000
"""Entries or matches that one call returns. More is an error: narrow the pattern."""
GREP_FILE_LIMIT: Final = 4 * 1024 * 1024
"""Bytes of a file that grep searches; larger files are counted as skipped."""
LINE_SHOWN: Final = 500
"""Characters of a matching line that are returned: minified files have lines of megabytes."""
REGEX_LIMIT: Final = 512
"""Characters of a regular expression."""
SNIFFED: Final = 8192
"""Bytes in which a NUL makes a file binary, as git does it."""


@final
class FsPerformer:
    """The effect class ``fs``."""

    @never_raises
    def perform(self, permit: Permit, body: bytes) -> Outcome:
        """Do one file operation. Failures are outcomes."""
        operation = _OPERATIONS.get(permit.kind)
        if operation is None:
            raise PermitError(f"{permit.kind!r} is no file operation")
        return operation(permit, body)


@final
@dataclass(frozen=True, slots=True)
class _Place:
    """A path relative to the directory it is opened from."""

    root: str
    parts: tuple[str, ...]
    outside: bool

    @property
    def shown(self) -> str:
        return ("/" if self.outside else "") + "/".join(self.parts) or "."


def _place(permit: Permit) -> _Place:
    absolute, parts = tree.split(text(permit.args, "path"))
    workspace = _segments(permit.workspace)
    if not absolute:
        return _Place(permit.workspace, parts, outside=False)
    if parts[: len(workspace)] == workspace:
        return _Place(permit.workspace, parts[len(workspace) :], outside=False)
    return _Place("/", parts, outside=True)


def _segments(path: str) -> tuple[str, ...]:
    return tuple(part for part in path.split("/") if part)


def _file_place(permit: Permit) -> _Place:
    place = _place(permit)
    if not place.parts:
        raise IsADirectoryError(errno.EISDIR, "a directory", place.shown)
    return place


def _target(permit: Permit) -> _Place:
    """Return the place of a change: a file below the workspace and not below ``.git``."""
    place = _file_place(permit)
    if place.outside:
        raise PermissionError(errno.EPERM, "outside of the workspace; changes stay inside", place.shown)
    if tree.is_git_internal(place.parts):
        raise PermissionError(errno.EPERM, "git's own data changes through git.commit and git.branch only", place.shown)
    return place


def _read(permit: Permit, _body: bytes) -> Outcome:
    place = _file_place(permit)
    search = _Search.of(permit)
    _visible_root(search)
    with (
        tree.root(place.root) as base,
        tree.directory(base, place.parts[:-1]) as folder,
        tree.regular(folder, place.parts[-1], place.shown) as descriptor,
    ):
        if search.hides_inode(os.fstat(descriptor)):
            raise _missing(place)
        content = tree.read(descriptor, permit.limits.bytes, place.shown)
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
    return Outcome("ok", {"path": place.shown, "bytes": len(content), "mode": mode}, content)


def _write(permit: Permit, body: bytes) -> Outcome:
    place = _target(permit)
    with (
        tree.root(place.root) as base,
        tree.directory(base, place.parts[:-1], create=flag(permit.args, "parents")) as folder,
    ):
        created = tree.replace(folder, place.parts[-1], body, place.shown)
    return Outcome("ok", {"path": place.shown, "bytes": len(body), "created": created})


def _edit(permit: Permit, body: bytes) -> Outcome:
    place = _target(permit)
    old, new = _edit_texts(body)
    with tree.root(place.root) as base, tree.directory(base, place.parts[:-1]) as folder:
        with tree.regular(folder, place.parts[-1], place.shown) as descriptor:
            content = tree.read(descriptor, permit.limits.bytes, place.shown)
            stamp = tree.stamp(descriptor)
        found = _occurrences(content, old)
        if found != 1:
            raise ValueError(f"the old text stands {found} times in {place.shown!r}; it must stand exactly once")
        content = content.replace(old, new)
        tree.replace(folder, place.parts[-1], content, place.shown, expected=stamp)
    return Outcome("ok", {"path": place.shown, "bytes": len(content), "created": False})


def _edit_texts(body: bytes) -> tuple[bytes, bytes]:
    found = json.loads(body)
    if not isinstance(found, dict) or set(found) != {"old", "new"}:
        raise PermitError("the body of an edit is JSON with old and new")
    old, new = text(found, "old"), text(found, "new")
    if not old:
        raise ValueError("the old text of an edit is empty")
    return old.encode(), new.encode()


def _occurrences(content: bytes, old: bytes) -> int:
    """Count occurrences, overlapping ones too: ``aa`` stands twice in ``aaa``, so it is not unique."""
    found, at = 0, content.find(old)
    while at >= 0 and found < 2:
        found, at = found + 1, content.find(old, at + 1)
    return found


def _delete(permit: Permit, _body: bytes) -> Outcome:
    place = _target(permit)
    kept = text(permit.args, "kept", "")
    with tree.root(place.root) as base, tree.directory(base, place.parts[:-1]) as folder:
        with tree.regular(folder, place.parts[-1], place.shown) as descriptor:
            if kept:
                tree.remove_exactly(folder, place.parts[-1], descriptor, kept, place.shown)
            else:
                os.unlink(place.parts[-1], dir_fd=folder)
        os.fsync(folder)
    return Outcome("ok", {"path": place.shown})


@final
@dataclass(slots=True)
class _Search:
    """One bounded walk: what it may look at, and what it has counted."""

    permit: Permit
    place: _Place
    hidden: Hidden
    deadline: Deadline
    seen: int = 0
    skipped: int = 0
    inodes: set[tuple[int, int]] | None = field(default=None)

    @classmethod
    def of(cls, permit: Permit) -> "_Search":
        hidden = Hidden(texts(permit.args, "hidden"), _segments(permit.workspace))
        return cls(permit, _place(permit), hidden, Deadline(permit.limits.seconds))

    def count(self) -> None:
        self.seen += 1
        self.deadline.left()
        if self.seen > ENTRY_LIMIT:
            raise OSError(errno.E2BIG, f"more than {ENTRY_LIMIT} entries; search a smaller directory", self.place.shown)

    def hides(self, parts: tuple[str, ...]) -> bool:
        return self.hidden.hides((*self.place.parts, *parts), absolute=self.place.outside)

    def hides_inode(self, found: os.stat_result) -> bool:
        """Whether a file with several names has a hidden one."""
        if found.st_nlink < 2 or not self.hidden:
            return False
        if self.inodes is None:
            self.inodes = _hidden_inodes(self)
        return (found.st_dev, found.st_ino) in self.inodes


def _hidden_inodes(search: _Search) -> set[tuple[int, int]]:
    """Return the hidden files of the workspace that have more than one name."""
    found: set[tuple[int, int]] = set()
    with tree.root(search.permit.workspace) as base:
        for folder, parts, entry in _walk(base, search, everything=True):
            if search.hidden.hides(parts):
                about = os.lstat(entry, dir_fd=folder)
                if stat.S_ISREG(about.st_mode) and about.st_nlink > 1:
                    found.add((about.st_dev, about.st_ino))
    return found


def _walk(base: int, search: _Search, *, everything: bool = False) -> Iterator[tuple[int, tuple[str, ...], str]]:
    """Yield (directory descriptor, path, name) of files below ``base``, in order, following no link.

    Leaves out hidden paths and ``.git``, unless ``everything``. Directories
    that can't be opened are counted as skipped.
    """
    pending: list[tuple[str, ...]] = [()]
    while pending:
        folder_parts = pending.pop()
        try:
            with tree.directory(base, folder_parts) as folder:
                below = []
                for name, kind in _entries(folder, search):
                    parts = (*folder_parts, name)
                    if not everything and (search.hides(parts) or tree.is_git_internal((name,))):
                        continue
                    if kind == "directory" and len(parts) <= tree.DEPTH_LIMIT:
                        below.append(parts)
                    elif kind == "directory":
                        search.skipped += 1
                    elif kind == "file":
                        yield folder, parts, name
        except (PermissionError, FileNotFoundError, NotADirectoryError):
            search.skipped += 1
            continue
        pending.extend(reversed(below))


def _entries(folder: int, search: _Search) -> list[tuple[str, str]]:
    with os.scandir(folder) as entries:
        found = []
        for entry in entries:
            search.count()
            found.append((entry.name, _kind(entry)))
    return sorted(found)


def _kind(entry: "os.DirEntry[str]") -> str:
    if entry.is_symlink():
        return "link"
    if entry.is_dir(follow_symlinks=False):
        return "directory"
    return "file" if entry.is_file(follow_symlinks=False) else "special"


def _speakable(name: str) -> str:
    """Return a name as text: bytes that are not UTF-8 are escaped, and such a name can't be addressed."""
    return os.fsencode(name).decode("utf-8", "backslashreplace")


def _addressable(parts: tuple[str, ...]) -> bool:
    return all(_speakable(part) == part for part in parts)


def _answer(search: _Search, found: list[Any], **more: Any) -> Outcome:
    body = json.dumps(found, ensure_ascii=False).encode()
    if len(body) > search.permit.limits.bytes:
        raise too_large("the answer", search.permit.limits.bytes)
    return Outcome("ok", {"path": search.place.shown, "count": len(found), "skipped": search.skipped, **more}, body)


def _enough(found: list[Any]) -> None:
    if len(found) > MATCH_LIMIT:
        raise OSError(errno.E2BIG, f"more than {MATCH_LIMIT} results; narrow the pattern or the directory")


def _visible_root(search: _Search) -> None:
    """Raise what a missing path raises, where the path itself is hidden."""
    if search.place.parts and search.hides(()):
        raise _missing(search.place)


def _missing(place: _Place) -> FileNotFoundError:
    return FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), place.shown)


def _list(permit: Permit, _body: bytes) -> Outcome:
    search = _Search.of(permit)
    _visible_root(search)
    found: list[dict[str, Any]] = []
    with tree.root(search.place.root) as base, tree.directory(base, search.place.parts) as folder:
        for name, kind in _entries(folder, search):
            if search.hides((name,)):
                continue
            with suppress(FileNotFoundError):
                about = os.lstat(name, dir_fd=folder)
                if kind == "file" and search.hides_inode(about):
                    continue
                found.append({"name": _speakable(name), "type": kind, "size": about.st_size})
                _enough(found)
    return _answer(search, found)


def _glob(permit: Permit, _body: bytes) -> Outcome:
    search = _Search.of(permit)
    _visible_root(search)
    pattern = Pattern(text(permit.args, "pattern"))
    found: list[str] = []
    with tree.root(search.place.root) as base, tree.directory(base, search.place.parts) as top:
        for folder, parts, name in _walk(top, search):
            if not pattern.matches(parts) or search.hides_inode(os.lstat(name, dir_fd=folder)):
                continue
            if not _addressable(parts):
                search.skipped += 1
                continue
            found.append("/".join((*search.place.parts, *parts)))
            _enough(found)
    return _answer(search, sorted(found))


def _grep(permit: Permit, _body: bytes) -> Outcome:
    search = _Search.of(permit)
    _visible_root(search)
    only = Pattern(text(permit.args, "glob", "**"))
    expression = _expression(permit)
    found: list[dict[str, Any]] = []
    with (
        _interrupted(search.deadline, flag(permit.args, "regex")),
        tree.root(search.place.root) as base,
        tree.directory(base, search.place.parts) as top,
    ):
        for folder, parts, name in _walk(top, search):
            if only.matches(parts):
                found.extend(_matches(folder, (*search.place.parts, *parts), name, expression, search))
                _enough(found)
    return _answer(search, found)


def _matches(
    folder: int, parts: tuple[str, ...], name: str, expression: re.Pattern[str], search: _Search
) -> Iterator[dict[str, Any]]:
    """Yield the matching lines of one file; binary, large and unreadable ones count as skipped."""
    path = "/".join(parts)
    try:
        with tree.regular(folder, name, path) as descriptor:
            if search.hides_inode(os.fstat(descriptor)):
                return
            content = tree.read(descriptor, GREP_FILE_LIMIT, path)
    except OSError:
        search.skipped += 1
        return
    if b"\0" in content[:SNIFFED] or not _addressable(parts):
        search.skipped += 1
        return
    for number, line in enumerate(content.decode("utf-8", "replace").split("\n"), 1):
        if expression.search(line):
            yield {"path": path, "line": number, "text": line.rstrip("\r")[:LINE_SHOWN]}


def _expression(permit: Permit) -> re.Pattern[str]:
    """Return what is searched for: a literal, or a regular expression if the call says so."""
    pattern = text(permit.args, "pattern")
    if not pattern or len(pattern) > REGEX_LIMIT:
        raise ValueError(f"a search has 1 to {REGEX_LIMIT} characters")
    flags = re.IGNORECASE if flag(permit.args, "fold") else re.NOFLAG
    if not flag(permit.args, "regex"):
        return re.compile(re.escape(pattern), flags)
    try:
        return re.compile(pattern, flags)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(f"not a regular expression: {error}") from None


class _Late(Exception):  # noqa: N818  a signal, not an error: no OSError, so that no file's handler takes it
    """The timer of a regular expression went off."""


@contextmanager
def _interrupted(deadline: Deadline, needed: bool) -> Iterator[None]:  # noqa: FBT001  private, one caller
    """Raise TimeoutError inside whatever runs once the deadline passes.

    ``re`` backtracks, but looks for signals every few thousand steps: a timer
    signal ends a catastrophic expression (a test holds that). Signals reach
    the main thread only, so elsewhere an expression is refused.
    """
    if not needed:
        yield
        return
    if threading.current_thread() is not threading.main_thread():
        raise PermitError("a regular expression is searched in the main thread of a worker only")

    def late(_number: int, _frame: FrameType | None) -> None:
        raise _Late

    before = signal.signal(signal.SIGALRM, late)
    timer = signal.setitimer(signal.ITIMER_REAL, deadline.left())
    try:
        yield
    except _Late:
        message = "the regular expression took too long; search for a literal"
        raise TimeoutError(errno.ETIMEDOUT, message) from None
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *timer)


_OPERATIONS: Final[Mapping[str, Callable[[Permit, bytes], Outcome]]] = {
    "fs.read": _read,
    "fs.list": _list,
    "fs.glob": _glob,
    "fs.grep": _grep,
    "fs.write": _write,
    "fs.edit": _edit,
    "fs.delete": _delete,
}
