"""Reading one JSON-RPC message strictly, and the ids that are open in one direction.

Two readers must never see two messages in one line. So a line is refused that
is not UTF-8, not one object, nested too deep, or that has a duplicate key, a
number that is none (NaN, an infinity, an overflow) or half of a surrogate
pair. Batches (2025-03-26 only) are refused: clients of that revision send
none unless asked to.

INVARIANT: what is forwarded is ``encode`` of the message that was read, never
the line itself (tests/mcp/test_messages.py).
"""

import json
import math
from collections.abc import Callable, Iterable
from itertools import islice
from json.encoder import encode_basestring
from typing import Any, Final, NoReturn, final

from nucleus.lean import dataclass, field

DEPTH_LIMIT: Final = 64
"""Levels of nesting. Real schemas stay below 30."""
ID_LIMIT: Final = 256
"""Characters of a text id."""
OPEN_LIMIT: Final = 1024
"""Requests that may be open in one direction."""


Id = str | int

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602
REFUSED: Final = -32001
"""Of the range that JSON-RPC and every MCP revision leave to implementations."""


class MessageError(Exception):
    """A line is no message. ``code`` is the JSON-RPC error code that says so."""

    def __init__(self, why: str, code: int = INVALID_REQUEST) -> None:
        super().__init__(why)
        self.code = code


@final
@dataclass(slots=True, unsafe_hash=True)
class Request:
    """Asks for exactly one response."""

    id: Final[Id]
    method: Final[str]
    params: Final[dict[str, Any]] = field(default_factory=dict)
    size: Final[int] = field(default=0, compare=False)
    """Bytes of the line that it was read from, 0 where it was made here."""


@final
@dataclass(slots=True, unsafe_hash=True)
class Notification:
    """Asks for nothing."""

    method: Final[str]
    params: Final[dict[str, Any]] = field(default_factory=dict)


@final
@dataclass(slots=True, unsafe_hash=True)
class Response:
    """Answers one request: ``result``, or ``error`` where that is not empty."""

    id: Final[Id]
    result: Final[dict[str, Any]] = field(default_factory=dict)
    error: Final[dict[str, Any]] = field(default_factory=dict)
    size: Final[int] = field(default=0, compare=False)
    """Bytes of the line that it was read from, 0 where it was made here."""


Message = Request | Notification | Response


def parse(line: bytes) -> Message:
    """Return the one message in ``line``. Raises MessageError. Members that JSON-RPC does not know are dropped."""
    fields = parse_object(line)
    if fields.get("jsonrpc") != "2.0":
        raise MessageError('no "jsonrpc": "2.0"')
    if "method" in fields:
        return _call(fields, len(line))
    if "id" not in fields:
        raise MessageError("neither a method nor an id")
    return _response(fields, len(line))


