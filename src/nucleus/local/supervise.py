"""The time between a command's beginning and its end: bytes, signals, questions, and who ended it.

One thread waits for everything. The command ends by itself, by a signal of
the owner's, or because it may go on no longer: its time is over, the budget
is, the owner stopped everything, the gate is gone. Whatever ends it, at
return every process of the box is dead.
"""

import os
import signal
import socket
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any, Final, Protocol, final

from nucleus.errors import StateBlocked
from nucleus.gate.connection import Connection
from nucleus.gate.protocol import ProtocolError, Splitter, encode, unpacked
from nucleus.lean import dataclass
from nucleus.local.flows import Watch
from nucleus.local.stand_in import stand_in
from nucleus.local.streams import Streams
from nucleus.policy.model import CALL_COST

LOOK_SECONDS: Final = 0.5
"""How often the gate is asked whether the principal may still go on."""
SILENT_SECONDS: Final = 30.0
"""How long the gate may owe an answer to that."""
TERM_SECONDS: Final = 5.0
"""What a command gets after the first request to end, before it is killed."""
DRAIN_SECONDS: Final = 10.0
"""How long a reader that does not read is waited for once the box is dead."""
EARLY_SECONDS: Final = 10.0
"""The gate's clock began before ours, by no more than this."""
TIME_OVER: Final = "its time is over"
ENDING: Final = (signal.SIGTERM, signal.SIGHUP)
FORWARDED: Final = (signal.SIGINT, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2, *ENDING)

Typed = Callable[[], str]
"""Waits for a line that is typed; "" if none came: the question is answered elsewhere, or the run ends."""
OnQuestion = Callable[[dict[str, Any], Typed], bool | None]
"""(question, typed) -> the answer to it, None to leave it open."""
LINE_LIMIT: Final = 4096


def now() -> float:
    """Return seconds of a clock that goes on while the machine sleeps."""
    return time.clock_gettime(time.CLOCK_BOOTTIME)


@final
@dataclass(frozen=True, slots=True)
class End:
    """How a run ended."""

    status: int
    """The command's own, as a shell shows it."""
    by_gate: str = ""
    """Why the gate ended it: time, budget, lockdown, or that the gate is gone; "" if it did not."""


class Held(Protocol):
    """What is supervised: a command that is held, and has not begun."""

    @property
    def ended(self) -> int:
        """A descriptor that is readable once the command has ended."""
        ...

    @property
    def foremost(self) -> int:
        """A descriptor of the process with which all others end, -1 where there is none."""
        ...

    def go(self) -> None:
        """Let the command begin."""
        ...

    def signal(self, number: int) -> None:
        """Send a signal to the command's process group."""
        ...

    def end(self) -> int:
        """End every process of it, and return the command's status."""
        ...


@contextmanager
def owner_socket(gate: Connection) -> Iterator[socket.socket]:
    """Give the approver's connection that the gate makes for the process which holds a box. Raises Refused."""
    made, _ = gate.branch({"do": "watch"})
    try:
        with socket.socket(fileno=os.dup(made.fileno())) as sock:
            yield sock
    finally:
        made.close()


def seen(gate: Connection) -> int:
    """Return the exposure of the gate's principal, everything if it can't be asked any more."""
    try:
        reply, _ = gate.request({"do": "status"})
        return int(reply["state"][1])
    except (StateBlocked, KeyError):
        from nucleus.kernel.exposure import ALL_SEEN

        return ALL_SEEN


