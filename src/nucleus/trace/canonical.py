"""The one form in which a record is written, and the parser that accepts no other.

A line is a JSON object (RFC 8259) in ASCII:

- the leading fields (``record.LEADING``) in their order, then the other keys
  sorted by code point; keys of inner objects sorted;
- no white space; strings escaped as ``json.dumps(ensure_ascii=True)`` does, no
  lone surrogate; no fraction, no NaN; integers within +-(2**53 - 1), but for
  the nanoseconds under keys that end in ``_ns``: 0 to 2**63 - 1, of which a
  reader that rounds to 53 bits loses less than a microsecond;
- at most ``LINE_LIMIT`` bytes and ``DEPTH_LIMIT`` levels; no duplicate key.

INVARIANT: ``parse(line)`` succeeds exactly if ``encode(parse(line)) == line``
(tests/trace/test_canonical.py). Two readers can therefore never see two
different records in one line.
"""

import json
import re
from collections.abc import Callable
from json.encoder import encode_basestring_ascii as _quote
from typing import Any, Final, NoReturn

from nucleus.errors import TraceError
from nucleus.trace.record import CHAINED, LEADING, verify_shape

LINE_LIMIT: Final = 1 << 20
"""Bytes. Policy layers and redacted arguments fit many times over; a hostile file costs at most this."""
DEPTH_LIMIT: Final = 16
INT_LIMIT: Final = (1 << 53) - 1
"""What every JSON reader keeps exact (RFC 8259 section 6)."""
TIME_LIMIT: Final = (1 << 63) - 1
"""Nanoseconds, until the year 2262."""

_TRAILING: Final = json.JSONEncoder(
    ensure_ascii=True, check_circular=False, allow_nan=False, sort_keys=True, separators=(",", ":")
).encode
_SMALL_INTS: Final = re.compile(r"\[(?:(?:0|-?[1-9][0-9]{0,14})(?:, (?!\])|(?=\])))*\]")
"""A list of ints of at most 15 digits, as ``str`` prints it."""
_PLAIN: Final[dict[type, Callable[[Any], str]]] = {
    str: _quote,
    bool: lambda value: "true" if value else "false",
    type(None): lambda _: "null",
}
"""How the values are written that most arguments are."""
_FACTS_KEPT: Final = 4096
_facts_text: Final[dict[str, str]] = {}
"""``str(list)`` of facts -> the same without spaces. A cache of a pure function, bounded."""


def encode(record: dict[str, Any]) -> bytes:
    """Return the line of ``record``, without its newline. Raises ``TraceError`` if it has none."""
    return _line(_object(record))


def prefix(prev: str, seq: int, time_ns: int) -> str:
    """Return how every line starts, up to its time."""
    return f'{{"prev":"{prev}","seq":{seq},"time_ns":{time_ns}'


def body(record: dict[str, Any]) -> str:
    """Return what follows ``prefix`` in the line of a record that is not chained yet.

    Raises ``TraceError`` for a record whose type or fields are not as ``record`` says.
    INVARIANT: ``prefix(p, s, t) + body(r)`` equals ``encode(r | {prev: p, seq: s, time_ns: t})``.
    """
    kind = record.get("type")
    text = None
    if kind == "decision":
        text = _decision(record)
    elif kind == "result":
        text = _result(record)
    if text is None or ("\\" in text and "\\ud" in text):  # one character is looked for much faster than three
        if not CHAINED.isdisjoint(record):
            raise TraceError("prev, seq and time_ns are the writer's to set")
        verify_shape(record)
        text = "," + _object(record)[1:]
    if len(text) > LINE_LIMIT - 256:  # what the prefix can take
        raise TraceError(f"a record of {len(text)} bytes; at most {LINE_LIMIT - 256} fit")
    return text


def parse(line: bytes) -> dict[str, Any]:
    """Return the record in ``line`` (no newline). Raises ``TraceError`` unless it is canonical."""
    if len(line) > LINE_LIMIT:
        raise TraceError(f"a line of more than {LINE_LIMIT} bytes")
    if not line.isascii():
        raise TraceError("a byte outside of ASCII")
    try:
        value = json.loads(
            line.decode("ascii"), object_pairs_hook=_pairs, parse_float=_no_float, parse_constant=_no_float
        )
    except RecursionError:
        raise TraceError(f"nested deeper than {DEPTH_LIMIT} levels") from None
    except ValueError as error:
        raise TraceError(f"not JSON: {error}"[:200]) from None
    if type(value) is not dict:
        raise TraceError("not a JSON object")
    if encode(value) != line:
        raise TraceError("not in canonical form (order of keys, white space or escapes)")
    return value


def _object(record: dict[str, Any]) -> str:
    verify_value(record)
    head = [f'"{name}":{_TRAILING(record[name])}' for name in LEADING if name in record]
    rest = {name: value for name, value in record.items() if name not in LEADING}
    return "{" + ",".join(head + ([_TRAILING(rest)[1:-1]] if rest else [])) + "}"


