"""A file that somebody else reads at any time: read once, replaced as a whole or not at all.

Afterwards it has the same name, owner, group, mode and extended attributes;
whoever opens it sees the old bytes or the new ones. A symbolic link stays one:
what it leads to is replaced, if the caller said that links may be followed.
"""

import errno
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path
from typing import Final, final

from nucleus.clients.layout import Unfit
from nucleus.lean import dataclass

LIMIT: Final = 64 << 20
"""Bytes. A client that keeps its history beside its servers has files of megabytes."""


@final
@dataclass(frozen=True, slots=True)
class Held:
    """A file as it was when it was read."""

    path: Path
    """Without links."""
    data: bytes
    status: os.stat_result

    @property
    def own(self) -> bool:
        """Whether the file is of the user that this process runs as, and nobody else can write it."""
        return self.status.st_uid == os.geteuid() and not self.status.st_mode & 0o002

    def put(self, data: bytes) -> None:
        """Put ``data`` in the file's place. Raises Unfit where it changed since, OSError; then nothing changed."""
        descriptor, beside = tempfile.mkstemp(prefix=f".{self.path.name}.", dir=self.path.parent)
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(data)
                file.flush()
                self._dress(file.fileno())
                os.fsync(file.fileno())
            self._unchanged()
            os.replace(beside, self.path)
        except BaseException:
            os.unlink(beside)
            raise
        folder = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)

    def withdraw(self) -> None:
        """Remove the file. Raises Unfit where it changed since, OSError."""
        self._unchanged()
        os.unlink(self.path)

    def _unchanged(self) -> None:
        if read(self.path, follow=False) != self:
            raise Unfit("it was changed by somebody else meanwhile; nothing is changed, try again")

    def _dress(self, descriptor: int) -> None:
        """Give the new file what the old one has besides bytes. Raises OSError."""
        mine = os.fstat(descriptor)
        if (mine.st_uid, mine.st_gid) != (self.status.st_uid, self.status.st_gid):
            os.fchown(descriptor, self.status.st_uid, self.status.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(self.status.st_mode))
        for name in _attributes(self.path):
            os.setxattr(descriptor, name, os.getxattr(self.path, name))


def create(path: Path, data: bytes, *, again: bool) -> None:
    """Make a file of the owner's only, with its directories. Raises OSError.

    ``again``: one that is there is replaced as a whole; else it is not touched, and FileExistsError is raised.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    descriptor, beside = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        if again:
            os.replace(beside, path)
        else:
            os.link(beside, path)
            os.unlink(beside)
    except BaseException:
        with suppress(FileNotFoundError):
            os.unlink(beside)
        raise


def read(path: Path, *, follow: bool) -> Held:
    """Return a file's bytes. Raises Unfit for what is no plain file of one name, OSError.

    ``follow``: a symbolic link may lead anywhere, since a person named it.
    """
    if path.is_symlink() and not follow:
        raise Unfit("it is a symbolic link; name it, to edit what it leads to")
    real = Path(os.path.realpath(path, strict=True))
    descriptor = os.open(real, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    with os.fdopen(descriptor, "rb") as file:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            raise Unfit("it is no regular file")
        if status.st_nlink > 1:
            raise Unfit("it has a second name (a hard link), which would keep the old text")
        if status.st_size > LIMIT:
            raise Unfit(f"it is larger than {LIMIT} bytes")
        data = file.read(LIMIT + 1)
    return Held(real, data, _settled(status))


def _settled(status: os.stat_result) -> os.stat_result:
    """Return a status without the time of the last reading, so that two of an unchanged file are equal."""
    fields = list(status)
    fields[stat.ST_ATIME] = 0
    return os.stat_result(fields)


def _attributes(path: Path) -> list[str]:
    """Return the extended attributes that a user may set: access lists and names of the user's own."""
    names: list[str] = []
    with suppress(OSError):
        names = [name for name in os.listxattr(path) if name.startswith(("user.", "system.posix_acl_"))]
    return names


def why(error: OSError) -> str:
    """Return what an error of the system means for a file that should be replaced."""
    if error.errno in {errno.EPERM, errno.EACCES, errno.EROFS}:
        return f"it can't be replaced with the same owner and mode ({error.strerror}); nothing is changed"
    return error.strerror or str(error)
