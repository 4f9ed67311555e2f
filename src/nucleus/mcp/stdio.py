"""The shell of the mediator: one thread, one loop, three neighbours.

Client, server and gate are file descriptors. What one side is not reading is
held up to a limit, and then the side that produces it is not read either: no
amount of pipelined calls fills the memory, and none makes the loop wait on
one side while another waits on it.
"""

import fcntl
import os
import select
import signal
import subprocess
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any, Final, Protocol, final

from nucleus.errors import CannotEnforce
from nucleus.gate.protocol import AWAKE_NS, ProtocolError, Splitter
from nucleus.gate.protocol import encode as frame
from nucleus.mcp.engine import Mediator
from nucleus.mcp.framing import Lines
from nucleus.mcp.steps import Effect, Note, ToClient, ToGate, ToServer

CHUNK: Final = 1 << 16
"""Bytes of one read: what a pipe holds, and small enough that no memory is mapped for it."""
PIPE: Final = 1 << 20
"""What a pipe is asked to hold (pipe(7)), so that a large message is one turn and not many."""
HELD: Final = 4 << 20
"""Bytes that wait for one side before those that produce them are no longer read."""
GRACE: Final = 0.8
"""Seconds that a server gets to end after its input ended, and again after it was asked to. Clients give the mediator
two seconds in all before they kill it, and a server would survive that."""
DRAIN: Final = 5.0
"""Seconds without a word of the server, after which it owes nothing to a client that left."""
SECOND_MS: Final = 1000
TAKEN_NS: Final = 20_000
"""A look that took longer: somebody else needed the processor, so it is not idle, and needs no waking."""
LAST_MS: Final = 100
"""Between two looks at the time once the client left."""
GONE: Final = "the server is gone"
GATE_GONE: Final = "the gate is gone; nothing can be allowed any more"


def launch(command: Sequence[str], environment: Mapping[str, str], folder: str) -> "subprocess.Popen[bytes]":
    """Start the server with pipes for its messages; its errors go where ours go. Raises CannotEnforce."""
    try:
        return subprocess.Popen(
            list(command),
            env=dict(environment),
            cwd=folder,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            start_new_session=True,
        )
    except OSError as error:
        raise CannotEnforce(
            f"the server {command[0]} could not be started", why=str(error), fix="check the command"
        ) from error


class Gate(Protocol):
    """A connection to the gate, as far as this loop goes."""

    def fileno(self) -> int:
        """Return its descriptor."""
        ...


