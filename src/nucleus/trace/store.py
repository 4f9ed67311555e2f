"""Where lines go: files that nobody else can write, or memory. One interface.

A file store owns its files: mode 0600, opened ``O_APPEND | O_NOFOLLOW |
O_CREAT | O_EXCL``, held under an exclusive lock. A write that fails part-way
is taken back; what can't be taken back makes the store unusable.

A trace is the concatenation of its parts: ``NAME.jsonl``, ``NAME.1.jsonl`` and
so on. Parts split between lines and nothing else marks the split, so a
missing part is a break of the chain.
"""

import os
import stat
from pathlib import Path
from typing import Any, Final, Protocol

from nucleus.errors import CannotEnforce, TraceError

_NOFOLLOW: Final = getattr(os, "O_NOFOLLOW", 0)
_CLOEXEC: Final = getattr(os, "O_CLOEXEC", 0)
READ_FLAGS: Final = os.O_RDONLY | _NOFOLLOW | _CLOEXEC | getattr(os, "O_NONBLOCK", 0)
"""Not blocking: a FIFO in the place of a trace must not hang its reader."""
APPEND_FLAGS: Final = os.O_RDWR | os.O_APPEND | _NOFOLLOW | _CLOEXEC


class Store(Protocol):
    """A place for lines. ``size`` counts the bytes of the current part."""

    path: Path
    size: int

    def write(self, data: bytes) -> None:
        """Append all of ``data`` or nothing. Raises ``TraceError``."""
        ...

    def sync(self) -> None:
        """Return when everything written survives a power cut. Raises ``TraceError``."""
        ...

    def rotate(self) -> None:
        """Go on in the next part. Raises ``TraceError``."""
        ...

    def close(self) -> None:
        """Release the files and the lock."""
        ...


class MemoryStore:
    """Lines in memory, for tests of what stands above: same calls, same order, no files."""

    def __init__(self) -> None:
        self.path = Path("memory.jsonl")
        self.size = 0
        self.parts = [bytearray()]

    def write(self, data: bytes) -> None:
        """Append ``data``."""
        self.parts[-1] += data
        self.size += len(data)

    def sync(self) -> None:
        """Do nothing: memory has no power cut to survive."""

    def rotate(self) -> None:
        """Begin another part."""
        self.parts.append(bytearray())
        self.size = 0

    def close(self) -> None:
        """Keep the lines for whoever reads them."""