def parse_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object in ``line``. Raises MessageError."""
    try:
        text = line.decode("utf-8").strip(_SPACE)
        value, end = _READER.raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not strict JSON: {_short(error)}", PARSE_ERROR) from error
    if end != len(text):
        raise MessageError("not strict JSON: something follows the value", PARSE_ERROR)
    if type(value) is not dict:
        raise MessageError("not one JSON object" + (" (batches are not taken)" if type(value) is list else ""))
    if _opens(line, DEPTH_LIMIT) and _deeper(value, DEPTH_LIMIT):
        raise MessageError(f"nested deeper than {DEPTH_LIMIT}")
    # One byte is looked for much faster than two.
    if b"\\" in line and b"\\u" in line:
        _whole_characters(value)
    return value


def encode(message: Message) -> bytes:
    """Return the line of ``message``, with its end."""
    fields: dict[str, Any] = {"jsonrpc": "2.0"}
    if not isinstance(message, Notification):
        fields["id"] = message.id
    if not isinstance(message, Response):
        fields["method"] = message.method
        if message.params:
            fields["params"] = message.params
    elif message.error:
        fields["error"] = message.error
    else:
        fields["result"] = message.result
        return written(fields, message.size) + b"\n"
    return written(fields) + b"\n"


def framed(id_: int, method: str, params: bytes) -> bytes:
    """Return the line of a request whose params are written already: the very bytes that were judged.

    INVARIANT: equal to ``encode`` of the request, if its params are not empty (tests/mcp/test_messages.py).
    """
    return b'{"jsonrpc":"2.0","id":%d,"method":%s,"params":%s}\n' % (id_, written(method), params)


LONG: Final = 4096
"""Characters of a text that is looked through faster by bytes than by characters."""
_FEW: Final = 16
_SHORT: Final = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t", "\f": "\\f", "\b": "\\b"}
_RARE: Final = tuple(map(chr, sorted(set(range(32)) - set(map(ord, _SHORT)))))


def quoted(text: str) -> str:
    """Return a text as JSON has it, without ASCII for the rest.

    INVARIANT: equal to ``json.encoder.encode_basestring`` (tests/mcp/test_messages.py), at half its price where a text
    is long: what has to be escaped is looked for, one character after another, and mostly is not there.
    """
    if len(text) < LONG or not text.isascii() or any(char in text for char in _RARE):
        return encode_basestring(text)
    for char, escape in _SHORT.items():  # the backslash first
        if char in text:
            text = text.replace(char, escape)
    return f'"{text}"'


def _writer(quote: Callable[[str], str]) -> Callable[[Any], bytes]:
    """Return what writes a JSON value. ``json.dumps`` makes its accelerator anew for each value; here it is made once.

    What is written was parsed, so it has no circle.
    """
    make: Callable[..., Callable[[object, int], tuple[str, ...]]] | None = getattr(json.encoder, "c_make_encoder", None)
    plain = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))
    if make is None:  # an interpreter without the accelerator
        return lambda value: plain.encode(value).encode()
    chunks = make(None, plain.default, quote, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0)).encode()


_write: Final = _writer(encode_basestring)
_write_long: Final = _writer(quoted)


def written(value: Any, size: int = 0) -> bytes:
    """Return the one form in which a JSON value is judged and forwarded. Raises ValueError for NaN.

    ``size``: about how many bytes it has, 0 for few.
    """
    return _write_long(value) if size >= LONG and _has_long(value, 4) else _write(value)


def _has_long(value: object, depth: int) -> bool:
    """Whether a long text stands where they mostly do: among the first few of what is not deep inside."""
    if type(value) is str:
        return len(value) >= LONG
    if depth and (type(value) is dict or type(value) is list):
        items: Iterable[object] = value.values() if type(value) is dict else value
        return any(_has_long(item, depth - 1) for item in islice(items, _FEW))
    return False


@final
class Ledger:
    """The requests of one side that are not answered yet: id as that side wrote it -> what we remember of it.

    INVARIANT: an id is open at most once, and ``close`` succeeds once for each ``enter``: a second or a forged
    response finds nothing (tests/mcp/test_messages.py).
    """

    def __init__(self, limit: int = OPEN_LIMIT) -> None:
        self._open: dict[tuple[type, Id], Any] = {}
        self._limit = limit

    def enter(self, id_: Id, what: Any) -> None:
        """Remember ``what`` under an id. Raises MessageError where the id is open, or too many are."""
        if _key(id_) in self._open:
            raise MessageError("this id is open already")
        if len(self._open) >= self._limit:
            raise MessageError(f"more than {self._limit} open requests")
        self._open[_key(id_)] = what

    def close(self, id_: Id) -> Any:
        """Return what was remembered, once. Raises MessageError where no such request is open."""
        try:
            return self._open.pop(_key(id_))
        except KeyError:
            raise MessageError("a response that nobody asked for, or a second one") from None

    def get(self, id_: Id) -> Any | None:
        """Return what is remembered, None where nothing is."""
        return self._open.get(_key(id_))

    def drain(self) -> list[Any]:
        """Close everything, and return what was remembered."""
        every = list(self._open.values())
        self._open.clear()
        return every

    def __len__(self) -> int:
        return len(self._open)


def _key(id_: Id) -> tuple[type, Id]:
    """Return an id as a key: ``1`` and ``"1"`` are two ids."""
    return type(id_), id_


def _call(fields: dict[str, Any], size: int) -> Request | Notification:
    method, params = fields["method"], fields.get("params", {})
    if "result" in fields or "error" in fields:
        raise MessageError("a call and a response in one object")
    if type(method) is not str or not method or len(method) > ID_LIMIT:
        raise MessageError("the method is no short text")
    if type(params) is not dict:
        raise MessageError("params is no object", INVALID_PARAMS)
    if "id" not in fields:
        return Notification(method, params)
    return Request(_id(fields["id"]), method, params, size)


def _response(fields: dict[str, Any], size: int) -> Response:
    number = _id(fields["id"])
    if ("result" in fields) == ("error" in fields):
        raise MessageError("a response has one of result and error")
    if "result" in fields:
        if type(fields["result"]) is not dict:
            raise MessageError("the result is no object")
        return Response(number, fields["result"], size=size)
    error = fields["error"]
    if type(error) is not dict or type(error.get("code")) is not int or type(error.get("message")) is not str:
        raise MessageError("the error has no code and message")
    return Response(number, error={key: error[key] for key in ("code", "message", "data") if key in error}, size=size)


def _id(value: object) -> Id:
    if type(value) is int and abs(value) < 1 << 53:
        return value
    if type(value) is str and len(value) <= ID_LIMIT:
        return value
    raise MessageError("the id is no short text and no exact integer")


def _members(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) != len(pairs):
        raise ValueError("a duplicate key")
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError("a number without bound")
    return value


def _opens(line: bytes, limit: int) -> bool:
    """Whether a line has more than ``limit`` opening brackets, in texts too: no value in it is deeper than it has."""
    if len(line) <= 2 * limit:  # each bracket is closed again
        return False
    left = limit
    for bracket in (b"{", b"["):
        at = line.find(bracket)
        while at >= 0:
            left -= 1
            if left < 0:
                return True
            at = line.find(bracket, at + 1)
    return False


def _deeper(value: Any, limit: int) -> bool:
    """Whether a value is nested deeper than ``limit``: looked at level by level."""
    level = [value]
    for _ in range(limit):
        below: list[Any] = []
        for one in level:
            below += one.values() if type(one) is dict else one
        level = [one for one in below if type(one) is dict or type(one) is list]
        if not level:
            return False
    return True


def _whole_characters(value: object) -> None:
    """Check that no text is half of a surrogate pair: readers differ on what that is."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MessageError("half of a surrogate pair", PARSE_ERROR) from error


_SPACE: Final = " \t\n\r"
_READER: Final = json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_finite)


def _short(error: Exception) -> str:
    return str(error)[:120]