@final
class Supervisor:
    """One run."""

    def __init__(
        self,
        living: Held,
        streams: Streams,
        watch: Watch,
        owner: socket.socket,
        beyond: Callable[[], str] = lambda: "",
    ) -> None:
        """``owner`` is the approver's connection that the gate made for this process.

        ``beyond`` is asked often, and says why the run may not go on, "" if it may.
        """
        self._beyond = beyond
        self._living = living
        self._streams = streams
        self._watch = watch
        self._owner = owner
        self._frames = Splitter()
        self._why = ""
        self._over = False
        self._kill_at = 0.0
        self._heard = now()
        self._asked = 0.0
        self._waiting: list[dict[str, Any]] = []
        self._pending: frozenset[str] = frozenset()
        self._interrupted = False
        self.questions = 0
        """How many were raised."""
        self._end = 0.0

    def run(self, on_question: OnQuestion, seconds: float) -> End:
        """Let the command begin, and return when it has ended and every process of its box is dead.

        ``seconds`` bound it. Raises TimeoutError if the kernel does not end the box.
        """
        self._end = now() + seconds
        self._watch.read(self._living.ended, self._ended)
        self._watch.read(self._owner.fileno(), self._gate_speaks)
        self._send({"do": "watch"})
        self._living.go()
        with self._signals():
            while not self._over and not self._why:
                self._look()
                self._watch.turn(LOOK_SECONDS)
                if self._streams.leaving:
                    self._suspend()
                while self._waiting and not self._over:
                    self._answer(self._waiting.pop(0), on_question)
            self._watch.read(self._living.ended, None)
            self._watch.forget(self._owner.fileno())
            status = self._living.end()
            self._drain()
        if not self._why and self._streams.lost:
            # Its command may have noticed nothing: its bytes were in our pipe already.
            self._why = f"what it wrote is lost in part: {self._streams.lost}"
        return End(status, self._why)

    def _ended(self) -> None:
        self._over = True

    def _suspend(self) -> None:
        """Stop the command and this program, like any job of the owner's shell, until somebody lets them go on.

        Where no shell could let them (an orphaned process group) the kernel stops nobody, and they go on at once.
        Nothing is judged less meanwhile: the gate is a process of its own, and refuses when the time is over. What
        the command started in sessions of its own is not stopped, but bounded as before (``stand_in``).
        """
        self._living.signal(signal.SIGSTOP)
        with stand_in(self._living.foremost, lambda: now() >= self._end or bool(self._beyond())):
            self._streams.away(lambda: os.kill(0, signal.SIGTSTP))
        self._living.signal(signal.SIGCONT)
        self._heard = now()

    def _look(self) -> None:
        """Ask the gate whether the command may go on, and end it where it may not."""
        moment = now()
        if moment >= self._end:
            self._why = TIME_OVER
        elif moment - self._heard > SILENT_SECONDS:
            self._why = "the gate does not answer any more"
        elif 0.0 < self._kill_at <= moment:
            self._over = True
        elif why := self._beyond():
            self._why = why
        elif moment - self._asked >= LOOK_SECONDS:
            self._asked = moment
            self._send({"do": "status"})

    def _send(self, fields: dict[str, Any]) -> None:
        try:
            self._owner.sendall(encode(fields))
        except OSError:
            self._why = "the gate is gone"

    def _gate_speaks(self) -> None:
        try:
            data = self._owner.recv(1 << 16)
            for fields, body in self._frames.feed(data):
                self._take(unpacked(fields, body))
        except (OSError, ProtocolError):
            data = b""
        if not data:
            self._why = self._why or "the gate is gone"

    def _take(self, fields: dict[str, Any]) -> None:
        self._heard = now()
        if "question" in fields:
            self.questions += 1
            self._waiting.append(fields["question"])
        if "principals" in fields:
            self._pending = frozenset(id_ for one in fields["principals"] for id_ in one["pending"])
        for one in fields.get("principals", [])[:1]:
            if one["closed"]:
                late = now() >= self._end - EARLY_SECONDS
                self._why = TIME_OVER if late else "it was stopped (lockdown), or nothing can be recorded any more"
            elif one["state"][2] < CALL_COST:
                self._why = "its budget is used up"

    def _answer(self, question: dict[str, Any], on_question: OnQuestion) -> None:
        said: list[bool | None] = []
        self._pending |= {question["id"]}
        self._streams.ask(lambda: said.append(on_question(question, lambda: self._typed(question["id"]))))
        if said and said[0] is not None:
            self._send({"do": "answer", "ids": [question["id"]], "allow": said[0]})

    def _typed(self, id_: str) -> str:
        """Wait for a line, and for whatever makes it needless. The box's terminal waits; all else goes on."""
        number, line = self._streams.keyboard, b""
        here: list[bytes] = []
        self._interrupted = False
        self._watch.read(number, lambda: here.append(os.read(number, LINE_LIMIT)))
        try:
            while not (self._over or self._why or self._interrupted) and id_ in self._pending:
                self._look()
                self._watch.turn(LOOK_SECONDS)
                line = b"".join(here)
                if line.endswith(b"\n") or b"" in here or len(line) >= LINE_LIMIT:
                    return line.decode("utf-8", "replace").strip()
        finally:
            self._watch.read(number, None)
        return ""

    def _drain(self) -> None:
        """Write out what the dead box has said: as long as its reader takes, unless something is to end."""
        self._kill_at = now() + DRAIN_SECONDS if self._why else 0.0
        while not self._streams.drained and not 0.0 < self._kill_at <= now():
            self._watch.turn(LOOK_SECONDS)

    def _caught(self, number: int, *, repeated: bool) -> None:
        if number == signal.SIGWINCH:
            self._streams.resize()
            return
        if number == signal.SIGINT and self._streams.asking:
            self._interrupted = True
            return
        self._living.signal(number)
        if number in ENDING and not self._kill_at:
            self._kill_at = now() + TERM_SECONDS
        elif repeated:
            self._kill_at = now()

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """Turn signals into events of the loop. What the terminal of this process sends, the box gets."""
        read, write = os.pipe()
        os.set_blocking(read, False)
        os.set_blocking(write, False)
        seen: dict[int, int] = {}

        def noted(number: int, frame: FrameType | None) -> None:
            del frame
            seen[number] = seen.get(number, 0) + 1

        def woken() -> None:
            for number in set(os.read(read, 512)):
                self._caught(number, repeated=seen.get(number, 0) > 1)

        before = {number: signal.signal(number, noted) for number in (*FORWARDED, signal.SIGWINCH)}
        old = signal.set_wakeup_fd(write, warn_on_full_buffer=False)
        self._watch.read(read, woken)
        try:
            yield
        finally:
            signal.set_wakeup_fd(old)
            for number, handler in before.items():
                signal.signal(number, handler)
            self._watch.forget(read)
            os.close(read)
            os.close(write)
