"""A file of the run's layer that becomes the host's own: given a second name instead of being copied.

Layer and workspace mostly lie on one file system. A second name (link(2)) costs
the same for a gigabyte as for a line, and leaves nothing to be removed later.
But a copy takes over content and nothing else, and is reachable by nobody. So
a file is given a second name only where nothing tells it from its copy:

- the mode and owner that the copy would have, no other name, no attributes, ACL,
  capability or inode flags, no blocks beyond its end; its times become now
- nobody has it open for writing: the kernel says so when it grants a lease
- no directory above it hides what the host has: the layer's name of it goes away
  once all is done, and must not be missed there

Everything else is copied. Source: fcntl(2) "Leases", ioctl_iflags(2).
"""

import errno
import fcntl
import os
import signal
import stat
import struct
from collections.abc import Iterable
from contextlib import ExitStack, suppress
from typing import Final, final

from nucleus.apply import plan
from nucleus.apply.beneath import DEPTH_LIMIT, lent, look, split
from nucleus.apply.layer import foreign_notes, marks
from nucleus.apply.plan import Step
from nucleus.lean import dataclass

ALL_BITS: Final = 0o7777
SPARE_BLOCKS: Final = 128
"""Blocks of 512 bytes that a file may have beyond its size: what file systems round up to."""
_BLOCK: Final = 512
_GET_FLAGS: Final = 0x80086601
"""FS_IOC_GETFLAGS, as x86-64 and aarch64 have it."""
_OWN_FLAGS: Final = 0x80000 | 0x10000000 | 0x40000
"""Flags that say how ext4 stores a file (extents, inline data, huge): by its size, at nobody's wish."""
_UNABLE: Final = frozenset({errno.EXDEV, errno.EPERM, errno.EACCES, errno.EMLINK, errno.EOPNOTSUPP, errno.EINVAL})
"""What says that a file can't have a second name here, or no lease: it is copied."""


class StillWrittenError(OSError):
    """Somebody has a file of the run open for writing, although the run is over."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EBUSY, "somebody still has the run's file open for writing; nothing was applied", path)


@final
class Layer:
    """Directories of the run's layer, the last one kept open: what is staged together lies together."""

    def __init__(self, base: int) -> None:
        self._base = base
        self._near: tuple[tuple[str, ...], int, bool] | None = None
        self._held = ExitStack()
        """All directories of the way: what the run made unreadable is only reached while it is lent."""

    def at(self, above: tuple[str, ...]) -> tuple[int, bool]:
        """Return a directory, good until the next call, and whether it hides what the host has. Raises OSError."""
        if self._near is None or self._near[0] != above:
            self.close()
            self._near = (above, *self._walked(above))
        return self._near[1:]

    def close(self) -> None:
        """Let go of what is held."""
        self._near = None
        self._held.close()

    def _walked(self, above: tuple[str, ...]) -> tuple[int, bool]:
        if len(above) > DEPTH_LIMIT:
            raise OSError(errno.ENAMETOOLONG, f"more than {DEPTH_LIMIT} directories below one another")
        descriptor, hides = self._base, False
        for part in above:
            descriptor = self._held.enter_context(lent(descriptor, part))
            hides = hides or marks(descriptor).opaque
        return descriptor, hides


@final
@dataclass(frozen=True, slots=True)
class Model:
    """What a file that is made in the stage is like; ``mode`` is what the process leaves of 0777."""

    device: int
    owner: tuple[int, int]
    mode: int
    flags: int

    @classmethod
    def made(cls, stage: int) -> "Model":
        """Return the model of a stage. Raises OSError."""
        name = "model"
        opened = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(name, opened, 0o777, dir_fd=stage)
        try:
            os.unlink(name, dir_fd=stage)
            status = os.fstat(descriptor)
            return cls(
                status.st_dev, (status.st_uid, status.st_gid), stat.S_IMODE(status.st_mode), inode_flags(descriptor)
            )
        finally:
            os.close(descriptor)


def like_a_copy(source: int, status: os.stat_result, step: Step, host: os.stat_result | None, model: Model) -> bool:
    """Whether nothing but its times would tell an open file of the layer from the copy that the stage would make."""
    replaces = host is not None and stat.S_ISREG(host.st_mode)
    mode = step.mode & 0o777 if replaces else step.mode & model.mode
    owner = model.owner if host is None else (host.st_uid, host.st_gid)
    return (
        status.st_dev == model.device
        and status.st_nlink == 1
        and status.st_mode & ALL_BITS == mode
        and (status.st_uid, status.st_gid) == owner
        and status.st_blocks <= -(-status.st_size // _BLOCK) + SPARE_BLOCKS
        and not foreign_notes(source)
        and (inode_flags(source) ^ model.flags) & ~_OWN_FLAGS == 0
    )


def adopted(source: int, folder: int, name: str, stage: int, staged: str) -> bool:
    """Give an open file of the layer a second name in the stage, and the times of now; False where that can't be.

    Raises StillWrittenError if somebody has it open for writing, OSError.
    """
    if not _unwritten(source, name):
        return False
    try:
        for note in os.listxattr(source):
            os.removexattr(source, note)
        os.link(name, staged, src_dir_fd=folder, dst_dir_fd=stage, follow_symlinks=False)
    except OSError as error:
        if error.errno not in _UNABLE:
            raise
        return False
    os.utime(source)
    return True


def inode_flags(descriptor: int) -> int:
    """Return the inode's flags (ioctl_iflags(2)), 0 where the file system has none."""
    with suppress(OSError):
        found: int = struct.unpack("=I", fcntl.ioctl(descriptor, _GET_FLAGS, bytes(8))[:4])[0]
        return found
    return 0


def released(base: int, steps: Iterable[Step]) -> None:
    """Take the layer's names of adopted files away, after they are the host's for good. Raises OSError."""
    layer = Layer(base)
    try:
        for step in steps:
            if step.do not in {plan.PUT, plan.SWAP} or step.fresh is None:
                continue
            above, name = split(step.path)
            with suppress(FileNotFoundError, NotADirectoryError):
                folder = layer.at(above)[0]
                now = look(folder, name)
                if now is not None and (now.st_dev, now.st_ino) == (step.fresh.device, step.fresh.inode):
                    os.unlink(name, dir_fd=folder)
    finally:
        layer.close()


def _unwritten(source: int, name: str) -> bool:
    """Whether the kernel vouches that nobody has the file open for writing; False where it can't.

    A read lease is granted only then. Raises StillWrittenError.
    """
    try:
        # Should somebody open it while the lease is held: a signal that nobody minds.
        fcntl.fcntl(source, fcntl.F_SETSIG, signal.SIGURG)
        fcntl.fcntl(source, fcntl.F_SETLEASE, fcntl.F_RDLCK)
        fcntl.fcntl(source, fcntl.F_SETLEASE, fcntl.F_UNLCK)
    except OSError as error:
        if error.errno == errno.EAGAIN:
            raise StillWrittenError(name) from None
        return False
    return True
