"""HTTP/1.1 heads and bodies (RFC 9110, RFC 9112), read in one way only.

No IO. What two parsers could read in two ways is refused, because the one
that judges and the one that acts would then not see the same request:
a bare LF, a folded line, space around a name, a control character, a second
``Host``, ``Content-Length`` or ``Transfer-Encoding``, both of the latter two,
a coding other than ``chunked``, a chunk extension, a sign or space in a
length. Trailers are dropped.
"""

import re
from collections.abc import Iterable
from typing import Final, Literal, final

from nucleus.lean import dataclass

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of a start line and headers together."""
LINE_LIMIT: Final = 16 * 1024
"""Bytes of one header line: cookies and tokens are long, more is a payload."""
FIELDS_LIMIT: Final = 128
"""Header lines. The largest browsers send about forty."""
LENGTH_DIGITS: Final = 16
CHUNK_DIGITS: Final = 12
TRAILER_LIMIT: Final = 8 * 1024

_REQUEST: Final = re.compile(rb"([A-Z]{1,20}) ([\x21-\x7e]{1,8300}) HTTP/1\.([01])")
_STATUS: Final = re.compile(rb"HTTP/1\.([01]) ([1-5][0-9]{2})(?: ([\t\x20-\x7e\x80-\xff]*))?")
_NAME: Final = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]{1,256}")
_VALUE: Final = re.compile(rb"[\t\x20-\x7e\x80-\xff]*")
_LENGTH: Final = re.compile(r"[0-9]{1,16}")
_CHUNK: Final = re.compile(rb"([0-9A-Fa-f]{1,12})")
_BARE: Final = re.compile(rb"(?<!\r)\n|\r(?!\n)")

HOP_BY_HOP: Final = frozenset(
    (
        *("connection", "keep-alive", "proxy-connection", "proxy-authenticate", "proxy-authorization"),
        *("te", "trailer", "transfer-encoding", "upgrade", "http2-settings", "content-length", "host", "expect"),
        *("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-forwarded-proto"),
        *("x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"),
    )
)
"""Headers of one connection only, that we write ourselves, that speak for a proxy, or that name another method or
URL than the one that was judged: never passed on."""
_NOT_NOMINATED: Final = frozenset(("host", "content-length", "transfer-encoding"))


class HttpError(Exception):
    """A message that is refused. ``status`` is what a client is answered."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


@final
@dataclass(frozen=True, slots=True)
class Head:
    """Headers, names in lower case, in the order they came."""

    fields: tuple[tuple[str, str], ...]

    def get(self, name: str) -> str | None:
        """Return the one value of a header, None if there is none. Raises HttpError for several."""
        found = [value for key, value in self.fields if key == name]
        if len(found) > 1:
            raise HttpError(400, f"more than one {name} header")
        return found[0] if found else None

    def passed_on(self) -> tuple[tuple[str, str], ...]:
        """Return the headers that are meant for whoever is at the end."""
        nominated = {
            one.strip().lower() for key, value in self.fields if key == "connection" for one in value.split(",")
        }
        return tuple((key, value) for key, value in self.fields if key not in HOP_BY_HOP and key not in nominated)


@final
@dataclass(frozen=True, slots=True)
class Request:
    """The head of a request."""

    method: str
    target: str
    minor: int
    head: Head
    host: str | None
    """The one ``Host`` header, as it came; None where HTTP/1.0 has none."""
    length: int | None
    """Bytes of the body, 0 for none, None where it comes in chunks."""

    @property
    def waits(self) -> bool:
        """Whether the client waits for a 100 before it sends the body."""
        return self.minor == 1 and (self.head.get("expect") or "").lower() == "100-continue"

    @property
    def closes(self) -> bool:
        """Whether the client takes no other answer on this connection."""
        return self.minor == 0 or "close" in _words(self.head, "connection")


@final
@dataclass(frozen=True, slots=True)
class Response:
    """The head of a response."""

    status: int
    reason: str
    minor: int
    head: Head
    length: int | None
    """Bytes of the body, None where it is framed otherwise."""
    framing: Literal["length", "chunked", "close"]


def parse_request(head: bytes) -> Request:
    """Return the request whose head, blank line included, is ``head``. Raises HttpError."""
    first, fields = _lines(head)
    start = _REQUEST.fullmatch(first)
    if start is None:
        raise HttpError(400, "not a request line of HTTP/1.1")
    minor = int(start[3])
    found = Head(fields)
    host = found.get("host")
    if host is None and minor == 1:
        raise HttpError(400, "a request has exactly one Host header")
    _check_connection(found)
    length, chunked = _framing(found, minor)
    expect = found.get("expect")
    if expect is not None and expect.lower() != "100-continue":
        raise HttpError(417, "nothing but 100-continue can be expected")
    return Request(start[1].decode(), start[2].decode(), minor, found, host, None if chunked else length or 0)


def parse_response(head: bytes, method: str) -> Response:
    """Return the response to a ``method`` request whose head is ``head``. Raises HttpError (502)."""
    try:
        first, fields = _lines(head)
        start = _STATUS.fullmatch(first)
        found = Head(fields)
        minor = int(start[1]) if start else 1
        length, chunked = _framing(found, minor)
    except HttpError as error:
        raise HttpError(502, f"the server's answer is refused: {error}") from None
    if start is None:
        raise HttpError(502, "the server's answer is refused: not a status line of HTTP/1.1")
    status = int(start[2])
    reason = (start[3] or b"").decode("latin-1")
    if method == "HEAD" or status < 200 or status in {204, 304}:
        return Response(status, reason, minor, found, 0, "length")
    if chunked:
        return Response(status, reason, minor, found, None, "chunked")
    return Response(status, reason, minor, found, length, "close" if length is None else "length")


