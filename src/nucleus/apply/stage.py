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
from collections.abc import Callable, Iterable, Sequence
from contextlib import suppress
from hashlib import sha256
from threading import Thread
from typing import Final, final

from nucleus.apply import plan
from nucleus.apply.adopt import Layer, Model, adopted, like_a_copy
from nucleus.apply.beneath import CHUNK, Stamp, directory, look, regular, split
from nucleus.apply.change import Change
from nucleus.apply.plan import Step

PREFIX: Final = ".nucleus-apply-"
_FLAGS: Final = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
THREADS: Final = 8
"""That remove a large stage."""
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
        self._known: Model | None = None

    def fill(self, step: Step, change: Change | None, layer: Layer, host: os.stat_result | None) -> Stamp:
        """Make the entry of one step ready, and return its stamp. Raises OSError, also if the run's entry changed.

        ``host``: what will be replaced; its owner is taken over, and of a regular file the mode that the step says.
        """
        name = str(step.number)
        if change is None or step.do == plan.MKDIR:
            os.mkdir(name, step.mode, dir_fd=self.folder)
        elif change.kind == "link":
            os.symlink(change.target, name, dir_fd=self.folder)
        elif change.kind == "fifo":
            os.mkfifo(name, step.mode, dir_fd=self.folder)
        elif self._take(step, change, layer, host):
            return Stamp.of(os.lstat(name, dir_fd=self.folder))
        made = os.lstat(name, dir_fd=self.folder)
        if host is not None and (made.st_uid, made.st_gid) != (host.st_uid, host.st_gid):
            os.chown(name, host.st_uid, host.st_gid, dir_fd=self.folder, follow_symlinks=False)
            made = os.lstat(name, dir_fd=self.folder)
        return Stamp.of(made)

    def _take(self, step: Step, change: Change, layer: Layer, host: os.stat_result | None) -> bool:
        """Stage a regular file of the run; return whether it is the run's own file and no copy. Raises OSError."""
        above, last = split(change.path)
        folder, hides = layer.at(above)
        now = Stamp.of(os.lstat(last, dir_fd=folder))
        # INVARIANT: with its change time, which nobody can set: what is staged is what was judged
        # (tests/apply/test_stage.py). Where its owner had to lend himself its read bit to look, that moved it.
        lent = not now.mode & stat.S_IRUSR
        if change.after is None or not (now.same(change.after) if lent else now == change.after):
            raise _exchanged(change)
        with regular(folder, last, lend=True) as source:
            status = os.fstat(source)
            if not Stamp.of(status).same(change.after):
                raise _exchanged(change)
            if not hides and like_a_copy(source, status, step, host, self._model()):
                name = str(step.number)
                if adopted(source, folder, last, self.folder, name):
                    if os.lstat(name, dir_fd=self.folder).st_ino != status.st_ino:
                        raise _exchanged(change)
                    return True
            self._copy(source, step, change, host)
            if Stamp.of(os.fstat(source)) != Stamp.of(status):
                raise _exchanged(change)
        return False

    def _copy(self, source: int, step: Step, change: Change, host: os.stat_result | None) -> None:
        target = os.open(str(step.number), _FLAGS, step.mode, dir_fd=self.folder)
        try:
            if change.size <= CHUNK:
                content = os.pread(source, CHUNK + 1, 0)
                if len(content) != change.size or sha256(content).hexdigest() != change.digest:
                    raise _exchanged(change)
                copied = os.write(target, content)
            else:
                copy(source, target, change.size)
                copied = os.fstat(target).st_size
            if host is not None and stat.S_ISREG(host.st_mode):
                # The mode of the one that it replaces, or the one that was allowed; never a set-id bit.
                os.fchmod(target, step.mode & 0o777)
            if copied != change.size:
                raise OSError(errno.EIO, "a copy is not as long as its original", change.shown)
        finally:
            os.close(target)

    def _model(self) -> Model:
        if self._known is None:
            self._known = Model.made(self.folder)
        return self._known

    def write(self, name: str, content: bytes) -> None:
        """Write a small file, durably. Raises OSError."""
        with open(os.open(name, _FLAGS, 0o644, dir_fd=self.folder), "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())

    def sync(self, step: Step) -> None:
        """Make the content of one staged file durable. Raises OSError."""
        with regular(self.folder, str(step.number), lend=True) as descriptor:
            os.fsync(descriptor)


def _exchanged(change: Change) -> OSError:
    return OSError(errno.EAGAIN, "the run's file is not the one that was looked at", change.shown)


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
    """Remove a stage with all that is in it. One that is not there is none. Raises OSError.

    Freeing a file's blocks waits for the disk, and waiting costs nobody time: several threads do it.
    """
    with suppress(FileNotFoundError):
        with directory(base, (name,)) as folder:
            entries = os.listdir(folder)
            if len(entries) < THREADS * 16:
                _removed(folder, entries)
            else:
                _at_once([entries[at::THREADS] for at in range(THREADS)], lambda part: _removed(folder, part))
        os.rmdir(name, dir_fd=base)


def _at_once(parts: Sequence[list[str]], work: Callable[[list[str]], None]) -> None:
    """Do ``work`` for each part in a thread of its own; the first error is raised when all have ended."""
    errors: list[OSError] = []

    def one(part: list[str]) -> None:
        try:
            work(part)
        except OSError as error:
            errors.append(error)

    threads = [Thread(target=one, args=(part,)) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if errors:
        raise errors[0]


def _removed(folder: int, entries: Iterable[str]) -> None:
    for entry in entries:
        try:
            os.unlink(entry, dir_fd=folder)
        except IsADirectoryError:
            os.rmdir(entry, dir_fd=folder)
