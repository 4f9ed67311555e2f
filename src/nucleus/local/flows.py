"""Bytes on their way between descriptors, in one thread, bounded: what is not read is not collected.

A ``Flow`` reads one descriptor and writes another. It reads only while less
than ``HELD`` waits to be written, and writes only what the kernel takes
without waiting, so that no side can stop the others. Descriptors are left as
they are: whoever started this program shares them, and would find them
changed.
"""

import errno
import os
import select
from collections.abc import Callable
from typing import Final, final

CHUNK: Final = 1 << 16
HELD: Final = 1 << 18
SURE: Final = select.PIPE_BUF
"""Bytes that a descriptor takes without waiting once poll(2) says that it is writable (pipe(7))."""

Turn = Callable[[], None]
Through = Callable[[bytes], bytes]


@final
class Watch:
    """Waits for descriptors, and calls whoever waits for them."""

    def __init__(self) -> None:
        self._readers: dict[int, Turn] = {}
        self._writers: dict[int, Turn] = {}

    def read(self, number: int, call: Turn | None) -> None:
        """Call when there is something to read, or the end; None to stop that."""
        _set(self._readers, number, call)

    def write(self, number: int, call: Turn | None) -> None:
        """Call when something can be written; None to stop that."""
        _set(self._writers, number, call)

    def forget(self, number: int) -> None:
        """Stop watching a descriptor that is about to be closed."""
        self.read(number, None)
        self.write(number, None)

    def turn(self, seconds: float) -> None:
        """Wait at most ``seconds``, and serve what is ready."""
        poll = select.poll()
        for number in self._readers.keys() | self._writers.keys():
            events = select.POLLIN if number in self._readers else 0
            poll.register(number, events | (select.POLLOUT if number in self._writers else 0))
        for number, events in poll.poll(max(0, seconds) * 1000):
            if events & ~select.POLLOUT and number in self._readers:
                self._readers[number]()
            if events & ~select.POLLIN and number in self._writers:
                self._writers[number]()


def _set(table: dict[int, Turn], number: int, call: Turn | None) -> None:
    if call is None:
        table.pop(number, None)
    else:
        table[number] = call


@final
class Flow:
    """One direction. ``paused`` holds it: nothing is read or written."""

    def __init__(
        self,
        watch: Watch,
        source: int,
        target: int,
        *,
        through: Through | None = None,
        at_end: Turn | None = None,
        size: int = SURE,
    ) -> None:
        """Begin. ``through`` changes what passes; ``at_end`` is called once all of the source was written.

        ``size`` is what the target takes at once: more for a descriptor that does not block.
        """
        self._watch = watch
        self._source = source
        self._target = target
        self._through = through
        self._at_end = at_end
        self._size = size
        self._waiting = bytearray()
        self._ended = False
        self.over = False
        """Whether all was written, or nobody takes it any more."""
        self.lost = ""
        """Why bytes could not be written, though nobody had stopped taking them: a full disk."""
        self.paused = False
        self._interest()

    def put(self, data: bytes) -> None:
        """Add bytes of our own, behind what waits."""
        if not self.over:
            self._waiting += data
            self._interest()

    def pause(self, *, on: bool) -> None:
        """Stop, or go on."""
        self.paused = on
        self._interest()

    def stop(self) -> None:
        """Give up what waits, and end."""
        self._ended, self._waiting = True, bytearray()
        self._interest()

    def _interest(self) -> None:
        if self.over:
            return
        reads = not (self._ended or self.paused or len(self._waiting) >= HELD)
        self._watch.read(self._source, self._read if reads else None)
        self._watch.write(self._target, self._write if self._waiting and not self.paused else None)
        if self._ended and not self._waiting:
            self.over = True
            if self._at_end is not None:
                self._at_end()

    def _read(self) -> None:
        try:
            data = os.read(self._source, CHUNK)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a terminal whose other side is gone says EIO
        if data:
            self._waiting += data if self._through is None else self._through(data)
        else:
            self._ended = True
        self._interest()

    def _write(self) -> None:
        try:
            del self._waiting[: os.write(self._target, self._waiting[: self._size])]
        except BlockingIOError:
            return
        except OSError as error:
            # A reader that is gone lost nothing, a terminal that hung up neither.
            self.lost = "" if error.errno in {errno.EPIPE, errno.ECONNRESET, errno.EIO} else str(error.strerror)
            self._ended = True
            self._waiting.clear()
        self._interest()