class FileStore:
    """Lines in files of the owner's. Made by ``create`` or ``reopen``."""

    def __init__(self, path: Path, fd: int, part: int) -> None:
        self.path = path
        self._fd = fd
        self._part = part
        self.size = os.fstat(fd).st_size
        self._broken = ""

    @classmethod
    def create(cls, path: Path) -> "FileStore":
        """Return a store on new, empty file ``path``, locked. Raises ``TraceError``, ``CannotEnforce``."""
        verify_directory(path.parent)
        return cls(path, _open_locked(path, APPEND_FLAGS | os.O_CREAT | os.O_EXCL), 0)

    @classmethod
    def reopen(cls, path: Path) -> "FileStore":
        """Return a store on the last part of an existing trace, locked.

        Raises ``TraceError`` if a writer still holds it.
        """
        part = len(parts(path)) - 1
        return cls(path, _open_locked(part_path(path, part), APPEND_FLAGS), part)

    def write(self, data: bytes) -> None:
        """Append all of ``data`` or nothing. Raises ``TraceError``."""
        self._usable()
        try:
            written = os.write(self._fd, data)
            while written < len(data):
                written += os.write(self._fd, data[written:])
        except OSError as error:
            self._take_back(error)
            raise TraceError(f"can't write: {error.strerror}", path=str(self.path)) from error
        self.size += len(data)

    def sync(self) -> None:
        """Return when everything written is on disk, in a file that still has its name and its length."""
        self._usable()
        try:
            getattr(os, "fdatasync", os.fsync)(self._fd)
            now = os.fstat(self._fd)
        except OSError as error:
            # After a failed sync the kernel may have dropped the pages: nothing written is certain any more.
            self._break(f"can't sync: {error.strerror}")
        if now.st_nlink == 0:
            self._break("the file was removed while it was written")
        if now.st_size != self.size:
            self._break("another process changed the file while it was written")

    def truncate(self, size: int) -> None:
        """Cut the current part to ``size`` bytes, on disk. Recovery uses it on a torn record."""
        try:
            os.ftruncate(self._fd, size)
            os.fsync(self._fd)
        except OSError as error:
            self._break(f"can't cut a torn record away: {error.strerror}")
        self.size = size

    def fileno(self) -> int:
        """Return the descriptor of the current part."""
        return self._fd

    def rotate(self) -> None:
        """Go on in the next part; the name of this one stays. Raises ``TraceError``."""
        self.sync()
        fd = _open_locked(part_path(self.path, self._part + 1), APPEND_FLAGS | os.O_CREAT | os.O_EXCL)
        os.close(self._fd)
        self._fd, self._part, self.size = fd, self._part + 1, 0

    def close(self) -> None:
        """Release file and lock."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._broken = self._broken or "the trace is closed"

    def _usable(self) -> None:
        if self._broken:
            raise TraceError(self._broken, path=str(self.path))

    def _take_back(self, error: OSError) -> None:
        try:
            os.ftruncate(self._fd, self.size)
        except OSError:
            self._broken = f"can't write, nor take back what was half written: {error.strerror}"

    def _break(self, why: str) -> None:
        self._broken = why
        raise TraceError(why, path=str(self.path))


def part_path(path: Path, part: int) -> Path:
    """Return the file of a part; part 0 is ``path`` itself."""
    return path if part == 0 else path.with_name(f"{path.stem}.{part}{path.suffix}")


def parts(path: Path) -> list[Path]:
    """Return the files of a trace in order. Raises FileNotFoundError if there is none."""
    found = [path]
    os.lstat(path)
    while os.path.lexists(following := part_path(path, len(found))):
        found.append(following)
    return found


def verify_directory(directory: Path) -> None:
    """Know that ``directory`` exists and that only its owner, us, can change it; make it if it is missing.

    Raises ``TraceError`` with the fix.
    """
    try:
        directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        found = os.stat(directory, follow_symlinks=False)
    except OSError as error:
        raise TraceError(f"can't use the directory: {error.strerror}", path=str(directory)) from error
    if not stat.S_ISDIR(found.st_mode):
        raise TraceError("not a directory, or a link to one; name the directory itself", path=str(directory))
    owner = getattr(os, "geteuid", lambda: found.st_uid)()
    if found.st_uid != owner or found.st_mode & 0o022:
        raise TraceError("others can change this directory; run: chmod 700 on it", path=str(directory))


def sync_directory(directory: Path) -> None:
    """Return when the names in ``directory`` survive a power cut. Raises ``TraceError``."""
    try:
        fd = os.open(directory, os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | _CLOEXEC)
        try:
            os.fsync(fd)
        finally:
            os.close(fd)
    except OSError as error:
        raise TraceError(f"can't sync the directory: {error.strerror}", path=str(directory)) from error


def lock(fd: int, path: Path, *, wait: bool = False) -> None:
    """Hold ``fd`` alone. Raises ``TraceError`` if somebody else does, ``CannotEnforce`` without file locks."""
    flock, exclusive, at_once = _flock(path)
    try:
        flock(fd, exclusive if wait else exclusive | at_once)
    except OSError as error:
        raise TraceError("another process is writing this file", path=str(path)) from error


def _flock(path: Path) -> tuple[Any, int, int]:
    """Return flock and its flags. Imported here, so that reading traces works on systems without it."""
    try:
        import fcntl
    except ImportError:
        raise CannotEnforce(
            f"can't write {path}", why="this system has no flock, so two writers can't be kept apart", fix="use Linux"
        ) from None
    return fcntl.flock, fcntl.LOCK_EX, fcntl.LOCK_NB


def _open_locked(path: Path, flags: int) -> int:
    _flock(path)
    try:
        fd = os.open(path, flags, 0o600)
    except OSError as error:
        raise TraceError(f"can't open for writing: {error.strerror}", path=str(path)) from error
    try:
        lock(fd, path)
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            raise TraceError("not a regular file", path=str(path))  # noqa: TRY301  the handler closes the descriptor
        sync_directory(path.parent)
    except BaseException:
        os.close(fd)
        raise
    return fd
