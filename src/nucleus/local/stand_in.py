"""Who watches a box while its supervisor is stopped, like a job of the owner's shell: a process that no key stops.

The command's process group is stopped with the run, but what it started in a
session of its own goes on. So its time and its disk stay bounded meanwhile.
"""

import os
import select
import signal
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

LOOK_SECONDS: Final = 0.5


@contextmanager
def stand_in(first: int, over: Callable[[], bool]) -> Iterator[None]:
    """Meanwhile, have ``over`` asked, and process 1 of the box killed when it says so.

    ``first`` is a descriptor of that process, -1 for a box that has none: then nobody watches. The one who asks has
    a process group of its own, ends with this process, and is gone afterwards. This process must have one thread: it
    forks. Raises OSError.
    """
    if first < 0:
        yield
        return
    us = os.pidfd_open(os.getpid())
    # INVARIANT: no handler of this process runs in the child: it would write into the pipe that wakes this one.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
    try:
        child = os.fork()
        if child == 0:
            try:
                _watch(us, over)
            finally:
                # Whoever can't look any more ends the box.
                with suppress(ProcessLookupError):
                    signal.pidfd_send_signal(first, signal.SIGKILL)
                os._exit(0)
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
        os.close(us)
    try:
        with suppress(PermissionError, ProcessLookupError):
            os.setpgid(child, 0)
        yield
    finally:
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def _watch(supervisor: int, over: Callable[[], bool]) -> None:
    """Return once it is over, or the supervisor is dead."""
    os.setpgid(0, 0)
    while not select.select([supervisor], [], [], LOOK_SECONDS)[0] and not over():
        pass
