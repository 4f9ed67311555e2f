"""A private directory on the workspace's file system, where everything is made ready before anything is touched.

Contents are copied from the run's layer without passing through this process
where the kernel can (copy_file_range(2), which shares the blocks on file
systems that can), holes stay holes, and nothing but content is taken over:
no attribute, ACL, capability, set-id bit, owner.
"""

import errno
import os
import secrets
import stat
from contextlib import suppress
from typing import Final, final

from nucleus.apply import plan
from nucleus.apply.beneath import CHUNK, Stamp, directory, look, regular, split
from nucleus.apply.change import Change
from nucleus.apply.plan import Step

PREFIX: Final = ".nucleus-apply-"
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_STEP: Final = 1 << 30
"""Bytes that one copy_file_range is asked for."""


def place(workspace: int) -> str:
    """Return where a stage can be made: in ``.git``, where nobody watches or lists it, else beside it."""
    name = PREFIX + secrets.token_hex(8)
    git = look(workspace, ".git")
    if git is not None and stat.S_ISDIR(git.st_mode) and git.st_dev == os.fstat(workspace).st_dev:
        with directory(workspace, (".git",)) as folder:
            if os.access(".", os.W_OK | os.X_OK, dir_fd=folder):
                return f".git/{name}"
    return name


@final
class Stage:
    """The stage of one apply: an entry ``N`` for what comes, ``oN`` for what goes away."""

    def __init__(self, folder: int) -> None:
        self.folder = folder

    def fill(self, step: Step, change: Change | None, upper: int) -> Stamp:
        """Make the entry of one step ready, and return its stamp. Raises OSError, also if the run's entry changed."""
        name = str(step.number)
        if change is None or step.do == plan.MKDIR:
            os.mkdir(name, step.mode, dir_fd=self.folder)
        elif change.kind == "link":
            os.symlink(change.target, name, dir_fd=self.folder)
        elif change.kind == "fifo":
            os.mkfifo(name, step.mode, dir_fd=self.folder)
        else:
            self._copy(step, change, upper)
        return Stamp.of(os.lstat(name, dir_fd=self.folder))

    def _copy(self, step: Step, change: Change, upper: int) -> None:
        above, last = split(change.path)
        with directory(upper, above) as folder, regular(folder, last, lend=True) as source:
            if change.after is None or not Stamp.of(os.fstat(source)).same(change.after):
                raise OSError(errno.EAGAIN, "the run's file is not the one that was looked at", change.shown)
            target = os.open(str(step.number), _FLAGS, step.mode, dir_fd=self.folder)
            try:
                copy(source, target, change.size)
                if step.before is not None and stat.S_ISREG(step.before.mode):
                    self._take_over(target, step)
                if os.fstat(target).st_size != change.size:
                    raise OSError(errno.EIO, "a copy is not as long as its original", change.shown)
            finally:
                os.close(target)

    def _take_over(self, target: int, step: Step) -> None:
        """Give a file the mode of the one that it replaces, or the one that was allowed; never a set-id bit."""
        os.fchmod(target, step.mode & 0o777)

    def owned_as(self, step: Step, status: os.stat_result) -> Stamp:
        """Give a staged file the owner of the one that it will replace, and return its stamp. Raises OSError."""
        name = str(step.number)
        own = os.lstat(name, dir_fd=self.folder)
        if (own.st_uid, own.st_gid) != (status.st_uid, status.st_gid):
            os.chown(name, status.st_uid, status.st_gid, dir_fd=self.folder, follow_symlinks=False)
        return Stamp.of(os.lstat(name, dir_fd=self.folder))

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, durably. Raises OSError."""
        with open(os.open(name, _FLAGS, 0o644, dir_fd=self.folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def sync(self, step: Step) -> None:
        """Make the content of one staged file durable. Raises OSError."""
        descriptor = os.open(str(step.number), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=self.folder)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def copy(source: int, target: int, size: int) -> None:
    """Make ``target``, an empty file, the same content as ``source``. Holes stay holes. Raises OSError."""
    os.ftruncate(target, size)
    at = 0
    while at < size:
        try:
            start = os.lseek(source, at, os.SEEK_DATA)
        except OSError as error:
            if error.errno != errno.ENXIO:
                raise
            return  # nothing but a hole up to the end
        end = min(os.lseek(source, start, os.SEEK_HOLE), size)
        _copy_range(source, target, start, end)
        at = end


def _copy_range(source: int, target: int, start: int, end: int) -> None:
    while start < end:
        moved = 0
        with suppress(OSError):
            # Not every pair of file systems can; then the bytes go through here.
            moved = os.copy_file_range(source, target, min(end - start, _STEP), start, start)
        if moved == 0:
            piece = os.pread(source, min(end - start, CHUNK), start)
            if not piece:
                raise OSError(errno.EIO, "a file became shorter while it was copied")
            moved = os.pwrite(target, piece, start)
        start += moved


def remove(base: int, name: str) -> None:
    """Remove a stage with all that is in it. One that is not there is none. Raises OSError."""
    with suppress(FileNotFoundError):
        with directory(base, (name,)) as folder:
            for entry in os.listdir(folder):
                status = look(folder, entry)
                if status is not None and stat.S_ISDIR(status.st_mode):
                    os.rmdir(entry, dir_fd=folder)
                elif status is not None:
                    os.unlink(entry, dir_fd=folder)
        os.rmdir(name, dir_fd=base)
