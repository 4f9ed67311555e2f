"""The process that carries standard input and output of a sealed process.

A terminal, a file or a socket on descriptors 0 to 2 would leave the sealed
process with more than a stream: terminal requests, seeking and overwriting, a
peer. ``start`` puts a pipe in its place and a small process between. That
process copies bytes, shows a terminal nothing but text and colours
(``terminal``), parses nothing and holds nothing else. It is started by
absolute path as ``python -I -S -B`` with no variables, and ends with the
process it serves.

Not done: what is printed after ``Relay.drain``, or before ``os._exit``, reaches
its end a moment after the process is gone.
"""

import json
import os
import select
import signal
import socket
import sys
from collections.abc import Collection
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass
from nucleus.seal.terminal import TerminalFilter

CHUNK: Final = 65536
PIPE_CHUNK: Final = 4096
"""PIPE_BUF on Linux: a pipe that polls writable takes this much without blocking."""
BACKGROUND_PAUSE: Final = 200
"""Milliseconds between looks at a terminal that belongs to another job."""
_READY: Final = b"r"
_DRAIN: Final = b"d"
_BOOT: Final = "import sys; sys.path.append(sys.argv[1]); from nucleus.seal.relay import main; main(sys.argv[2])"


@final
@dataclass(frozen=True, slots=True)
class Relay:
    """A running relay, seen from the process it serves."""

    pid: int
    streams: tuple[int, ...]
    control: socket.socket

    def drain(self) -> None:
        """Return after all that was printed until now has reached its end. Silent if the relay is gone."""
        for stream in (sys.stdout, sys.stderr):
            if stream is not None and not stream.closed:
                stream.flush()
        try:
            self.control.sendall(_DRAIN)
            self.control.recv(1)
        except OSError:
            return


def start(streams: Collection[int]) -> Relay | None:
    """Replace these of descriptors 0 to 2 by pipes to a new relay, and return it; None for no streams.

    Raises CannotEnforce; the descriptors are then as they were.
    """
    if not streams:
        return None
    mine, its = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    ends: dict[int, int] = {}
    given = [its.fileno()]
    plan: dict[str, Any] = {"control": its.fileno(), "in": [], "out": []}
    try:
        for number in sorted(streams):
            read, write = os.pipe()
            ends[number], far = (read, write) if number == 0 else (write, read)
            origin = os.dup(number)
            given += [far, origin]
            plan["in" if number == 0 else "out"].append([origin, far] if number == 0 else [far, origin])
        try:
            pid = _spawn(plan, given)
        finally:
            _close(given[1:])
            its.close()
        _await_ready(mine)
    except BaseException:
        _close(ends.values())
        mine.close()
        raise
    for stream in (sys.stdout, sys.stderr):
        if stream is not None and not stream.closed:
            stream.flush()
    for number, end in ends.items():
        os.dup2(end, number)
        os.close(end)
    return Relay(pid, tuple(sorted(streams)), mine)


def _close(descriptors: Collection[int]) -> None:
    for descriptor in descriptors:
        os.close(descriptor)


def _spawn(plan: dict[str, Any], given: list[int]) -> int:
    """Start the relay with exactly these descriptors, and return its number. Raises CannotEnforce."""
    if not sys.executable:
        raise _failed("this Python does not know its own path", "run it by an absolute path")
    root = str(Path(__file__).resolve().parents[2])
    for descriptor in given:
        os.set_inheritable(descriptor, True)
    argv = [sys.executable, "-I", "-S", "-B", "-c", _BOOT, root, json.dumps(plan)]
    try:
        return os.posix_spawn(sys.executable, argv, {})
    except OSError as error:
        raise _failed(str(error), f"make {sys.executable} executable for this user") from error


def _await_ready(control: socket.socket) -> None:
    """Return once the relay runs. Raises CannotEnforce if it ended instead."""
    control.settimeout(10)
    try:
        answer = control.recv(1)
    except OSError as error:
        raise _failed(str(error), "start the program again on a less loaded machine") from error
    if answer != _READY:
        raise _failed("it ended at once", "run it with descriptors 0 to 2 on pipes, e.g. PROGRAM </dev/null 2>&1 | cat")
    control.settimeout(None)


def _failed(why: str, fix: str) -> CannotEnforce:
    return CannotEnforce("the process that relays standard input and output can't be started", why=why, fix=fix)


