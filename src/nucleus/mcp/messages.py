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
from collections.abc import Callable
from functools import cache
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
@dataclass(frozen=True, slots=True)
class Request:
    """Asks for exactly one response."""

    id: Id
    method: str
    params: dict[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class Notification:
    """Asks for nothing."""

    method: str
    params: dict[str, Any] = field(default_factory=dict)


@final
@dataclass(frozen=True, slots=True)
class Response:
    """Answers one request: ``result``, or ``error`` where that is not empty."""

    id: Id
    result: dict[str, Any] = field(default_factory=dict)
    error: dict[str, Any] = field(default_factory=dict)


Message = Request | Notification | Response


def parse(line: bytes) -> Message:
    """Return the one message in ``line``. Raises MessageError. Members that JSON-RPC does not know are dropped."""
    fields = parse_object(line)
    if fields.get("jsonrpc") != "2.0":
        raise MessageError('no "jsonrpc": "2.0"')
    if "method" in fields:
        return _call(fields)
    if "id" not in fields:
        raise MessageError("neither a method nor an id")
    return _response(fields)


def parse_object(line: bytes) -> dict[str, Any]:
    """Return the JSON object in ``line``. Raises MessageError."""
    try:
        text = line.decode("utf-8")
        value = _reader().decode(text)
    except (ValueError, RecursionError) as error:
        raise MessageError(f"not strict JSON: {_short(error)}", PARSE_ERROR) from error
    if type(value) is not dict:
        raise MessageError("not one JSON object" + (" (batches are not taken)" if type(value) is list else ""))
    if line.count(b"{") + line.count(b"[") > DEPTH_LIMIT and _deeper(value, DEPTH_LIMIT):
        raise MessageError(f"nested deeper than {DEPTH_LIMIT}")
    if b"\\u" in line:
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
    return written(fields) + b"\n"


def framed(id_: int, method: str, params: bytes) -> bytes:
    """Return the line of a request whose params are written already: the very bytes that were judged.

    INVARIANT: equal to ``encode`` of the request, if its params are not empty (tests/mcp/test_messages.py).
    """
    return b'{"jsonrpc":"2.0","id":%d,"method":%s,"params":%s}\n' % (id_, written(method), params)


def _writer() -> Callable[[object], bytes]:
    """Return what writes a JSON value. ``json.dumps`` makes its accelerator anew for each value; here it is made once.

    What is written was parsed, so it has no circle.
    """
    make: Callable[..., Callable[[object, int], tuple[str, ...]]] | None = getattr(json.encoder, "c_make_encoder", None)
    plain = json.JSONEncoder(ensure_ascii=False, check_circular=False, allow_nan=False, separators=(",", ":"))
    if make is None:  # an interpreter without the accelerator
        return lambda value: plain.encode(value).encode()
    quote = json.encoder.encode_basestring
    chunks = make(None, plain.default, quote, None, ":", ",", False, False, False)
    return lambda value: "".join(chunks(value, 0)).encode()


written: Final = _writer()
"""Return the one form in which a JSON value is judged and forwarded. Raises ValueError for NaN."""


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


def _call(fields: dict[str, Any]) -> Request | Notification:
    method, params = fields["method"], fields.get("params", {})
    if "result" in fields or "error" in fields:
        raise MessageError("a call and a response in one object")
    if type(method) is not str or not method or len(method) > ID_LIMIT:
        raise MessageError("the method is no short text")
    if type(params) is not dict:
        raise MessageError("params is no object", INVALID_PARAMS)
    if "id" not in fields:
        return Notification(method, params)
    return Request(_id(fields["id"]), method, params)


def _response(fields: dict[str, Any]) -> Response:
    number = _id(fields["id"])
    if ("result" in fields) == ("error" in fields):
        raise MessageError("a response has one of result and error")
    if "result" in fields:
        if type(fields["result"]) is not dict:
            raise MessageError("the result is no object")
        return Response(number, fields["result"])
    error = fields["error"]
    if type(error) is not dict or type(error.get("code")) is not int or type(error.get("message")) is not str:
        raise MessageError("the error has no code and message")
    return Response(number, error={key: error[key] for key in ("code", "message", "data") if key in error})


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


def _deeper(value: object, left: int) -> bool:
    if not isinstance(value, dict | list):
        return False
    if left == 0:
        return True
    return any(_deeper(item, left - 1) for item in (value.values() if isinstance(value, dict) else value))


def _whole_characters(value: object) -> None:
    """Check that no text is half of a surrogate pair: readers differ on what that is."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        raise MessageError("half of a surrogate pair", PARSE_ERROR) from error


@cache
def _reader() -> json.JSONDecoder:
    """Return the strict reader, made once."""
    return json.JSONDecoder(object_pairs_hook=_members, parse_constant=_no_constant, parse_float=_finite)


def _short(error: Exception) -> str:
    return str(error)[:120]
