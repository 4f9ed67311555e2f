"""The steps of an apply, done all or not at all.

Everything new is staged and durable before the first step. Each step is one
rename (or rmdir, or chmod) that either happened or did not, and whether it
did is seen from the workspace and the stage alone: no step writes a record of
its own. What a step takes away lies in the stage until all is done, and is
looked at *after* it was taken: had somebody changed it meanwhile, everything
is undone. Undoing knows only what it put there itself; an entry that somebody
changed since is left alone, and what it replaced is kept and named.

INVARIANT: at each moment ``undo`` of the written plan gives the old workspace
(tests/apply/test_transaction.py kills the process at every step).
"""

import errno
import os
import stat
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, final

from nucleus.apply import plan, storage_steps, syscalls
from nucleus.apply.beneath import Folders, Stamp, directory, look, split
from nucleus.apply.plan import Step
from nucleus.apply.stage import Stage
from nucleus.apply.storage import Storage
from nucleus.policy.worktree import Linked

SYNCED_ALONE: Final = 32
"""Directories, or staged files, that are made durable one by one; for more, the whole file system is at once."""
Tell = Callable[[str], None]
"""Told what is about to be done, before it is: progress for a person, and where a test pulls the plug."""


class MeanwhileError(OSError):
    """Somebody changed the workspace while changes were applied to it."""

    def __init__(self, path: str) -> None:
        super().__init__(errno.EAGAIN, "somebody changed it meanwhile; nothing was applied", path)


