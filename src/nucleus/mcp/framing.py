r"""One JSON object on each line, and nothing else: the stdio transport without IO.

A line ends at ``\n``; a ``\r`` before it is part of the white space that JSON
allows. A line over the limit is given up as a whole: its bytes are dropped as
they come, never held, and one ``Oversize`` stands in its place.
"""

from collections.abc import Iterator
from typing import Final, final

from nucleus.lean import dataclass

LINE_LIMIT: Final = 32 << 20
"""Bytes of one line. Twice what one effect of the gate may return, so that base64 of it fits."""


@final
@dataclass(frozen=True, slots=True)
class Oversize:
    """A line that was longer than the limit. Nothing of it was kept."""

    limit: int


@final
class Lines:
    """Cuts a stream into lines. Holds at most one unfinished line, of at most ``limit`` bytes."""

    def __init__(self, limit: int = LINE_LIMIT) -> None:
        self._limit = limit
        self._held = bytearray()
        self._dropping = False
        self._searched = 0
        """Bytes of the held line that are known to have no end of line: each byte is searched once."""

    def feed(self, data: bytes) -> Iterator[bytes | Oversize]:
        """Yield each line that is complete after ``data``, without its end. Empty lines are skipped."""
        if not self._held and not self._dropping and data.find(b"\n") == len(data) - 1 <= self._limit:
            # Mostly what is read is one whole line: it is not copied to be cut.
            if data.strip():
                yield data[:-1]
            return
        self._held += data
        while True:
            end = self._held.find(b"\n", self._searched)
            if end < 0:
                break
            if not self._dropping and end > self._limit:
                yield Oversize(self._limit)
            elif not self._dropping:
                with memoryview(self._held) as view:
                    line = bytes(view[:end])
                if line.strip():
                    yield line
            self._dropping = False
            self._searched = 0
            del self._held[: end + 1]
        self._searched = len(self._held)
        if self._dropping or len(self._held) > self._limit:
            if not self._dropping:
                yield Oversize(self._limit)
            self._dropping = True
            self._held.clear()
            self._searched = 0

    @property
    def unfinished(self) -> bool:
        """Whether the stream would end in the middle of a line."""
        return bool(self._held) or self._dropping
