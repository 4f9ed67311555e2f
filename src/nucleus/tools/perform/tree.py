"""Files below one directory, reached by descriptor: no path is ever resolved twice.

``openat2`` is not in the standard library, so a path is walked one component
at a time with ``O_NOFOLLOW | O_DIRECTORY`` relative to the descriptor before
it. What that gives is RESOLVE_BENEATH, RESOLVE_NO_SYMLINKS and
RESOLVE_NO_MAGICLINKS: no ``..``, no absolute part, no link at any depth. A
directory that is moved while it is held stays the directory that was opened.

Only regular files are opened, without blocking. Writing replaces the name
(temporary file, fsync, rename, fsync of the directory): a reader, a crash or
a full disk sees the old content or the new, and a hard link to the old file
elsewhere keeps the old content. The mode survives; extended attributes do not.
A process that is killed in the middle can leave its temporary file
(``.nucleus-*.tmp``) beside the target, never a half-written target.
"""

import errno
import os
import secrets
import stat
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from hashlib import sha256
from typing import Final

from nucleus.tools.perform.outcomes import too_large

DEPTH_LIMIT: Final = 128
"""Directories below one another that are walked: more is a trap, and would spend descriptors."""
CHUNK: Final = 1 << 20
MODE_BITS: Final = 0o777
"""What a replaced file keeps. Set-id bits are dropped: the content is no longer what was trusted."""
_DIRECTORY: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_REGULAR: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC

Stamp = tuple[int, int, int, int]
"""Device, inode, size and modification time: whether a file is still the one that was read."""


def split(path: str) -> tuple[bool, tuple[str, ...]]:
    """Return whether the path is absolute, and its segments. Raises ValueError if it climbs or is none."""
    if not path or "\0" in path:
        raise ValueError("a path has at least one character and no NUL")
    parts = tuple(part for part in path.split("/") if part not in {"", "."})
    if ".." in parts:
        raise ValueError(f"the path {path!r} climbs with '..'; name the place itself")
    if len(parts) > DEPTH_LIMIT:
        raise ValueError(f"the path has more than {DEPTH_LIMIT} segments")
    return path.startswith("/"), parts


@contextmanager
def root(path: str) -> Iterator[int]:
    """Hold a descriptor of a directory named by the owner's side."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


@contextmanager
def directory(base: int, parts: Sequence[str], *, create: bool = False) -> Iterator[int]:
    """Hold a descriptor of the directory at ``parts`` below ``base``. Follows no link."""
    held = os.dup(base)
    try:
        for depth, part in enumerate(parts):
            try:
                below = _enter(held, part, create=create)
            except OSError as error:
                raise _named(error, held, parts[: depth + 1]) from None
            os.close(held)
            held = below
        yield held
    finally:
        os.close(held)


def _enter(base: int, part: str, *, create: bool) -> int:
    if create:
        with suppress(FileExistsError):
            os.mkdir(part, dir_fd=base)
    return os.open(part, _DIRECTORY, dir_fd=base)


def _named(error: OSError, base: int, parts: Sequence[str]) -> OSError:
    """Return the error with the path in the caller's words, and links called what they are."""
    name = "/".join(parts)
    with suppress(OSError):
        if stat.S_ISLNK(os.lstat(parts[-1], dir_fd=base).st_mode):
            return OSError(errno.ELOOP, "a symbolic link, which is never followed", name)
    return OSError(error.errno, os.strerror(error.errno or errno.EIO), name)


@contextmanager
def regular(base: int, name: str, shown: str) -> Iterator[int]:
    """Hold a descriptor of a regular file, open for reading. Raises OSError for anything else."""
    try:
        _require_regular(os.lstat(name, dir_fd=base).st_mode, shown)
        descriptor = os.open(name, _REGULAR, dir_fd=base)
    except OSError as error:
        if error.filename == shown:
            raise
        raise OSError(error.errno, os.strerror(error.errno or errno.EIO), shown) from None
    try:
        _require_regular(os.fstat(descriptor).st_mode, shown)
        yield descriptor
    finally:
        os.close(descriptor)


def _require_regular(mode: int, shown: str) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISLNK(mode):
        raise OSError(errno.ELOOP, "a symbolic link, which is never followed", shown)
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "a directory", shown)
    raise OSError(errno.EINVAL, "neither a file nor a directory (a device, pipe or socket)", shown)


def read(descriptor: int, limit: int, shown: str) -> bytes:
    """Return the whole content. Raises OSError (EFBIG) beyond ``limit``, before reading where the size says so."""
    if os.fstat(descriptor).st_size > limit:
        raise too_large(repr(shown), limit)
    chunks: list[bytes] = []
    size = 0
    while chunk := os.read(descriptor, CHUNK):
        size += len(chunk)
        if size > limit:
            raise too_large(repr(shown), limit)
        chunks.append(chunk)
    return b"".join(chunks)


def read_at(base: int, parts: Sequence[str], limit: int) -> bytes:
    """Return the content of the regular file at ``parts`` below ``base``."""
    shown = "/".join(parts)
    with directory(base, parts[:-1]) as folder, regular(folder, parts[-1], shown) as descriptor:
        return read(descriptor, limit, shown)