@final
class Transaction:
    """Does and undoes steps below ``workspace``, a descriptor."""

    def __init__(self, workspace: int, stage: Stage, tell: Tell, place: Linked | None = None) -> None:
        self._workspace = workspace
        self._storage = Storage(workspace, place)
        self._stage = stage
        self._tell = tell
        self._folders = Folders(workspace)
        self._walked: dict[tuple[str, ...], tuple[int, int]] = {}
        """Each directory that a step was done in: which one it was."""
        self.left: dict[str, Stamp] = {}
        """What the steps left on the host, by path: entries whose times are younger than the run."""

    def close(self) -> None:
        """Let go of what is held."""
        self._folders.close()

    def do(self, steps: Sequence[Step]) -> None:
        """Do all steps. Raises OSError where one can't be done; those before it are done then."""
        for step in steps:
            self._tell(f"{step.do} {step.path}")
            if step.do in plan.STORAGE:
                storage_steps.do(step, self._storage, self._stage.folder)
                continue
            folder, name = self._folder(step.path)
            self._forward(step, folder, name)
            now = look(folder, name)
            if now is not None and (step.do == plan.CHMOD or _fresh(step, now)):
                self.left[step.path] = Stamp.of(now)

    def verify(self, steps: Sequence[Step]) -> None:
        """Raise MeanwhileError if a directory was moved under a step, or somebody wrote on into what was taken away.

        Who opened a file before it was replaced writes into the old one. What came of that until now is given back.
        """
        for above, identity in self._walked.items():
            try:
                with directory(self._workspace, above) as folder:
                    status = os.fstat(folder)
            except (FileNotFoundError, NotADirectoryError):
                raise MeanwhileError("/".join(above)) from None
            if (status.st_dev, status.st_ino) != identity:
                raise MeanwhileError("/".join(above))
        for step in steps:
            if step.do in {plan.DROP, plan.SWAP}:
                old = f"o{step.number}"
                self._require(step, old if step.do == plan.DROP or self._has(old) else str(step.number))

    def undo(self, steps: Sequence[Step]) -> list[str]:
        """Undo what was done of the steps; return where somebody's change or what it replaced had to be left."""
        stranded = []
        for step in reversed(steps):
            self._tell(f"undo {step.do} {step.path}")
            if step.do in plan.STORAGE:
                stamp = storage_steps.undo(step, self._storage, self._stage.folder)
                if stamp is None:
                    stranded.append(step.path)
                elif stamp.inode:
                    self.left[step.path] = stamp
                continue
            try:
                folder, name = self._folder(step.path)
            except (FileNotFoundError, NotADirectoryError):
                # Never reached: its directory was to be made by a step before. Or somebody took it away.
                if self._holds_old(step):
                    stranded.append(step.path)
                continue
            if not self._backward(step, folder, name):
                stranded.append(step.path)
            now = look(folder, name)
            if now is not None and step.before is not None and Stamp.of(now).same(step.before):
                self.left[step.path] = Stamp.of(now)
        return stranded

    def sync(self, steps: Sequence[Step]) -> None:
        """Make what was done of the steps durable. Raises OSError."""
        folders = {split(step.path)[0] for step in steps}
        if len(folders) > SYNCED_ALONE:
            syscalls.sync(self._workspace)
            return
        for above in folders:
            with suppress(FileNotFoundError, NotADirectoryError), directory(self._workspace, above) as folder:
                os.fsync(folder)
        os.fsync(self._stage.folder)

    def _folder(self, path: str) -> tuple[int, str]:
        """Return a descriptor of an entry's directory, good until the next call, and its name there."""
        above, name = split(path)
        descriptor = self._folders.at(above)
        if above not in self._walked:
            status = os.fstat(descriptor)
            self._walked[above] = (status.st_dev, status.st_ino)
        return descriptor, name

    def _has(self, name: str) -> bool:
        return look(self._stage.folder, name) is not None

    def _forward(self, step: Step, folder: int, name: str) -> None:
        match step.do:
            case plan.DROP:
                self._drop(step, folder, name)
            case plan.RMDIR:
                os.rmdir(name, dir_fd=folder)
                self._walked.pop(tuple(step.path.split("/")), None)
            case plan.SWAP:
                self._swap(step, folder, name)
            case plan.CHMOD:
                _rechmod(step, folder, name)
            case _:
                self._place(step, folder, name)

    def _backward(self, step: Step, folder: int, name: str) -> bool:
        """Undo one step if it was done; return whether what the host had is there now."""
        match step.do:
            case plan.DROP:
                old = f"o{step.number}"
                return not self._has(old) or _moved(self._stage.folder, old, folder, name)
            case plan.RMDIR:
                return self._unrmdir(step, folder, name)
            case plan.MKDIR:
                _unmkdir(step, folder, name)
            case plan.SWAP:
                return self._unswap(step, folder, name)
            case plan.CHMOD:
                _unchmod(step, folder, name)
            case _:
                self._unplace(step, folder, name)
        return True

    def _drop(self, step: Step, folder: int, name: str) -> None:
        old = f"o{step.number}"
        os.rename(name, old, src_dir_fd=folder, dst_dir_fd=self._stage.folder)
        self._require(step, old)

    def _unrmdir(self, step: Step, folder: int, name: str) -> bool:
        """Make a directory again, with its mode, before it has its name."""
        made = f"r{step.number}"
        if look(folder, name) is None:
            with suppress(FileExistsError):
                os.mkdir(made, 0o700, dir_fd=self._stage.folder)
            _chmod(self._stage.folder, made, step.mode)
            _moved(self._stage.folder, made, folder, name)
        return stat.S_ISDIR(os.lstat(name, dir_fd=folder).st_mode)

    def _place(self, step: Step, folder: int, name: str) -> None:
        if not _moved(self._stage.folder, str(step.number), folder, name):
            raise MeanwhileError(step.path)

    def _unplace(self, step: Step, folder: int, name: str) -> None:
        """Take a placed entry back. One that somebody changed since is theirs: it replaced nothing, and stays."""
        staged = str(step.number)
        if not self._is_fresh(step, folder, name):
            return
        if self._has(staged):  # two names of one file: the step came half way
            os.unlink(name, dir_fd=folder)
        else:
            _moved(folder, name, self._stage.folder, staged)

    def _swap(self, step: Step, folder: int, name: str) -> None:
        staged, old = str(step.number), f"o{step.number}"
        try:
            syscalls.rename(self._stage.folder, staged, folder, name, syscalls.EXCHANGE)
        except OSError as error:
            if error.errno not in syscalls.UNABLE:
                raise
            os.link(name, old, src_dir_fd=folder, dst_dir_fd=self._stage.folder, follow_symlinks=False)
            self._require(step, old)
            os.rename(staged, name, src_dir_fd=self._stage.folder, dst_dir_fd=folder)
            return
        self._require(step, staged)

    def _unswap(self, step: Step, folder: int, name: str) -> bool:
        staged, old = str(step.number), f"o{step.number}"
        fresh = self._is_fresh(step, folder, name)
        if self._has(old):
            if fresh:
                os.rename(old, name, src_dir_fd=self._stage.folder, dst_dir_fd=folder)
            return fresh or self._has(staged)
        if fresh:
            syscalls.rename(self._stage.folder, staged, folder, name, syscalls.EXCHANGE)
            return True
        # What waits in the stage is what was to come: the step was not done. Else somebody wrote over it.
        return self._waits(step)

    def _waits(self, step: Step) -> bool:
        """Whether what was to come still lies in the stage."""
        waiting = look(self._stage.folder, str(step.number))
        return waiting is not None and _fresh(step, waiting)

    def _holds_old(self, step: Step) -> bool:
        """Whether the stage has what the step took away."""
        return (step.do == plan.SWAP and not self._waits(step)) or self._has(f"o{step.number}")

    def _require(self, step: Step, name: str) -> None:
        """Raise MeanwhileError unless what was taken away is what was looked at."""
        found = os.lstat(name, dir_fd=self._stage.folder)
        if step.before is None or not Stamp.of(found).same(step.before):
            raise MeanwhileError(step.path)

    def _is_fresh(self, step: Step, folder: int, name: str) -> bool:
        """Whether what is there is what a step put there, and nobody touched it since."""
        now = look(folder, name)
        return now is not None and _fresh(step, now)