def main(plan: str) -> None:
    """Run as the relay until the process it serves is gone. Descriptors 0 to 2 are not used as such."""
    for ignored in (signal.SIGINT, signal.SIGQUIT, signal.SIGTTIN, signal.SIGTTOU, signal.SIGPIPE):
        signal.signal(ignored, signal.SIG_IGN)
    os.chdir("/")
    fields = json.loads(plan)
    control = socket.socket(fileno=fields["control"])
    copier = Copier([Output(*pair) for pair in fields["out"]], Input(*fields["in"][0]) if fields["in"] else None)
    os.closerange(0, 3)
    control.sendall(_READY)
    copier.run(control)


@final
class Output:
    """One of the streams 1 and 2: from the pipe to where it leads."""

    def __init__(self, pipe: int, target: int) -> None:
        self.pipe = pipe
        self.target = target
        self.open = True
        self._filter = TerminalFilter() if os.isatty(target) else None
        os.set_blocking(pipe, False)

    def copy(self) -> bool:
        """Copy what is in the pipe now; return whether there may be more at once."""
        try:
            data = os.read(self.pipe, CHUNK)
        except BlockingIOError:
            return False
        if not data:
            self.close()
            return False
        try:
            self._write(self._filter.feed(data) if self._filter else data)
        except OSError:
            # Nobody takes it any more (a closed pager, a full disk): the writer learns it as a broken pipe.
            self.close()
        return self.open

    def _write(self, data: bytes) -> None:
        """Write all of it, also to a descriptor that somebody else made non-blocking. Raises OSError."""
        rest = memoryview(data)
        while rest:
            try:
                rest = rest[os.write(self.target, rest) :]
            except BlockingIOError:
                select.select([], [self.target], [])

    def close(self) -> None:
        """Stop copying; the writer gets a broken pipe."""
        self.open = False
        os.close(self.pipe)
        os.close(self.target)


@final
class Input:
    """Stream 0: from where it comes to the pipe, never more than the pipe takes."""

    def __init__(self, source: int, pipe: int) -> None:
        self.source = source
        self.pipe = pipe
        self.open = True

    def copy(self) -> None:
        """Copy one piece, at most PIPE_CHUNK bytes. The pipe must have polled writable."""
        try:
            data = os.read(self.source, PIPE_CHUNK)
            if data:
                os.write(self.pipe, data)
                return
        except BlockingIOError:
            return
        except OSError:
            # The terminal is gone, or nobody reads the pipe: to the reader both are the end of its input.
            data = b""
        self.close()

    def ours(self) -> bool:
        """Whether reading is our turn: a terminal is read by its foreground job only."""
        try:
            return os.tcgetpgrp(self.source) == os.getpgrp()
        except OSError:
            return True

    def close(self) -> None:
        """Stop copying; the reader gets the end of its input."""
        self.open = False
        os.close(self.source)
        os.close(self.pipe)


@final
class Copier:
    """All streams of one relay."""

    def __init__(self, outputs: list[Output], source: Input | None) -> None:
        self._outputs = outputs
        self._source = source

    def run(self, control: socket.socket) -> None:
        """Copy until the other end of ``control`` is closed and all that was printed is written."""
        while True:
            ready = self._wait(control.fileno())
            for output in self._outputs:
                if output.open and output.pipe in ready:
                    output.copy()
            self._feed(ready)
            if control.fileno() in ready:
                asked = control.recv(1)
                self._drain()
                if not asked:
                    return
                control.sendall(_DRAIN)

    def _wait(self, control: int) -> dict[int, int]:
        """Wait for something to do, and return what polled ready."""
        poll = select.poll()
        poll.register(control, select.POLLIN)
        for output in self._outputs:
            if output.open:
                poll.register(output.pipe, select.POLLIN)
        pause = None
        if self._source is not None and self._source.open:
            poll.register(self._source.pipe, select.POLLOUT if self._has_input() else 0)
            if not self._source.ours():
                pause = BACKGROUND_PAUSE
            elif not self._has_input():
                poll.register(self._source.source, select.POLLIN)
        return dict(poll.poll(pause))

    def _has_input(self) -> bool:
        """Whether the source has something, or its end, to copy now."""
        source = self._source
        if source is None or not source.ours():
            return False
        look = select.poll()
        look.register(source.source, select.POLLIN)
        return bool(look.poll(0))

    def _feed(self, ready: dict[int, int]) -> None:
        """Copy one piece of input if the pipe takes it; close if nobody reads it."""
        source = self._source
        if source is None or not source.open:
            return
        state = ready.get(source.pipe, 0)
        if state & select.POLLERR:
            source.close()
        elif state & select.POLLOUT:
            source.copy()

    def _drain(self) -> None:
        for output in self._outputs:
            while output.open and output.copy():
                pass
