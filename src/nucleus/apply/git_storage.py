"""What differs in git's storage between a run and the host, beyond what its git moves all the time.

Branches, tags, HEAD and new objects are looked at by themselves; index, logs
and the like are noise (``classes.toml``). All else (configuration, hooks,
alternates, grafts, replacements, worktrees, submodules) is told to a person
and applied by nobody: it decides what git runs, and what git shows.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress

from nucleus.apply.beneath import DEPTH_LIMIT, compared, enter, lent, look, regular
from nucleus.apply.classes import moved, noise
from nucleus.apply.layer import is_whiteout, marks


def differences(upper: int, host: int, masks: int | None) -> Iterator[str]:
    """Yield the paths below a storage directory that the run made, changed or took away. Raises OSError.

    The arguments are the directory in the upper layer, in the workspace, and in the layer of masks, whose
    files are what the run saw in place of the host's.
    """
    yield from _below(upper, host, masks, "", opaque=False)


def _below(upper: int, host: int | None, masks: int | None, path: str, *, opaque: bool) -> Iterator[str]:
    if path.count("/") >= DEPTH_LIMIT:
        yield path
        return
    with os.scandir(upper) as entries:
        listed = sorted(entries, key=lambda entry: entry.name)
    if opaque and host is not None:
        gone = set(os.listdir(host)) - {entry.name for entry in listed}
        yield from (each for each in (_join(path, name) for name in sorted(gone)) if not _quiet(each))
    for entry in listed:
        below = _join(path, entry.name)
        status = entry.stat(follow_symlinks=False)
        if stat.S_ISDIR(status.st_mode) and not noise(below) and not moved(below):
            yield from _directory(upper, (host, masks), entry.name, below, opaque=opaque)
        elif not _quiet(below) and _differs((upper, host, masks), entry.name, status):
            yield below


def _directory(
    upper: int, lower: tuple[int | None, int | None], name: str, path: str, *, opaque: bool
) -> Iterator[str]:
    with ExitStack() as held:
        own = _opened(held, upper, name, lend=True)
        if own is None:
            yield path
            return
        noted = marks(own)
        host, masks = (None if base is None else _opened(held, base, name) for base in lower)
        if noted.odd or (host is None and not os.listdir(own)):
            yield path
        yield from _below(own, host, masks, path, opaque=opaque or noted.opaque)


def _differs(bases: tuple[int, int | None, int | None], name: str, status: os.stat_result) -> bool:
    """Whether an entry that is no directory is another than the one that the run found."""
    upper, host, masks = bases
    shown = next((base for base in (masks, host) if base is not None and look(base, name) is not None), None)
    if is_whiteout(status):
        return shown is not None
    with suppress(OSError), ExitStack() as held:
        if shown is not None and stat.S_ISREG(status.st_mode):
            own = held.enter_context(regular(upper, name, lend=True))
            return bool(marks(own).odd) or not compared(own, held.enter_context(regular(shown, name)))[1]
    return True


def _opened(held: ExitStack, base: int, name: str, *, lend: bool = False) -> int | None:
    with suppress(OSError):
        if lend:
            return held.enter_context(lent(base, name))
        descriptor = enter(base, name)
        held.callback(os.close, descriptor)
        return descriptor
    return None


def _quiet(path: str) -> bool:
    return noise(path) or moved(path)


def _join(path: str, name: str) -> str:
    return f"{path}/{name}" if path else name
