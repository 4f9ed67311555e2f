"""The steps of an apply in git's storage: a ref, HEAD, the index. Done, and undone, under git's own locks."""

import os
from typing import Final

from nucleus.apply import lockfile, plan
from nucleus.apply.beneath import Stamp, digest, look, regular
from nucleus.apply.box_refs import ref_value
from nucleus.apply.plan import Step
from nucleus.apply.storage import Storage

UNTOUCHED: Final = Stamp(0, 0, 0, 0, 0, 0)


def do(step: Step, storage: Storage, stage: int) -> None:
    """Put the staged content in place. Raises BlockingIOError where it is not what was looked at any more."""
    with storage.above(step.path, make=True) as (folder, name):
        lockfile.replace(stage, str(step.number), folder, name, lambda: _now(step, storage) == step.values[0])


def undo(step: Step, storage: Storage, stage: int) -> Stamp | None:
    """Put back what was there, if the step was done.

    Return the stamp of what was put back, ``UNTOUCHED`` where there was nothing to put back or somebody moved on
    since, None where another git is in the way.
    """
    new, old = str(step.number), f"o{step.number}"
    try:
        with storage.above(step.path) as (folder, name):
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


def _now(step: Step, storage: Storage) -> str:
    """Return what is there now, in the words of ``Step.values``."""
    if step.do == plan.REF:
        with storage.shared() as shared:
            return ref_value(shared, step.path.removeprefix(".git/"))
    with storage.above(step.path) as (folder, name):
        if look(folder, name) is None:
            return ""
        with regular(folder, name) as descriptor:
            if step.do == plan.INDEX:
                return digest(descriptor)
            return os.read(descriptor, 4096).decode("utf-8", "replace").strip()
