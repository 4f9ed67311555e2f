"""The steps of an apply in git's storage: a ref, HEAD, the index. Done, and undone, under git's own locks."""

import os
from contextlib import suppress
from typing import Final

from nucleus.apply import lockfile, plan
from nucleus.apply.beneath import Stamp, digest, directory, enter, look, regular, split
from nucleus.apply.box_refs import ref_value
from nucleus.apply.plan import Step

UNTOUCHED: Final = Stamp(0, 0, 0, 0, 0, 0)


def do(step: Step, workspace: int, stage: int) -> None:
    """Put the staged content in place. Raises BlockingIOError where it is not what was looked at any more."""
    above, name = split(step.path)
    _make(workspace, above)
    with directory(workspace, above) as folder:
        lockfile.replace(stage, str(step.number), folder, name, lambda: _now(step, workspace) == step.values[0])


def undo(step: Step, workspace: int, stage: int) -> Stamp | None:
    """Put back what was there, if the step was done.

    Return the stamp of what was put back, ``UNTOUCHED`` where there was nothing to put back or somebody moved on
    since, None where another git is in the way.
    """
    above, name = split(step.path)
    new, old = str(step.number), f"o{step.number}"
    try:
        with directory(workspace, above) as folder:
            for staged in (new, old):
                lockfile.free(stage, staged, folder, name)
            if not lockfile.same(stage, new, folder, name):
                return UNTOUCHED
            if step.values[0]:
                lockfile.replace(stage, old, folder, name, lambda: lockfile.same(stage, new, folder, name))
                return Stamp.of(os.lstat(name, dir_fd=folder))
            if lockfile.same(stage, new, folder, name):
                lockfile.remove(stage, old, folder, name, lambda: lockfile.same(stage, new, folder, name))
    except (FileNotFoundError, NotADirectoryError):
        return UNTOUCHED
    except BlockingIOError:
        return None
    return UNTOUCHED


def _now(step: Step, workspace: int) -> str:
    """Return what is there now, in the words of ``Step.values``."""
    with directory(workspace, (".git",)) as storage:
        if step.do == plan.REF:
            return ref_value(storage, step.path.removeprefix(".git/"))
        name = step.path.removeprefix(".git/")
        if look(storage, name) is None:
            return ""
        with regular(storage, name) as descriptor:
            if step.do == plan.INDEX:
                return digest(descriptor)
            return os.read(descriptor, 4096).decode("utf-8", "replace").strip()


def _make(workspace: int, above: tuple[str, ...]) -> None:
    """Make the directories of a ref's name. Raises OSError."""
    descriptor = os.dup(workspace)
    try:
        for part in above:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=descriptor)
            below = enter(descriptor, part)
            os.close(descriptor)
            descriptor = below
    finally:
        os.close(descriptor)
