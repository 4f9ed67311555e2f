"""How much a box may use: memory, processes, and the disk that its changes take.

Memory and processes of the whole box are bounded by a control group of its
own where this user may make one (cgroup v2, delegated: the usual thing for a
user's own services under systemd). Where that is not so, each process has a
limit of its own on writable memory, which many processes together can exceed;
the report and the header say which of the two holds. The disk is looked at
while the run goes on, since an overlay has no quota: what is written between
two looks can exceed the bound, by what the disk takes in that time. The kernel
bounds each file (RLIMIT_FSIZE). It has nothing for all together that an
unprivileged process can set: project quotas and loop devices need root
(quotactl(2), loop(4)), and a tmpfs of a bounded size is memory.
Source: the kernel's ``admin-guide/cgroup-v2.rst``; getrlimit(2).
"""

import os
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Final, final

from nucleus.lean import dataclass

ROOT: Final = "/sys/fs/cgroup"
SHARE: Final = 0.75
"""Of the machine's memory, for one box."""
PROCESSES: Final = 4096
UPPER_BYTES: Final = 16 << 30
"""What the changes of a run may take on disk."""
FREE_BYTES: Final = 256 << 20
"""What has to stay free on the disk that holds them: the trace is written there too."""
LOOK_SECONDS: Final = 2.0
REST: Final = 20.0
"""A look is not taken again before this many times its own duration."""


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """The bounds of one box."""

    memory: int
    processes: int = PROCESSES
    upper: int = UPPER_BYTES
    free: int = FREE_BYTES


def default_limits() -> Limits:
    """Return the bounds that hold where nobody set others."""
    return Limits(int(os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") * SHARE))


@final
class Group:
    """A control group of a box's own. ``close`` takes it away once everything in it is dead."""

    def __init__(self, path: str) -> None:
        self.path: Final = path

    def take(self, numbers: Sequence[int]) -> None:
        """Put processes into it, and with them all that they start. Raises OSError."""
        for number in numbers:
            _write(self.path, "cgroup.procs", str(number))

    def close(self) -> None:
        """Remove it. A group that still holds a process stays."""
        with suppress(OSError):
            os.rmdir(self.path)


def group(name: str, limits: Limits, root: str = ROOT, own: str = "/proc/self/cgroup") -> Group | None:
    """Return a new control group with these limits, None where this user can't make one that holds.

    Asked are the groups above this process's own, nearest first: one in which
    it may make a child, and whose children are bounded in memory and processes.
    """
    for parent in _ancestors(root, own):
        made = os.path.join(parent, f"nucleus-{name}")
        try:
            with open(os.path.join(parent, "cgroup.subtree_control"), encoding="ascii") as file:
                if not {"memory", "pids"} <= set(file.read().split()):
                    continue
            os.mkdir(made, 0o755)
        except OSError:
            continue
        try:
            _write(made, "memory.max", str(limits.memory))
            _write(made, "pids.max", str(limits.processes))
            with suppress(OSError):  # without swap there is no such file
                _write(made, "memory.swap.max", "0")
        except OSError:
            Group(made).close()
            continue
        return Group(made)
    return None


def _ancestors(root: str, own: str) -> list[str]:
    """Return the directories of this process's group and those above it, nearest first; none without cgroup v2."""
    try:
        with open(own, encoding="utf-8") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return []
    path = next((parts[2] for parts in lines if len(parts) == 3 and parts[:2] == ["0", ""]), "")
    if not path.startswith("/") or ".." in path.split("/") or not os.path.exists(os.path.join(root, "cgroup.procs")):
        return []
    names = [part for part in path.split("/") if part]
    return [os.path.join(root, *names[:size]) for size in range(len(names), -1, -1)]


def _write(folder: str, name: str, text: str) -> None:
    number = os.open(os.path.join(folder, name), os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(number, text.encode())
    finally:
        os.close(number)


@final
class Disk:
    """Looks at what the changes of a run take.

    Each call asks the disk how much is free, which costs nothing. All files are counted seldom, the longer that
    takes the more so; and at once when the disk lost as much since then as half of what the run may still take.
    """

    def __init__(self, folders: Sequence[str], limits: Limits, clock: Callable[[], float] = time.monotonic) -> None:
        """``folders`` are the layers of one run, on one disk."""
        self._folders = tuple(folders)
        self._limits = limits
        self._clock = clock
        self._next = 0.0
        self._used = 0
        self._free = 0

    def __call__(self) -> str:
        """Return why the run may not go on, "" if it may."""
        found = os.statvfs(self._folders[0])
        if found.f_bavail * found.f_frsize < self._limits.free:
            return f"the disk of its changes is full: less than {self._limits.free >> 20} MiB are left"
        free, began = found.f_bfree * found.f_frsize, self._clock()
        if began < self._next and (self._free - free) * 2 < self._limits.upper - self._used:
            return ""
        self._used = sum(used(folder, self._limits.upper) for folder in self._folders)
        took = self._clock() - began
        self._next, self._free = began + took + max(LOOK_SECONDS, took * REST), free
        return f"its changes take more than {self._limits.upper >> 20} MiB" if self._used > self._limits.upper else ""


def used(folder: str, enough: int) -> int:
    """Return the bytes on disk below a directory that is being written; no more is counted than ``enough``."""
    total, waiting = 0, [folder]
    while waiting and total <= enough:
        with suppress(OSError), os.scandir(waiting.pop()) as listing:
            for entry in listing:
                with suppress(OSError):  # gone again
                    total += entry.stat(follow_symlinks=False).st_blocks * 512
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(entry.path)
    return total
