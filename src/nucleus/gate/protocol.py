"""Frames between the gate and its clients, workers and approvers.

One frame is a header of two unsigned 32-bit lengths (big endian), a JSON
object, and raw bytes::

    +-----------+-----------+----------------+----------+
    | json size | body size | json object    | body     |
    +-----------+-----------+----------------+----------+

Both sides are strict: a size over its limit, anything but one JSON object
without duplicate keys, NaN or infinite numbers, or an end in the middle is a
``ProtocolError`` and the connection is given up. ``Splitter`` is the parser
without IO; ``send`` and ``receive`` are for blocking sockets.
"""

import json
import os
import socket
import struct
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, Never, final

HEADER: Final = struct.Struct(">II")
JSON_LIMIT: Final = 1 << 20
"""A call's arguments. Contents travel in the body."""
BODY_LIMIT: Final = 64 << 20
"""Bytes of one file, page or command output. Four times what one effect may return."""
_AT_ONCE: Final = 1 << 16
AWAKE_NS: Final = 200_000
"""How long whoever expects a frame looks for it before it sleeps.

Mostly it comes before a processor that went idle over it would be awake again, which takes 60 to 90 us on a virtual
machine. Everybody else goes first in that time (sched_yield(2)).
"""
DEPTH_LIMIT: Final = 32
"""Nesting of arguments. Deeper is nobody's call."""


class ProtocolError(Exception):
    """The other side sent something that is no frame."""


def encode(fields: dict[str, Any], body: bytes = b"") -> bytes:
    """Return one frame. Raises ProtocolError if it would be over a limit or hold a value that JSON lacks."""
    try:
        text = written(fields)
    except (TypeError, ValueError, RecursionError) as error:
        raise ProtocolError(f"arguments must be JSON: {error}") from error
    if len(text) > JSON_LIMIT or len(body) > BODY_LIMIT:
        raise ProtocolError(f"too large: {len(text)} bytes of arguments, {len(body)} bytes of content")
    return HEADER.pack(len(text), len(body)) + text + body


def decode(text: bytes) -> dict[str, Any]:
    """Return the JSON object that ``text`` is, from its first byte to its last. Raises ProtocolError."""
    try:
        said = text.decode("utf-8")
        fields, end = _read(said)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not a JSON object: {error}") from error
    if type(fields) is not dict or end != len(said):
        raise ProtocolError("not a JSON object")
    # No value is nested deeper than it has opening brackets.
    if text.count(b"{") + text.count(b"[") > DEPTH_LIMIT and _deeper(fields, DEPTH_LIMIT):
        raise ProtocolError(f"nested deeper than {DEPTH_LIMIT}")
    return fields


@final
class Splitter:
    """Cuts a stream into frames. Holds at most one unfinished frame."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterable[tuple[dict[str, Any], bytes]]:
        """Return each frame that is complete after ``data``. Raises ProtocolError, now or at that frame; done then."""
        if not self._held and len(data) >= HEADER.size:
            # Mostly what is read is one whole frame: it is not copied to be cut.
            size, body = _sizes(data)
            start = HEADER.size + size
            if len(data) == start + body:
                return ((decode(data[HEADER.size : start]), data[start:]),)
        return self._cut(data)

    def _cut(self, data: bytes) -> Iterator[tuple[dict[str, Any], bytes]]:
        self._held += data
        while len(self._held) >= HEADER.size:
            size, body = _sizes(self._held)
            end = HEADER.size + size + body
            if len(self._held) < end:
                return
            start = HEADER.size + size
            frame = bytes(self._held[HEADER.size : start]), bytes(self._held[start:end])
            del self._held[:end]
            yield decode(frame[0]), frame[1]

    @property
    def unfinished(self) -> bool:
        """Whether an end of the stream here cuts a frame."""
        return bool(self._held)


def packed(fields: dict[str, Any]) -> tuple[dict[str, Any], bytes]:
    """Return one object as it fits a frame: as it is, or in the body where it is large. ``unpacked`` undoes it."""
    text = written(fields)
    return (fields, b"") if len(text) <= JSON_LIMIT // 2 else ({"packed": True}, text)


def unpacked(fields: dict[str, Any], body: bytes) -> dict[str, Any]:
    """Return what ``packed`` was given. Raises ProtocolError."""
    return decode(body) if fields.get("packed") is True else fields


def send(sock: socket.socket, fields: dict[str, Any], body: bytes = b"") -> None:
    """Write one frame to a blocking socket. Raises ProtocolError before any byte is sent, or OSError."""
    sock.sendall(encode(fields, body))


def answer(sock: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Read the one frame that is owed on a blocking socket: bytes beyond it are a ProtocolError.

    Mostly one read brings it whole. Raises EOFError at a clean end, OSError.
    """
    data = _first(sock)
    if not data:
        raise EOFError("the connection was closed")
    if len(data) < HEADER.size:
        data += _exactly(sock, HEADER.size - len(data))
    size, body = _sizes(data)
    start = HEADER.size + size
    missing = start + body - len(data)
    if missing < 0:
        raise ProtocolError("more was sent than one answer")
    if missing:
        data += _exactly(sock, missing)
    return decode(data[HEADER.size : start]), data[start:]


