"""Directories and files below a descriptor: no path is resolved twice, and no link is followed.

Both trees that an apply reads are hostile. The upper layer was written by the
box; the workspace is changed by other processes while it is looked at. A path
is walked one component at a time with ``O_NOFOLLOW | O_DIRECTORY``, each
relative to the descriptor before it (openat(2)); a directory that is moved
while it is held stays the directory that was opened.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from typing import Final, NamedTuple, final

DEPTH_LIMIT: Final = 128
"""Directories below one another that are walked: more is a trap, and would spend descriptors."""
CHUNK: Final = 1 << 20
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REGULAR: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Stamp(NamedTuple):
    """What tells whether a file is still the one that was looked at, with the content that it had."""

    device: int
    inode: int
    mode: int
    size: int
    modified: int
    """Nanoseconds, as the next."""
    changed: int

    @classmethod
    def of(cls, status: os.stat_result) -> "Stamp":
        """Return the stamp of a status."""
        return cls(status.st_dev, status.st_ino, status.st_mode, status.st_size, status.st_mtime_ns, status.st_ctime_ns)

    def same(self, other: "Stamp") -> bool:
        """Whether this is the same file with the same content. A rename or a further link alters ``changed`` only."""
        return self[:5] == other[:5]


@final
class Folders:
    """Directories below one descriptor, the last one kept open: neighbours are walked to once."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._near: tuple[tuple[str, ...], int] | None = None

    def at(self, above: tuple[str, ...]) -> int:
        """Return a descriptor of the directory at ``above``, good until the next call. Raises OSError."""
        if self._near is None or self._near[0] != above:
            with directory(self._base, above) as found:
                descriptor = os.dup(found)
            self.close()
            self._near = (above, descriptor)
        return self._near[1]

    def close(self) -> None:
        """Let go of what is held."""
        if self._near is not None:
            os.close(self._near[1])
            self._near = None


@contextmanager
def held(path: str) -> Iterator[int]:
    """Hold a descriptor of a directory that the owner's side names. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def enter(base: int, name: str) -> int:
    """Return a descriptor of the directory ``name`` in ``base``. Raises OSError; a link is no directory."""
    return os.open(name, _DIRECTORY, dir_fd=base)


@contextmanager
def lent(base: int, name: str) -> Iterator[int]:
    """Hold a descriptor of a directory that its owner may have made unreadable; it has the mode that it had afterwards.

    That is for the run's layer: it would alter the change time of an entry of the host. The mode is lent as long as
    the directory is held, for what is in it is only reached with it. Raises OSError.
    """
    status = os.lstat(name, dir_fd=base)
    closed = os.geteuid() != 0 and stat.S_ISDIR(status.st_mode) and status.st_mode & 0o700 != 0o700
    with _readable(base, name, 0o700) if closed else nullcontext():
        descriptor = enter(base, name)
        try:
            yield descriptor
        finally:
            os.close(descriptor)


@contextmanager
def directory(base: int, parts: tuple[str, ...]) -> Iterator[int]:
    """Hold a descriptor of the directory at ``parts`` below ``base``. Raises OSError."""
    if len(parts) > DEPTH_LIMIT:
        raise OSError(errno.ENAMETOOLONG, f"more than {DEPTH_LIMIT} directories below one another", "/".join(parts))
    descriptor = os.dup(base)
    try:
        for part in parts:
            below = os.open(part, _DIRECTORY, dir_fd=descriptor)
            os.close(descriptor)
            descriptor = below
        yield descriptor
    finally:
        os.close(descriptor)


def look(base: int, name: str) -> os.stat_result | None:
    """Return the status of an entry, None where there is none. Follows no link."""
    try:
        return os.lstat(name, dir_fd=base)
    except FileNotFoundError:
        return None


@contextmanager
def regular(base: int, name: str, *, lend: bool = False) -> Iterator[int]:
    """Hold a descriptor of a regular file, open for reading. Raises OSError for anything else, and never waits."""
    try:
        descriptor = os.open(name, _REGULAR, dir_fd=base)
    except PermissionError:
        if not lend:
            raise
        with _readable(base, name, 0o400):
            descriptor = os.open(name, _REGULAR, dir_fd=base)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise OSError(errno.EINVAL, "no regular file", name)
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def _readable(base: int, name: str, bits: int) -> Iterator[None]:
    """Give its owner ``bits`` of an entry while the block lasts. Raises OSError where it is somebody else's."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=base)
    try:
        mode = stat.S_IMODE(os.fstat(descriptor).st_mode)
        # A descriptor opened as a path can't be changed itself; the entry that stands for it can (proc(5)).
        os.chmod(f"/proc/self/fd/{descriptor}", mode | bits)
        try:
            yield
        finally:
            os.chmod(f"/proc/self/fd/{descriptor}", mode)
    finally:
        os.close(descriptor)


def digest(descriptor: int) -> str:
    """Return the SHA-256 of a whole file, in pieces: its size does not matter."""
    summed = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while piece := os.read(descriptor, CHUNK):
        summed.update(piece)
    return summed.hexdigest()


def compared(descriptor: int, other: int | None) -> tuple[str, bool]:
    """Return the SHA-256 of a file, and whether ``other`` holds the same bytes. Both are read once, in pieces."""
    summed = hashlib.sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    same = other is not None
    while True:
        piece = os.read(descriptor, CHUNK)
        if same and other is not None:
            same = _filled(other, len(piece)) == piece
        if not piece:
            return summed.hexdigest(), same
        summed.update(piece)


def _filled(descriptor: int, size: int) -> bytes:
    """Return the next ``size`` bytes, or at the end of a file what is left; one byte more where nothing should be."""
    found = os.read(descriptor, size or 1)
    while len(found) < size:
        more = os.read(descriptor, size - len(found))
        if not more:
            break
        found += more
    return found


def split(path: str) -> tuple[tuple[str, ...], str]:
    """Return the directories and the last component of a relative path."""
    *above, name = path.split("/")
    return tuple(above), name