def stamp(descriptor: int) -> Stamp:
    """Return what tells whether a file is still the one that was read."""
    found = os.fstat(descriptor)
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def replace(folder: int, name: str, content: bytes, shown: str, expected: Stamp | None = None) -> bool:
    """Make ``content`` the whole content of ``name``, durably and at once; return whether it is new.

    Raises OSError and leaves what was there, if the name is no regular file,
    belongs to somebody else whose ownership can't be kept, or (``expected``)
    is no longer the file that was read.
    """
    before = _before(folder, name, shown)
    temporary = f".nucleus-{secrets.token_hex(8)}.tmp"
    descriptor = os.open(
        temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o666, dir_fd=folder
    )
    try:
        try:
            _fill(descriptor, content)
            _take_over(descriptor, before, shown)
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
        _require_unchanged(_before(folder, name, shown), expected, shown)
        os.rename(temporary, name, src_dir_fd=folder, dst_dir_fd=folder)
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary, dir_fd=folder)
        raise
    os.fsync(folder)
    return before is None


def _before(folder: int, name: str, shown: str) -> os.stat_result | None:
    try:
        found = os.lstat(name, dir_fd=folder)
    except FileNotFoundError:
        return None
    _require_regular(found.st_mode, shown)
    return found


def _require_unchanged(now: os.stat_result | None, expected: Stamp | None, shown: str) -> None:
    if expected is not None and (now is None or _stamp_of(now) != expected):
        raise BlockingIOError(errno.EAGAIN, "changed by somebody else since it was read", shown)


def _stamp_of(found: os.stat_result) -> Stamp:
    return found.st_dev, found.st_ino, found.st_size, found.st_mtime_ns


def _fill(descriptor: int, content: bytes) -> None:
    rest = memoryview(content)
    while rest:
        rest = rest[os.write(descriptor, rest) :]


def _take_over(descriptor: int, before: os.stat_result | None, shown: str) -> None:
    """Give the new file the owner and mode of the one it replaces."""
    if before is None:
        return
    mine = os.fstat(descriptor)
    if (mine.st_uid, mine.st_gid) != (before.st_uid, before.st_gid):
        try:
            os.fchown(descriptor, before.st_uid, before.st_gid)
        except OSError as error:
            raise PermissionError(error.errno, "the owner of the file could not be kept", shown) from None
    os.fchmod(descriptor, before.st_mode & MODE_BITS)


def remove_exactly(folder: int, name: str, descriptor: int, digest: str, shown: str) -> None:
    """Remove a file whose content has this SHA-256, or nothing. ``descriptor`` is the file that was opened at the name.

    The name is taken away first, so that nobody opens or replaces what is
    being looked at; then the very file is read. If it is another one or has
    other content, it gets its name back, unless somebody has taken that
    meanwhile: then it stays beside it, under a name that the error says.
    Raises BlockingIOError. Not found out: somebody who holds the file open
    and writes after it was read.
    """
    aside = f".nucleus-{secrets.token_hex(8)}.tmp"
    os.rename(name, aside, src_dir_fd=folder, dst_dir_fd=folder)
    try:
        moved, opened = os.lstat(aside, dir_fd=folder), os.fstat(descriptor)
        same = (moved.st_dev, moved.st_ino) == (opened.st_dev, opened.st_ino)
        same = same and _digest(descriptor) == digest
    except BaseException:
        _put_back(folder, aside, name, shown)
        raise
    if not same:
        _put_back(folder, aside, name, shown)
        raise BlockingIOError(errno.EAGAIN, "changed by somebody else since it was looked at; not deleted", shown)
    os.unlink(aside, dir_fd=folder)


def _put_back(folder: int, aside: str, name: str, shown: str) -> None:
    """Give a file its name back. Raises FileExistsError where another one has it now; the file is kept."""
    try:
        os.link(aside, name, src_dir_fd=folder, dst_dir_fd=folder, follow_symlinks=False)
        os.unlink(aside, dir_fd=folder)
    except FileExistsError:
        raise FileExistsError(errno.EEXIST, f"replaced meanwhile; what was there is {aside}", shown) from None
    except OSError:
        # A directory, or a file system without hard links.
        os.rename(aside, name, src_dir_fd=folder, dst_dir_fd=folder)


def _digest(descriptor: int) -> str:
    summed = sha256()
    os.lseek(descriptor, 0, os.SEEK_SET)
    while chunk := os.read(descriptor, CHUNK):
        summed.update(chunk)
    return summed.hexdigest()


def is_git_internal(parts: Sequence[str]) -> bool:
    """Whether a segment is ``.git`` on any file system: case, compatibility forms, NTFS names and streams included."""
    return any(_git_name(part) for part in parts)


def _git_name(part: str) -> bool:
    visible = "".join(each for each in part if unicodedata.category(each) not in {"Cf", "Cc"} and not _selector(each))
    plain = unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", visible).casefold())
    stem = plain.replace("\\", "/").split("/")[0].split(":")[0].rstrip(" .")
    return stem in {".git", "git~1"}


def _selector(each: str) -> bool:
    return 0xFE00 <= ord(each) <= 0xFE0F or 0xE0100 <= ord(each) <= 0xE01EF