def _first(sock: socket.socket) -> bytes:
    """Return the first bytes of an answer: looked for a moment long, then waited for."""
    until = time.monotonic_ns() + AWAKE_NS
    while True:
        try:
            return sock.recv(_AT_ONCE, socket.MSG_DONTWAIT)
        except BlockingIOError:
            if time.monotonic_ns() >= until:
                return sock.recv(_AT_ONCE)
            os.sched_yield()


def answers(sock: socket.socket, count: int) -> list[dict[str, Any]]:
    """Read the JSON of ``count`` frames that are owed on a blocking socket, and no byte more.

    Raises ProtocolError for more, EOFError at an end before that, OSError.
    """
    splitter = Splitter()
    found: list[dict[str, Any]] = []
    while len(found) < count or splitter.unfinished:
        data = sock.recv(_AT_ONCE)
        if not data:
            raise EOFError("the connection was closed")
        found += [fields for fields, _ in splitter.feed(data)]
        if len(found) > count or (len(found) == count and splitter.unfinished):
            raise ProtocolError("more was sent than was asked for")
    return found


def receive(sock: socket.socket) -> tuple[dict[str, Any], bytes]:
    """Read one frame from a blocking socket. Raises ProtocolError, EOFError at a clean end, OSError."""
    head = _exactly(sock, HEADER.size, may_end=True)
    size, body = _sizes(head)
    return decode(_exactly(sock, size)), _exactly(sock, body)


def _sizes(head: bytes | bytearray) -> tuple[int, int]:
    size, body = HEADER.unpack_from(head)
    if size > JSON_LIMIT or body > BODY_LIMIT:
        raise ProtocolError(f"a frame of {size} + {body} bytes is over the limit")
    return size, body


def _exactly(sock: socket.socket, size: int, *, may_end: bool = False) -> bytes:
    data = bytearray()
    while len(data) < size:
        chunk = sock.recv(min(size - len(data), 1 << 20))
        if not chunk:
            if may_end and not data:
                raise EOFError("the connection was closed")
            raise ProtocolError("the connection ended within a frame")
        data += chunk
    return bytes(data)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise ValueError("a key stands twice")
    return fields


def _no_constant(name: str) -> Never:
    raise ValueError(f"{name} is not JSON")


def _finite(text: str) -> float:
    number = float(text)
    if number in {float("inf"), float("-inf")}:
        raise ValueError("a number without bounds is not JSON")
    return number


def _deeper(value: Any, limit: int) -> bool:
    if type(value) is dict:
        return limit == 0 or any(_deeper(item, limit - 1) for item in value.values())
    if type(value) is list:
        return limit == 0 or any(_deeper(item, limit - 1) for item in value)
    return False


def _no_json(value: object) -> Never:
    raise TypeError(f"a {type(value).__name__} is not JSON")


def compact(*, ordered: bool, default: Callable[[Any], Any] = _no_json) -> Callable[[Any], bytes]:
    """Return a function from a value to its JSON in ASCII, without white space.

    It raises TypeError, ValueError or RecursionError. ``json.JSONEncoder`` makes its accelerator anew for each
    value, which costs more than a small value does; here it is made once.
    """
    make: Callable[..., Callable[[Any, int], tuple[str, ...]]] | None = getattr(json.encoder, "c_make_encoder", None)
    if make is None:  # an interpreter without the accelerator
        plain = json.JSONEncoder(sort_keys=ordered, allow_nan=False, separators=(",", ":"), default=default)
        return lambda value: plain.encode(value).encode("ascii")
    quote = json.encoder.encode_basestring_ascii
    chunks = make(None, default, quote, None, ":", ",", ordered, False, False)
    return lambda value: "".join(chunks(value, 0)).encode("ascii")


written: Final = compact(ordered=False)
_read: Final = json.JSONDecoder(
    object_pairs_hook=_no_duplicates, parse_constant=_no_constant, parse_float=_finite
).raw_decode
