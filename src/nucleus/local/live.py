"""A box that lives: for one command of the owner's, with its streams, a terminal of its own, and layers that stay.

Unlike ``ns.NsBox`` it keeps what the command changed: the layers lie in the
run's place in the state directory. What is true once ``Living`` is made: the
self-test passed in the finished box, under the very filter, mounts and
namespaces that the command gets; from outside its namespaces are others than
ours, and its workspace is an overlay with our upper layer; nothing of the
command has run, and nothing will before ``go``. After ``end`` every process of
the box is dead.
"""

import os
import re
import select
import signal
import time
from collections.abc import Sequence
from contextlib import suppress
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import BoxReport
from nucleus.gate.spawn import ended
from nucleus.lean import dataclass
from nucleus.local import layers, probe
from nucleus.local.argv import View, within
from nucleus.local.ns import attestation
from nucleus.local.quotas import Group
from nucleus.local.started import Live, Started, configuration
from nucleus.local.state_file import left_in
from nucleus.local.veil import Veil
from nucleus.local.views import Views

TEST_SECONDS: Final = 20.0
GRACE: Final = 10.0
"""Seconds that a killed box has to be gone. The kernel needs milliseconds; a hung file system may need more."""
SPACES: Final = ("user", "pid", "net", "ipc", "uts", "cgroup", "mnt")


_UPPER: Final = re.compile(r"(?:^|,)upperdir=((?:[^,\\]|\\.)*)")
_ESCAPED: Final = re.compile(r"\\(?:([0-7]{3})|(.))")


@final
@dataclass(frozen=True, slots=True)
class Wish:
    """What is to run, and on what."""

    workspace: str
    argv: tuple[str, ...]
    cwd: str = "."
    """Relative to the workspace."""
    hidden: tuple[str, ...] = ()
    """Paths that are masked, relative to the workspace."""


def hide(workspace: str, folder: str, patterns: Sequence[str], only: Sequence[Sequence[str]] = ()) -> list[str]:
    """Make the mask layer of a run; return the hidden paths. Raises CannotEnforce, OSError.

    ``only``: sets of patterns outside of which everything is hidden.
    """
    layers.refuse_mounts(workspace)
    try:
        veil = Veil(patterns, only)
    except ValueError as error:
        fix = "use another profile, or name directories in [allow] read"
        raise CannotEnforce("a box can't hide what the policy hides", why=str(error), fix=fix) from error
    hidden = layers.mask(workspace, os.path.join(folder, "masks"), veil)
    layers.dress(workspace, os.path.join(folder, "upper"))
    return hidden