def serialise(start: str, fields: Iterable[tuple[str, str]]) -> bytes:
    """Return a head. Raises ValueError for a line that would be two."""
    lines = [start, *(f"{name}: {value}" for name, value in fields)]
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise ValueError("a line break in a head")
    return "\r\n".join([*lines, "", ""]).encode("latin-1")


def end_of_head(data: bytes | bytearray) -> int:
    """Return where the head in ``data`` ends, blank line included; -1 while it goes on. Raises HttpError."""
    end = data.find(b"\r\n\r\n")
    part = data if end < 0 else data[: end + 4]
    if len(part) > HEAD_LIMIT:
        raise HttpError(431, "the head is too large")
    # A CR at the very end may still get its LF.
    bare = _BARE.search(part)
    if bare is not None and not (bare[0] == b"\r" and bare.end() == len(part)):
        raise HttpError(400, "a line of the head does not end in CRLF")
    return -1 if end < 0 else end + 4


def _lines(head: bytes) -> tuple[bytes, tuple[tuple[str, str], ...]]:
    """Return the start line and the headers. Raises HttpError."""
    if end_of_head(head) != len(head):
        raise HttpError(400, "not one head")
    first, *rest = head[:-4].split(b"\r\n")
    if len(rest) > FIELDS_LIMIT:
        raise HttpError(431, "too many headers")
    return first, tuple(_field(line) for line in rest)


def _field(line: bytes) -> tuple[str, str]:
    """Return name and value of a header line. Raises HttpError."""
    name, colon, value = line.partition(b":")
    if len(line) > LINE_LIMIT or not colon or not _NAME.fullmatch(name) or not _VALUE.fullmatch(value):
        raise HttpError(400, "a header that is folded, too long, or not a name, a colon and a value")
    return name.decode().lower(), value.strip(b" \t").decode("latin-1")


def _framing(head: Head, minor: int) -> tuple[int | None, bool]:
    """Return the length, and whether the body comes in chunks. Raises HttpError for both, and for what is neither."""
    length, coding = head.get("content-length"), head.get("transfer-encoding")
    if coding is not None:
        if length is not None or minor == 0:
            raise HttpError(400, "a length and a transfer coding contradict each other")
        if coding.lower() != "chunked":
            raise HttpError(501, "no transfer coding but chunked")
        return None, True
    if length is None:
        return None, False
    if not _LENGTH.fullmatch(length):
        raise HttpError(400, "a length is digits and nothing else")
    return int(length), False


def _check_connection(head: Head) -> None:
    if _NOT_NOMINATED & _words(head, "connection"):
        raise HttpError(400, "a header that frames the request can't be one of the connection")


def _words(head: Head, name: str) -> set[str]:
    return {one.strip().lower() for key, value in head.fields if key == name for one in value.split(",")}


@final
class Chunks:
    """Takes a chunked body apart (RFC 9112 section 7.1). ``rest`` is what follows it."""

    def __init__(self) -> None:
        self.done = False
        self.rest = b""
        self._held = bytearray()
        self._left = 0
        self._state: Literal["size", "data", "end", "trailer"] = "size"

    def feed(self, data: bytes) -> bytes:
        """Return the content that is complete after ``data``. Raises HttpError."""
        self._held += data
        content = bytearray()
        while self._step(content):
            pass
        return bytes(content)

    def _step(self, content: bytearray) -> bool:
        """Take one thing more, if it is there."""
        match self._state:
            case "size":
                return self._size()
            case "data":
                return self._data(content)
            case "end":
                return self._end()
            case "trailer":
                return self._trailer()

    def _size(self) -> bool:
        line = self._line(CHUNK_DIGITS)
        if line is None:
            return False
        if not _CHUNK.fullmatch(line):
            raise HttpError(400, "a chunk begins with its length in hexadecimal and nothing else")
        self._left = int(line, 16)
        self._state = "data" if self._left else "trailer"
        return True

    def _data(self, content: bytearray) -> bool:
        taken = self._held[: self._left]
        del self._held[: self._left]
        content += taken
        self._left -= len(taken)
        if self._left == 0:
            self._state = "end"
        return self._left == 0

    def _end(self) -> bool:
        line = self._line(0)
        if line is None:
            return False
        if line:
            raise HttpError(400, "a chunk is longer than it says")
        self._state = "size"
        return True

    def _trailer(self) -> bool:
        line = self._line(TRAILER_LIMIT)
        if line is None:
            return False
        if line:
            _field(line)
            return True
        self.done, self.rest = True, bytes(self._held)
        self._held.clear()
        return False

    def _line(self, limit: int) -> bytes | None:
        """Return the next line without its CRLF, None while it goes on. Raises HttpError."""
        if self.done:
            return None
        end = self._held.find(b"\n")
        if end < 0:
            if len(self._held) > limit + 1:
                raise HttpError(400, "a line of the chunked coding is too long")
            return None
        if end == 0 or self._held[end - 1] != 0x0D or end - 1 > limit or 0x0D in self._held[: end - 1]:
            raise HttpError(400, "a line of the chunked coding is too long, or does not end in CRLF")
        line = bytes(self._held[: end - 1])
        del self._held[: end + 1]
        return line
