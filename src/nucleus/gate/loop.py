"""One thread, many sockets: frames in, frames out, with bounds on both.

The loop knows nothing of calls. A ``Link`` is one connection; whoever owns
it gives two functions: what to do with a frame, and what to do at the end.
"""

import os
import select
import socket
import time
from collections.abc import Callable
from typing import Any, Final, final

from nucleus.gate.protocol import AWAKE_NS, ProtocolError, Splitter, encode

CHUNK: Final = 1 << 16
"""Bytes read or written at once. A larger buffer is mapped anew by the allocator for each read."""
OUTGOING_LIMIT: Final = 256 << 20
"""Bytes waiting for a reader that does not read. More, and the connection is given up."""

_NEVER: Final = 1 << 63

OnFrame = Callable[["Link", dict[str, Any], bytes], None]
OnEnd = Callable[["Link", str], None]


@final
class Link:
    """One connection of the loop."""

    def __init__(self, loop: "Loop", sock: socket.socket, on_frame: OnFrame, on_end: OnEnd) -> None:
        sock.setblocking(False)
        self.sock = sock
        self.on_frame = on_frame
        self.on_end = on_end
        self.open = True
        self.watched = select.EPOLLIN
        """What the loop waits for on this connection."""
        self._loop = loop
        self._splitter = Splitter()
        self._outgoing = bytearray()

    def send(self, fields: dict[str, Any], body: bytes = b"") -> None:
        """Queue one frame and write what the socket takes now. A broken connection ends; nothing is raised."""
        if not self.open:
            return
        frame = encode(fields, body)
        if not self._outgoing and len(frame) <= CHUNK:
            # Mostly nothing waits and the socket takes the whole frame: it is not copied into the queue.
            try:
                sent = self.sock.send(frame)
            except BlockingIOError:
                sent = 0
            except OSError as error:
                self.end(str(error))
                return
            if sent == len(frame):
                return
            frame = frame[sent:]
        self._outgoing += frame
        if len(self._outgoing) > OUTGOING_LIMIT:
            self.end("the reader does not read")
            return
        self._flush()

    def send_socket(self, fields: dict[str, Any], passed: socket.socket) -> None:
        """Send one small frame with a descriptor attached (unix(7) SCM_RIGHTS).

        Nothing is waited for: a reader that has left earlier frames unread is given up.
        """
        self._flush()
        if not self.open:
            return
        if self._outgoing:
            self.end("the reader does not read")
            return
        data = encode(fields)
        try:
            sent = socket.send_fds(self.sock, [data], [passed.fileno()])
        except OSError as error:
            self.end(str(error))
            return
        self._outgoing += data[sent:]
        self._flush()

    def end(self, why: str) -> None:
        """Close the connection and tell its owner, once."""
        if self.open:
            self.open = False
            self._loop.forget(self)
            self.sock.close()
            self.on_end(self, why)

    def ready(self, events: int) -> None:
        """Read and write as far as the socket goes without waiting."""
        if events & select.EPOLLOUT:
            self._flush()
        if self.open and events & ~select.EPOLLOUT:
            self._read()

    def _read(self) -> None:
        try:
            data = self.sock.recv(CHUNK)
        except BlockingIOError:
            return
        except OSError as error:
            self.end(str(error))
            return
        if not data:
            self.end("closed within a frame" if self._splitter.unfinished else "closed")
            return
        try:
            for fields, body in self._splitter.feed(data):
                self.on_frame(self, fields, body)
                if not self.open:
                    return
        except ProtocolError as error:
            self.end(str(error))

    def _flush(self) -> None:
        if not self.open:
            return
        try:
            while self._outgoing:
                sent = self.sock.send(memoryview(self._outgoing)[:CHUNK])
                del self._outgoing[:sent]
        except BlockingIOError:
            pass
        except OSError as error:
            self.end(str(error))
            return
        self._loop.watch(self, writing=bool(self._outgoing))


@final
class Loop:
    """Waits for sockets (epoll(7), level-triggered) and times, and calls their owners."""

    def __init__(self, clock: Callable[[], int]) -> None:
        self._poll = select.epoll()
        self._watched: dict[int, tuple[socket.socket, Callable[[int], None]]] = {}
        """Descriptor -> the socket and who is told of its events."""
        self._clock = clock
        self._timers: dict[int, Callable[[], None]] = {}
        self._next = _NEVER
        """The earliest timer, so that a turn in which none is due looks at none."""
        self._awake_until = 0

    def add(self, sock: socket.socket, on_frame: OnFrame, on_end: OnEnd) -> Link:
        """Take a connected socket over."""
        link = Link(self, sock, on_frame, on_end)
        self._register(sock, link.ready)
        return link

    def listen(self, sock: socket.socket, on_connect: Callable[[socket.socket], None]) -> None:
        """Call ``on_connect`` with each connection that comes in."""
        sock.setblocking(False)

        def ready(_: int) -> None:
            try:
                accepted, _address = sock.accept()
            except OSError:
                return  # the caller is gone again
            on_connect(accepted)

        self._register(sock, ready)

    def at(self, when: int, call: Callable[[], None]) -> None:
        """Call ``call`` once the clock (ns) has reached ``when``."""
        while when in self._timers:
            when += 1
        self._timers[when] = call
        self._next = min(self._next, when)

    def watch(self, link: Link, *, writing: bool) -> None:
        """Ask for writability exactly while something waits to be written."""
        events = select.EPOLLIN | (select.EPOLLOUT if writing else 0)
        if link.watched != events:
            link.watched = events
            self._poll.modify(link.sock, events)

    def forget(self, link: Link) -> None:
        """Stop watching a link that ends."""
        del self._watched[link.sock.fileno()]
        self._poll.unregister(link.sock)

    def close(self) -> None:
        """Close every socket that is still watched, without telling anybody."""
        for sock, _ in self._watched.values():
            sock.close()
        self._watched.clear()
        self._poll.close()

    def turn(self) -> None:
        """Wait for the next socket or timer, and serve all that are due."""
        for descriptor, events in self._events():
            # Whoever was served before may have ended this one, or even opened another under its number: that
            # one reads nothing and waits on, for its socket does not block.
            found = self._watched.get(descriptor)
            if found is not None:
                found[1](events)
        if self._next <= (now := self._clock()):
            self._ring(now)

    def _events(self) -> list[tuple[int, int]]:
        """Return what happened: looked for a moment long after it was last found, then waited for until a timer."""
        found: list[tuple[int, int]] = []
        while not found and time.monotonic_ns() < self._awake_until:
            found = self._poll.poll(0)
            if not found:
                os.sched_yield()
        if not found:
            wait = -1.0 if self._next == _NEVER else max(0, self._next - self._clock()) / 1e9
            found = self._poll.poll(wait)
        if found:
            self._awake_until = time.monotonic_ns() + AWAKE_NS
        return found

    def _ring(self, now: int) -> None:
        for when in sorted(self._timers):
            if when > now:
                break
            self._timers.pop(when)()
        self._next = min(self._timers, default=_NEVER)

    def _register(self, sock: socket.socket, ready: Callable[[int], None]) -> None:
        self._watched[sock.fileno()] = (sock, ready)
        self._poll.register(sock, select.EPOLLIN)