@final
class Living:
    """One box that was made and judged. A context: leaving it ends the box."""

    def __init__(self, views: Views, folder: str, wish: Wish, live: Live) -> None:
        """Make the box, and wait for its self-test. Raises CannotEnforce with the cause and the fix."""
        self.not_started = 0
        """Once the box has ended: the error number of a command that could not be started, 0 if it could."""
        self._status: int | None = None
        self._home = -1
        self.view: Final = views.view(folder, wish.workspace, wish.cwd, wish.argv[0])
        found = views.found()
        try:
            self._started = Started(
                found, views.python, self.view, configuration(self.view, wish.hidden, wish.argv), live
            )
            try:
                self._passed = self._started.passed(time.monotonic() + TEST_SECONDS)
                judge(self._started.number, self.view)
                # What the box's home has at its end can be read through this when all else of the box is gone.
                place = f"/proc/{self._started.number}/root{self.view.home}"
                self._home = os.open(place, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
            except BaseException:
                self.end()
                raise
        except (CannotEnforce, OSError) as error:
            examined = os.path.join(folder, "examined")
            os.makedirs(examined, mode=0o700, exist_ok=True)
            raise probe.explain(found.path, examined, getattr(error, "why", "") or str(error)) from error
        self.report: Final = BoxReport("ns", attested=True, layers=_layers(views, live))

    def __enter__(self) -> "Living":
        return self

    def __exit__(self, *_: object) -> None:
        self.end()
        if self._home >= 0:
            os.close(self._home)
            self._home = -1

    def left(self, name: str) -> bytes | None:
        """Return a file of the box's home, None for no regular file of a sane size. Meant for after the end."""
        return left_in(self._home, name)

    @property
    def first(self) -> int:
        """The number of the box's process 1."""
        return self._started.number

    @property
    def leader(self) -> int:
        """The number of the command, which leads its process group."""
        return self._passed.number

    @property
    def terminal(self) -> int:
        """The other side of the box's terminal, -1 where it has none."""
        return self._passed.terminal

    @property
    def door(self) -> int:
        """Where programs in the box ask for a connection to the gate: a listening socket."""
        return self._passed.door

    @property
    def ended(self) -> int:
        """A descriptor that is readable once the command has ended."""
        return self._passed.process

    @property
    def foremost(self) -> int:
        """A descriptor of the box's process 1."""
        return self._started.first

    @property
    def layers(self) -> tuple[str, ...]:
        """Where the box's changes lie on disk."""
        return self.view.upper, *(copy.upper for copy in self.view.copies)

    def join(self, group: Group) -> None:
        """Put the box's processes into a control group, before the command begins. Raises OSError."""
        group.take([self._started.process.pid, self._started.number, self._passed.number])

    def go(self) -> None:
        """Let the command begin."""
        self._started.go()

    def signal(self, number: int) -> None:
        """Send a signal to the command's process group. Nothing happens if the command has ended."""
        if self._status is None and not select.select([self._passed.process], [], [], 0)[0]:
            # INVARIANT: the number is still the command's: its process is there, and is reaped in the box only.
            os.killpg(self._passed.number, number)

    def end(self) -> int:
        """End every process of the box, wait until all are gone, and return the command's status as a shell shows it.

        Raises TimeoutError if the kernel does not end them.
        """
        if self._status is None:
            started = self._started
            with started:
                if started.first < 0:
                    started.process.kill()
                    self._status = _status(started)
                else:
                    self._status = self._finish()
                self.not_started = started.exec_error()
        return self._status

    def _finish(self) -> int:
        started = self._started
        passed = getattr(self, "_passed", None)
        if passed is None or not select.select([passed.process], [], [], 0)[0]:
            _kill(started.first)
        status = _status(started)
        _kill(started.first)  # what the command left behind ends with it
        # INVARIANT: this descriptor is readable once every process of the namespace is dead (pidfd_open(2),
        # pid_namespaces(7)): after this line nothing writes to the layers any more (test_live.py).
        if not select.select([started.first], [], [], GRACE)[0]:
            raise TimeoutError("the box did not end when it was killed")
        return status if status >= 0 else 128 - status


def _status(started: Started) -> int:
    """Return what bubblewrap ended with. Raises TimeoutError."""
    if not ended(started.process, GRACE):
        raise TimeoutError("the box did not end when it was killed")
    return started.process.wait()


def _kill(first: int) -> None:
    with suppress(ProcessLookupError):
        signal.pidfd_send_signal(first, signal.SIGKILL)


def judge(number: int, view: View) -> None:
    """Look from outside at the box whose process 1 has this number. Raises CannotEnforce, OSError."""
    for name in SPACES:
        if os.readlink(f"/proc/{number}/ns/{name}") == os.readlink(f"/proc/self/ns/{name}"):
            raise _not(f"its {name} namespace is ours")
    with open(f"/proc/{number}/mountinfo", encoding="utf-8", errors="surrogateescape") as table:
        mounted = [line.split() for line in table]
    for place, upper in ((view.workspace, view.upper), *((copy.place, copy.upper) for copy in view.copies)):
        own = [words for words in mounted if _plain(words[4]) == place]
        if not own or own[-1][own[-1].index("-") + 1] != "overlay" or not has_upper(own[-1][-1], upper):
            raise _not(f"{place} is no overlay with our layer")


def has_upper(settings: str, upper: str) -> bool:
    """Whether the options of an overlay name this upper layer: as it is, or below bubblewrap's own root."""
    hit = _UPPER.search(settings)
    return hit is not None and _plain(hit[1]) in {upper, "/oldroot" + upper}


def _plain(place: str) -> str:
    """Return a place of the mount table as a path: blanks stand there in octal, commas behind a backslash."""
    return _ESCAPED.sub(lambda hit: chr(int(hit[1], 8)) if hit[1] else hit[2], place)


def _not(why: str) -> CannotEnforce:
    return CannotEnforce("the box does not hold what it promises; nothing was run", why=why, fix="nucleus doctor")


def _layers(views: Views, live: Live) -> dict[str, str]:
    found = attestation(views.found(), len(probe.program()))
    found["workspace"] = "overlay; changes wait for a judged apply"
    found["self-test"] = "passed in this box; namespaces and overlay seen from outside"
    found["processes"] = f"at most {live.processes} of this user"
    if live.file_bytes:
        found["files"] += f"; none larger than {live.file_bytes >> 20} MiB"
    if live.data_bytes:
        found["memory"] = f"at most {live.data_bytes >> 20} MiB of writable memory for each process"
    return found


def is_folder(workspace: str, cwd: str, hidden: Sequence[str]) -> bool:
    """Whether the box will have this directory: in the workspace, links followed, and nothing above it hidden."""
    real = os.path.realpath(os.path.join(workspace, cwd))
    masked = any(within(real, os.path.join(workspace, path)) for path in hidden)
    return within(real, workspace) and not masked and os.path.isdir(real)