def _line(text: str) -> bytes:
    if len(text) > LINE_LIMIT:
        raise TraceError(f"a record of {len(text)} bytes; at most {LINE_LIMIT} fit")
    return text.encode("ascii")


def verify_value(value: object, depth: int = 0) -> None:  # noqa: C901  one arm for each JSON type
    """Know that ``value`` has a canonical form. Raises ``TraceError`` that says what has none."""
    kind = type(value)
    if kind is str:
        verify_text(value)  # type: ignore[arg-type]  # type() is exact
    elif kind is int:
        if not -INT_LIMIT <= value <= INT_LIMIT:  # type: ignore[operator]  # likewise
            raise TraceError("an integer beyond 2**53 - 1")
    elif value is None or kind is bool:
        return
    elif depth >= DEPTH_LIMIT:
        raise TraceError(f"nested deeper than {DEPTH_LIMIT} levels")
    elif kind is list:
        for item in value:  # type: ignore[attr-defined]  # likewise
            verify_value(item, depth + 1)
    elif kind is dict:
        for key, item in value.items():  # type: ignore[attr-defined]  # likewise
            if type(key) is not str:
                raise TraceError(f"a key that is a {type(key).__name__}, not a string")
            verify_text(key)
            if not (key.endswith("_ns") and type(item) is int and 0 <= item <= TIME_LIMIT):
                verify_value(item, depth + 1)
    else:
        raise TraceError(f"a {kind.__name__}; records hold objects, lists, strings, integers, booleans and null")


def verify_text(text: str) -> None:
    """Know that ``text`` is Unicode scalar values only. Raises ``TraceError``."""
    if text.isascii():
        return
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise TraceError("a string with a lone surrogate") from None


def _decision(r: dict[str, Any]) -> str | None:
    """Return the body of a decision of the usual shape, None for any other.

    Pieces are formatted, since the general encoder costs more than the decision it records.
    """
    try:
        shown = str(r["facts"])
        facts = _facts_text.get(shown) or _compact(shown)
        args = r["args"]
        if len(r) != 12 or facts is None or type(args) is not dict:
            return None
        a, e, b, v = r["state"]
        if not type(a) is type(e) is type(b) is type(v) is int or not (0 <= a | e | b | v <= INT_LIMIT):
            return None
        rules = ",".join(map(_quote, r["rules"])) if r["rules"] else ""
        approval = "null" if r["approval"] is None else _quote(r["approval"])
        return (
            f',"type":"decision","principal":{_quote(r["principal"])},"facts":{facts},"verdict":{_quote(r["verdict"])}'
            f',"rules":[{rules}],"state":[{a},{e},{b},{v}],"approval":{approval},"args":{_arguments(args)}'
            f',"destination":{_quote(r["destination"])},"digest":{_quote(r["digest"])},"id":{_quote(r["id"])}'
            f',"kind":{_quote(r["kind"])}}}'
        )
    except (KeyError, TypeError, ValueError):
        return None


def _arguments(args: dict[str, Any]) -> str:
    """Return the arguments of a call: mostly one or two strings. Raises TypeError for keys that are not strings."""
    if len(args) == 1:
        ((name, value),) = args.items()
        if type(value) is str:
            return f"{{{_quote(name)}:{_quote(value)}}}"
    if _PLAIN.keys() >= set(map(type, args.values())):
        return "{" + ",".join([f"{_quote(name)}:{_PLAIN[type(args[name])](args[name])}" for name in sorted(args)]) + "}"
    verify_value(args)
    return _TRAILING(args)


def _result(r: dict[str, Any]) -> str | None:
    """Return the body of a result of the usual shape, None for any other."""
    try:
        of, size = r["of"], r["bytes"]
        usual = len(r) == 7 and type(of) is type(size) is int and 0 <= of <= INT_LIMIT and 0 <= size <= INT_LIMIT
        if not usual:
            return None
        error = "null" if r["error"] is None else _quote(r["error"])
        return (
            f',"type":"result","principal":{_quote(r["principal"])},"of":{of},"outcome":{_quote(r["outcome"])}'
            f',"bytes":{size},"digest":{_quote(r["digest"])},"error":{error}}}'
        )
    except (KeyError, TypeError):
        return None


def _compact(shown: str) -> str | None:
    if _SMALL_INTS.fullmatch(shown) is None:
        return None
    text = shown.replace(" ", "")
    if len(_facts_text) < _FACTS_KEPT:
        _facts_text[shown] = text
    return text


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    value = dict(pairs)
    if len(value) != len(pairs):
        raise ValueError("a duplicate key")
    return value


def _no_float(text: str) -> NoReturn:
    raise ValueError(f"{text:.30} is not an integer")