def _fresh(step: Step, now: os.stat_result) -> bool:
    return step.fresh is not None and Stamp.of(now).same(step.fresh)


def _unmkdir(step: Step, folder: int, name: str) -> None:
    """Take a placed directory back, unless somebody put something into it."""
    now = look(folder, name)
    if now is not None and step.fresh is not None and now.st_ino == step.fresh.inode:
        with suppress(OSError):
            os.rmdir(name, dir_fd=folder)


def _rechmod(step: Step, folder: int, name: str) -> None:
    now = look(folder, name)
    if now is None or step.before is None or not _same_entry(now, step.before) or now.st_mode != step.before.mode:
        raise MeanwhileError(step.path)
    _chmod(folder, name, step.mode)


def _unchmod(step: Step, folder: int, name: str) -> None:
    now = look(folder, name)
    ours = now is not None and stat.S_IMODE(now.st_mode) == step.mode
    if now is not None and ours and step.before is not None and _same_entry(now, step.before):
        _chmod(folder, name, stat.S_IMODE(step.before.mode))


def _moved(source: int, name: str, folder: int, target: str) -> bool:
    """Move an entry to where nothing is, and return whether nothing was."""
    try:
        syscalls.rename(source, name, folder, target, syscalls.NOREPLACE)
    except FileExistsError:
        return False
    except OSError as error:
        if error.errno not in syscalls.UNABLE:
            raise
        return _linked(source, name, folder, target)
    return True


def _linked(source: int, name: str, folder: int, target: str) -> bool:
    """Move an entry to where nothing is, without the call that does it at once."""
    if stat.S_ISDIR(os.lstat(name, dir_fd=source).st_mode):
        if look(folder, target) is not None:
            return False
        # A directory that somebody makes just now is replaced only if it is empty.
        os.rename(name, target, src_dir_fd=source, dst_dir_fd=folder)
        return True
    try:
        os.link(name, target, src_dir_fd=source, dst_dir_fd=folder, follow_symlinks=False)
    except FileExistsError:
        return False
    os.unlink(name, dir_fd=source)
    return True


def _same_entry(now: os.stat_result, before: Stamp) -> bool:
    return (now.st_dev, now.st_ino) == (before.device, before.inode)


def _chmod(folder: int, name: str, mode: int) -> None:
    """Set the mode of an entry that is no link. Raises OSError."""
    descriptor = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=folder)
    try:
        if stat.S_ISLNK(os.fstat(descriptor).st_mode):
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        os.chmod(f"/proc/self/fd/{descriptor}", mode)
    finally:
        os.close(descriptor)
