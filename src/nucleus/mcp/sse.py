"""Server-sent events, event by event and without IO (WHATWG HTML, section 9.2), as far as MCP uses them.

Lines end in CRLF, LF or CR. ``data`` lines of one event are joined; ``id`` and
``retry`` are kept; other fields and comments are ignored. An event of more
than the limit is an error: nothing of it is handed on.
"""

import re
from collections.abc import Iterator
from typing import Final, final

from nucleus.lean import dataclass

LIMIT: Final = 32 << 20
"""Bytes of one event. What a line of the stdio transport may have."""
RETRY_LIMIT: Final = 60_000
"""Milliseconds: a server that asks for a longer pause gets this one."""
_LINE: Final = re.compile(rb"[^\r\n]*(?:\r\n|\n|\r(?=.))", re.DOTALL)
KEEP_ALIVE: Final = b":\r\n\r\n"


class EventError(Exception):
    """The stream holds what is no event, or too large a one."""


@final
@dataclass(frozen=True, slots=True)
class Event:
    """One event that has data, or an id without."""

    data: str
    id: str | None = None


@final
class Events:
    """Takes a stream apart. ``last_id`` and ``retry_ms`` are what a reconnection goes by."""

    def __init__(self) -> None:
        self.last_id = ""
        self.retry_ms: int | None = None
        self._held = bytearray()
        self._data: list[bytes] = []
        self._size = 0
        self._id: str | None = None

    def feed(self, chunk: bytes) -> Iterator[Event]:
        """Yield each event that is complete after ``chunk``. Raises EventError."""
        self._held += chunk
        at = 0
        # A CR at the very end may still get its LF.
        while (found := _LINE.match(self._held, at)) is not None:
            at = found.end()
            event = self._line(bytes(found[0]).rstrip(b"\r\n"))
            if event is not None:
                yield event
        del self._held[:at]
        if len(self._held) + self._size > LIMIT:
            raise EventError(f"an event of more than {LIMIT} bytes")

    def _line(self, line: bytes) -> Event | None:
        if not line:
            return self._end()
        name, _, value = line.partition(b":")
        value = value.removeprefix(b" ")
        if name == b"data":
            self._data.append(value)
            self._size += len(value) + 1
        elif name == b"id" and b"\0" not in value:
            self._id = _text(value)
        elif name == b"retry" and value.isdigit() and len(value) < 10:
            self.retry_ms = min(int(value), RETRY_LIMIT)
        return None

    def _end(self) -> Event | None:
        data, number = self._data, self._id
        self._data, self._size, self._id = [], 0, None
        if number is not None:
            self.last_id = number
        if not data and number is None:
            return None
        return Event(_text(b"\n".join(data)), number)


def encode_event(data: bytes) -> bytes:
    """Return the event for one message, which has no line break of its own."""
    return b"event: message\ndata: " + data.rstrip(b"\n") + b"\n\n"


def _text(value: bytes) -> str:
    try:
        return value.decode("utf-8")
    except UnicodeDecodeError as error:
        raise EventError("not UTF-8") from error