@final
class Pump:
    """Everything that is read and written while a server runs."""

    def __init__(
        self,
        mediator: Mediator,
        client: tuple[int, int],
        server: tuple[int, int],
        gate: Gate,
        save: Callable[[], None],
        say: Callable[[str], None],
        turn: AbstractContextManager[Any] | None = None,
    ) -> None:
        """Take descriptors to read from and to write to, and what to call when pins changed or a person should know.

        ``turn`` is held while messages are looked at: several of these in one process share pins and mappings.
        """
        self._mine = nullcontext() if turn is None else turn
        self._awake_ns = AWAKE_NS if turn is None else 0
        """None where others of this process would wait for the interpreter meanwhile."""
        self._mediator = mediator
        self._client_in, self._client_out = client
        self._server_out, self._server_in = server
        self._gate_fd = gate.fileno()
        self._save = save
        self._say = say
        self._lines = {self._client_in: Lines(), self._server_out: Lines()}
        self._frames = Splitter()
        self._waiting = {self._client_out: bytearray(), self._server_in: bytearray(), self._gate_fd: bytearray()}
        self._open = {self._client_in, self._server_out, self._gate_fd}
        self._takers = {
            self._client_in: (self._server_in, self._gate_fd, self._client_out),
            self._server_out: (self._client_out, self._gate_fd),
            self._gate_fd: (),
        }
        """Who gets what is made of the bytes of each side. The gate's answers are always read: they free the rest."""
        self._poll = select.poll()
        self._asked: dict[int, int] = {}
        """Descriptor -> what the kernel is asked of it at present."""
        self._settled = False
        """Whether nothing waited and nobody left when the kernel was last asked."""
        self._heard = 0.0
        """When something was last read: silence is taken for good, once the client left."""
        self.why = ""
        """Why it ended, "" where the client simply left."""

    def run(self) -> None:
        """Turn until the client left or nothing is left to mediate, and everything owed was written.

        Raises SystemExit when this process is asked to end (SIGTERM): whoever called it ends the server.
        """
        restore = {fd: os.get_blocking(fd) for fd in (*self._waiting, *self._open)}
        for fd in restore:
            os.set_blocking(fd, False)
            widen(fd)
        main = threading.current_thread() is threading.main_thread()
        if main:
            signal.signal(signal.SIGTERM, _asked_to_end)
        try:
            while self._turning():
                self._turn()
        finally:
            # Asked once is enough: what ends the server now is not interrupted.
            if main:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)
            for fd in (self._client_in, self._client_out):
                os.set_blocking(fd, restore[fd])

    def _turning(self) -> bool:
        if self.why or self._client_in not in self._open:
            return bool(self._waiting.get(self._client_out)) or self._draining()
        return True

    def _draining(self) -> bool:
        """Whether the client left while its last requests are still answered: piped input ends like that.

        Then whether the gate still takes what it was told last.
        """
        silence = time.monotonic() - self._heard
        owed = not self.why and self._server_out in self._open and self._mediator.open_requests > 0
        told = self._gate_fd in self._open and self._mediator.owed > 0
        return (owed and silence < DRAIN) or (told and silence < GRACE)

    def _turn(self) -> None:
        self._ask()
        found = self._found()
        with self._mine:
            if self._mediator.waits:
                self._perform(self._mediator.tick(time.monotonic()))
            for fd, events in found:
                if events & select.POLLOUT or (events & ~select.POLLIN and fd not in self._open):
                    self._write(fd)
                if events & ~select.POLLOUT and fd in self._open:
                    self._read(fd)
            if self._mediator.pins.changed:
                self._save()

    def _found(self) -> list[tuple[int, int]]:
        """Return what can be read or written: looked for a moment long, everybody else first, then waited for."""
        if found := self._poll.poll(0):
            return found
        now = time.monotonic_ns()
        until = now + self._awake_ns
        while now < until:
            os.sched_yield()
            if found := self._poll.poll(0):
                return found
            before, now = now, time.monotonic_ns()
            if now - before > TAKEN_NS:
                break
        ending = self._client_in not in self._open
        return self._poll.poll(LAST_MS if ending else SECOND_MS if self._mediator.waits else None)

    def _ask(self) -> None:
        """Have the kernel asked for what each descriptor is wanted for now."""
        held = any(self._waiting.values())
        if held or not self._settled or self.why:
            self._settled = not held
            for fd in self._takers.keys() | self._waiting.keys() | self._asked.keys():
                self._ask_for(fd, self._interest_of(fd))
        elif self._listens != (self._asked[self._gate_fd] == select.POLLIN):
            # Mostly nothing waits anywhere, and only what the gate is asked for changes.
            self._ask_for(self._gate_fd, self._interest_of(self._gate_fd))

    def _ask_for(self, fd: int, wanted: int) -> None:
        """Have the kernel asked for exactly this of a descriptor; of the gate's end it tells anyway (POLLHUP)."""
        if self._asked.get(fd) == wanted:
            return
        if wanted or (fd == self._gate_fd and fd in self._open):
            self._poll.register(fd, wanted)
            self._asked[fd] = wanted
        elif fd in self._asked:
            self._poll.unregister(fd)
            del self._asked[fd]

    @property
    def _listens(self) -> bool:
        """Whether the gate is to be read: somebody waits for it, or nobody else says anything any more."""
        return self._mediator.awaits_gate or bool(self.why) or self._client_in not in self._open

    def _interest_of(self, fd: int) -> int:
        """Return what is asked of a descriptor: writing what waits, reading while its takers keep up."""
        wanted = select.POLLOUT if self._waiting.get(fd) else 0
        if fd not in self._open:
            return wanted
        if fd == self._gate_fd:
            return wanted | (select.POLLIN if self._listens else 0)
        if not self.why and not any(len(self._waiting.get(to, b"")) > HELD for to in self._takers[fd]):
            wanted |= select.POLLIN
        return wanted

    def _read(self, fd: int) -> None:
        try:
            data = os.read(fd, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        self._heard = time.monotonic()
        if not data:
            self._ended(fd)
        elif fd == self._gate_fd:
            try:
                for fields, _ in self._frames.feed(data):
                    self._perform(self._mediator.from_gate(fields))
            except (ProtocolError, IndexError, KeyError):
                self._ended(fd)
        else:
            take = self._mediator.from_client if fd == self._client_in else self._mediator.from_server
            for line in self._lines[fd].feed(data):
                self._perform(take(line))

    def _ended(self, fd: int) -> None:
        self._open.discard(fd)
        self._settled = False
        if fd == self._client_in:
            return
        self.why = self.why or (GONE if fd == self._server_out else GATE_GONE)
        self._perform(self._mediator.end(self.why))

    def _write(self, fd: int) -> None:
        """Write what waits for a side, as far as that takes it now."""
        held = self._waiting.get(fd)
        if held is None:
            return  # Found gone in this turn already, by what another side said.
        with memoryview(held) as view:
            done = self._sent(fd, view[:PIPE])
        if done < 0:
            return
        del held[:done]
        if not held and fd == self._gate_fd:
            self._perform(self._mediator.written())

    def _sent(self, fd: int, data: bytes | memoryview) -> int:
        """Return how many bytes a side took; -1 where it is gone, and that is known then."""
        try:
            return os.write(fd, data)
        except BlockingIOError:
            return 0
        except OSError:
            del self._waiting[fd]
        if fd == self._client_out:
            self.why = self.why or "the client is gone"
            self._ended(self._client_in)
        else:
            self._ended(self._server_out if fd == self._server_in else fd)
        return -1

    def _perform(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case ToClient(line):
                    self._put(self._client_out, line)
                case ToServer(line):
                    self._put(self._server_in, line)
                case ToGate(fields, body):
                    self._put(self._gate_fd, frame(fields, body))
                case Note(text):
                    self._say(text)
        if self._mediator.unwritten and not self._waiting.get(self._gate_fd, b"it is gone"):
            self._perform(self._mediator.written())

    def _put(self, fd: int, data: bytes) -> None:
        """Write at once where nothing waits before it, and hold for a side that is there what it does not take."""
        held = self._waiting.get(fd)
        if held is None:
            return
        done = 0 if held else self._sent(fd, data)
        if 0 <= done < len(data):
            held += data[done:] if done else data


def widen(fd: int) -> None:
    """Have a pipe hold more, where it is one and the user's share of such memory is not used up."""
    try:
        fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, PIPE)
    except OSError:
        return


def end_server(server: "subprocess.Popen[bytes]") -> int:
    """End a server as the specification says: its input ends, then it is asked, then it is killed, with its children.

    Return its status. What it still writes is not read: a server that says goodbye is not broken by that.
    """
    assert server.stdin is not None  # noqa: S101  it was started with pipes
    assert server.stdout is not None  # noqa: S101  likewise
    server.stdin.close()
    for number in (0, signal.SIGTERM, signal.SIGKILL):
        if number and server.poll() is None:
            os.killpg(server.pid, number)
        if _ends(server):
            break
    server.stdout.close()
    return server.wait()


def _asked_to_end(number: int, _frame: object) -> None:
    raise SystemExit(128 + number)


def _ends(server: "subprocess.Popen[bytes]") -> bool:
    deadline = time.monotonic() + GRACE
    while server.poll() is None and time.monotonic() < deadline:
        time.sleep(0.01)
    return server.poll() is not None
