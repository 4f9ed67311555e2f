"""One child's streams, to the end or to a bound: nothing blocks, nothing grows without limit."""

import errno
import os
import selectors
import signal
import subprocess
import time
from typing import IO, Final, final

_CHUNK: Final = 1 << 16
_GRACE: Final = 10.0
"""Seconds that a killed box has to be gone. The kernel needs milliseconds; a hung file system may need more."""


class TooMuchError(Exception):
    """The streams together hold more than their limit."""


@final
class Pump:
    """Feeds a box's first process and collects what comes out of it. Used once."""

    def __init__(self, process: "subprocess.Popen[bytes]", stdin: bytes, limit: int) -> None:
        self._process = process
        self._waiting = memoryview(stdin)
        self._limit = limit
        self._selector = selectors.DefaultSelector()
        self._collected: dict[int, bytearray] = {}
        self._first = -1
        self._inward: IO[bytes]

    def collect(self, stream: "IO[bytes] | int") -> bytearray:
        """Begin to read a stream; return the buffer that will hold what came."""
        number = stream if isinstance(stream, int) else stream.fileno()
        os.set_blocking(number, False)
        self._selector.register(number, selectors.EVENT_READ)
        self._collected[number] = bytearray()
        return self._collected[number]

    def feed(self, stream: "IO[bytes]") -> None:
        """Begin to write what goes in; the stream is closed after that, or when nobody reads it."""
        os.set_blocking(stream.fileno(), False)
        self._inward = stream
        self._selector.register(stream.fileno(), selectors.EVENT_WRITE)

    def watch(self, first: int) -> None:
        """Take the descriptor of the box's process 1: with it all others of the box end."""
        self._first = first

    def run(self, end: float) -> None:
        """Move bytes until the child has ended and its streams are at their ends.

        Raises TimeoutError at ``end`` (monotonic seconds) and TooMuchError. Then, as after
        a normal end, ``stop`` must be called.
        """
        child = os.pidfd_open(self._process.pid)
        try:
            self._selector.register(child, selectors.EVENT_READ)
            while self._selector.get_map():
                left = end - time.monotonic()
                if left <= 0:
                    raise TimeoutError(errno.ETIMEDOUT, "it did not end in its time")
                for key, _ in self._selector.select(left):
                    if key.fd == child:
                        self._selector.unregister(child)
                        # What the command left behind keeps the streams open: it ends with the command.
                        self._end_all()
                    else:
                        self._move(key.fd)
        finally:
            os.close(child)

    def stop(self) -> None:
        """End everything that still runs in the box, and wait until it is gone. Raises TimeoutError if it stays."""
        self._end_all()
        self._process.kill()
        self._process.wait(_GRACE)
        if self._first >= 0:
            with selectors.DefaultSelector() as gone:
                gone.register(self._first, selectors.EVENT_READ)
                # INVARIANT: this descriptor is readable once every process of the namespace is dead (pidfd_open(2),
                # pid_namespaces(7)): after this line nothing writes to the layers any more (test_ns.py).
                if not gone.select(_GRACE):
                    raise TimeoutError(errno.ETIMEDOUT, "the box did not end when it was killed")
        self._selector.close()

    def _end_all(self) -> None:
        if self._first >= 0:
            try:
                signal.pidfd_send_signal(self._first, signal.SIGKILL)
            except ProcessLookupError:
                return

    def _move(self, number: int) -> None:
        if number in self._collected:
            self._read(number)
            return
        try:
            self._waiting = (
                self._waiting[os.write(number, self._waiting[:_CHUNK]) :] if self._waiting else self._waiting
            )
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._waiting = memoryview(b"")
        if not self._waiting:
            self._selector.unregister(number)
            self._inward.close()

    def _read(self, number: int) -> None:
        try:
            chunk = os.read(number, _CHUNK)
        except BlockingIOError:
            return
        if not chunk:
            self._selector.unregister(number)
            return
        self._collected[number] += chunk
        if sum(map(len, self._collected.values())) > self._limit:
            raise TooMuchError
