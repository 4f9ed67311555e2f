"""What may leave a quarantine: values of a schema that was declared before it started. Pure.

A quarantined child reads what nobody vouches for. Whatever it was talked into
can only choose among the values that its schema has, and how much such a
choice says is counted in bits, exactly::

    verdict = record(kind=choice("bug", "feature", "question"), urgent=boolean(), minutes=integer(0, 480))
    verdict.count    # 2886
    verdict.bits     # 12

The language is closed: ``boolean``, ``choice`` of declared words, ``integer``
in a range, ``optional``, ``list_of`` and ``record`` of these. There is no free
text, because its capacity would be that of everything the child has read.

A value that left keeps its mark (``__nucleus_quarantined__``) and what was seen
where it comes from (``__nucleus_seen__``). The mark survives the ordinary
operations on text and numbers; the connection to the gate passes it on with a
call, and a marked value never counts as a trusted destination, path, host or
command.

Not counted: that an answer came at all, when, and how often one was refused.
What loses the mark: f-strings of more than one piece, ``"x".join(...)`` on a
plain string, JSON and back; ``bool`` can't carry one.
"""

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from types import MappingProxyType
from typing import Any, Final, final

from nucleus.kernel.exposure import UNTRUSTED
from nucleus.lean import dataclass

CALL_BITS: Final = 64
"""What one answer may say without an approval."""
SESSION_BITS: Final = 256
"""What all answers of a session may say without an approval."""
CEILING_BITS: Final = 4096
"""No schema says more; this also bounds the size of the numbers that are computed."""
WORD_LIMIT: Final = 64
"""Characters of a declared word or field name."""
NESTING_LIMIT: Final = 32


@final
@dataclass(frozen=True, slots=True)
class Declassified:
    """One value that left a quarantine. ``value`` is marked throughout."""

    value: Any
    schema_digest: str
    bits: int
    __nucleus_seen__: int = UNTRUSTED
    """What had been seen where the value comes from. Provenance: it is not joined again, that is the point."""
    __nucleus_quarantined__: bool = True


class Quarantined:
    """Base of marked text and numbers."""

    __slots__ = ()
    __nucleus_quarantined__: Final = True
    __nucleus_seen__: Final = UNTRUSTED


@final
class QuarantinedText(str, Quarantined):
    """A declared word that somebody not trusted has chosen, or what was made from one."""

    __slots__ = ()

    def __str__(self) -> str:
        return self

    def __radd__(self, other: object) -> "QuarantinedText":
        if not isinstance(other, str):
            return NotImplemented
        return QuarantinedText(str.__add__(other, self))

    def __rmod__(self, pattern: object) -> "QuarantinedText":
        if not isinstance(pattern, str):
            return NotImplemented
        return QuarantinedText(str.__mod__(pattern, self))

    def __iter__(self) -> Iterator[str]:
        return (self[at] for at in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return QuarantinedText, (str.__str__(self),)


@final
class QuarantinedNumber(int, Quarantined):
    """A number in a declared range that somebody not trusted has chosen, or what was made from one."""

    __slots__ = ()

    def __str__(self) -> str:
        return QuarantinedText(int.__repr__(self))

    def __format__(self, spec: str) -> str:
        return QuarantinedText(int.__format__(self, spec))

    def __reduce__(self) -> tuple[Any, ...]:
        return QuarantinedNumber, (int.__int__(self),)


def _marking(method: Callable[..., Any]) -> Callable[..., Any]:
    def marking(self: Any, *args: Any, **kwargs: Any) -> Any:
        return mark(method(self, *args, **kwargs))

    marking.__name__ = method.__name__
    marking.__doc__ = method.__doc__
    return marking


_TEXT_METHODS: Final = """
    __add__ __format__ __getitem__ __mod__ __mul__ __rmul__ capitalize casefold center expandtabs format format_map
    join ljust lower lstrip partition removeprefix removesuffix replace rjust rpartition rsplit rstrip split
    splitlines strip swapcase title translate upper zfill
"""
_NUMBER_METHODS: Final = """
    __abs__ __add__ __and__ __divmod__ __floordiv__ __invert__ __lshift__ __mod__ __mul__ __neg__ __or__ __pos__
    __pow__ __radd__ __rand__ __rdivmod__ __rfloordiv__ __rlshift__ __rmod__ __rmul__ __ror__ __rpow__ __rrshift__
    __rshift__ __rsub__ __rxor__ __sub__ __xor__
"""
for _name in _TEXT_METHODS.split():
    setattr(QuarantinedText, _name, _marking(getattr(str, _name)))
for _name in _NUMBER_METHODS.split():
    setattr(QuarantinedNumber, _name, _marking(getattr(int, _name)))


def mark(value: Any) -> Any:
    """Return text and numbers marked, inside of lists, tuples and mappings too; anything else as it is."""
    if type(value) is str:
        return QuarantinedText(value)
    if type(value) is int:
        return QuarantinedNumber(value)
    if type(value) in {list, tuple}:
        return type(value)(map(mark, value))
    if type(value) is dict:
        return MappingProxyType({name: mark(inside) for name, inside in value.items()})
    return value


@dataclass(frozen=True, slots=True)
class Schema:
    """A finite set of values. Made by ``boolean``, ``choice``, ``integer``, ``optional``, ``list_of``, ``record``."""

    count: int
    """How many values there are."""

    @property
    def bits(self) -> int:
        """How many bits one value says: log2 of ``count``, rounded up."""
        return (self.count - 1).bit_length()

    @property
    def digest(self) -> str:
        """Hex SHA-256 of the canonical description: what a declassification record names."""
        text = json.dumps(self.describe(), sort_keys=True, separators=(",", ":"), ensure_ascii=True)
        return hashlib.sha256(text.encode("ascii")).hexdigest()

    def describe(self) -> dict[str, Any]:
        """Return the schema as JSON-ready data; ``parse`` reads it."""
        return _describe(self)

    def values(self) -> Iterator[Any]:
        """Yield every value once, smallest first. For tests, and to show a small schema."""
        return _values(self)

    def validate(self, value: object, *, seen: int = UNTRUSTED) -> Declassified:
        """Return ``value``, marked, if it is exactly one of ``values``.

        ``seen`` is what its reader had seen. Raises ValueError that says where
        and what was expected, and never quotes the value: the message crosses
        to a reader who must not read it.
        """
        return Declassified(mark(_admit(self, value, "answer")), self.digest, self.bits, seen)


@final
@dataclass(frozen=True, slots=True)
class _Boolean(Schema):
    pass


@final
@dataclass(frozen=True, slots=True)
class _Choice(Schema):
    words: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class _Integer(Schema):
    low: int
    high: int


@final
@dataclass(frozen=True, slots=True)
class _Optional(Schema):
    inner: Schema


@final
@dataclass(frozen=True, slots=True)
class _List(Schema):
    item: Schema
    at_least: int
    at_most: int


@final
@dataclass(frozen=True, slots=True)
class _Record(Schema):
    fields: tuple[tuple[str, Schema], ...]


def boolean() -> Schema:
    """Return the schema of true and false: 1 bit."""
    return _Boolean(2)


def choice(*words: str) -> Schema:
    """Return the schema of these words. Raises ValueError for none, a double, an empty or a long one."""
    for word in words:
        _word(word, "a choice")
    if not words or len(set(words)) != len(words):
        raise ValueError("a choice needs at least one word, and each word once")
    return _Choice(len(words), tuple(words))


def integer(low: int, high: int) -> Schema:
    """Return the schema of the whole numbers from ``low`` to ``high``, both included. Raises ValueError."""
    if type(low) is not int or type(high) is not int or low > high:
        raise ValueError("an integer has two whole numbers as bounds, the lower one first")
    return _Integer(_bounded(high - low + 1), low, high)


def optional(inner: Schema) -> Schema:
    """Return the schema of ``inner`` or None. Raises ValueError if None is a value of it already."""
    if isinstance(inner, _Optional):
        raise ValueError("an optional of an optional would count None twice")  # noqa: TRY004  bounds in the wrong order are the same mistake
    return _Optional(_bounded(_schema(inner).count + 1), inner)


def list_of(item: Schema, at_most: int, at_least: int = 0) -> Schema:
    """Return the schema of lists of ``at_least`` to ``at_most`` items. Raises ValueError."""
    if type(at_least) is not int or type(at_most) is not int or not 0 <= at_least <= at_most <= CEILING_BITS:
        raise ValueError(f"a list has bounds 0 <= at_least <= at_most <= {CEILING_BITS}")
    if (_schema(item).count.bit_length() - 1) * at_most > CEILING_BITS:
        raise ValueError(_TOO_MUCH)
    return _List(_bounded(sum(item.count**n for n in range(at_least, at_most + 1))), item, at_least, at_most)


def record(**fields: Schema) -> Schema:
    """Return the schema of mappings with exactly these names. Raises ValueError."""
    if not fields:
        raise ValueError("a record needs at least one field")
    count = 1
    for name, inner in fields.items():
        _word(name, "a field")
        count = _bounded(count * _schema(inner).count)
    return _Record(count, tuple(sorted(fields.items())))


_TOO_MUCH: Final = f"no schema says more than {CEILING_BITS} bits; a quarantine's answer has {CALL_BITS}"


def _bounded(count: int) -> int:
    if (count - 1).bit_length() > CEILING_BITS:
        raise ValueError(_TOO_MUCH)
    return count


def _schema(value: object) -> Schema:
    if not isinstance(value, Schema):
        raise TypeError(f"a schema was expected, not {type(value).__name__}: {_LANGUAGE}")
    return value


def _word(word: object, what: str) -> None:
    if type(word) is not str or not 0 < len(word) <= WORD_LIMIT or not word.isprintable():
        raise ValueError(f"{what} is named by 1 to {WORD_LIMIT} printable characters")


_LANGUAGE: Final = "boolean(), choice(...), integer(low, high), optional(s), list_of(s, n) or record(name=s)"


def _describe(schema: Schema) -> dict[str, Any]:
    match schema:
        case _Boolean():
            return {"boolean": True}
        case _Choice():
            return {"choice": list(schema.words)}
        case _Integer():
            return {"integer": [schema.low, schema.high]}
        case _Optional():
            return {"optional": _describe(schema.inner)}
        case _List():
            return {"list": _describe(schema.item), "at_least": schema.at_least, "at_most": schema.at_most}
        case _Record():
            return {"record": {name: _describe(inner) for name, inner in schema.fields}}
    raise ValueError(f"not of the closed language: {_LANGUAGE}")


def parse(description: object, depth: int = NESTING_LIMIT) -> Schema:
    """Return the schema that ``describe`` described. Raises ValueError that says what is wrong."""
    if depth == 0:
        raise ValueError(f"a schema is nested at most {NESTING_LIMIT} deep")
    match description:
        case {"boolean": True, **rest} if not rest:
            return boolean()
        case {"choice": [*words], **rest} if not rest:
            return choice(*words)
        case {"integer": [low, high], **rest} if not rest:
            return integer(low, high)
        case {"optional": inner, **rest} if not rest:
            return optional(parse(inner, depth - 1))
        case {"list": item, "at_least": at_least, "at_most": at_most, **rest} if not rest:
            return list_of(parse(item, depth - 1), at_most, at_least)
        case {"record": dict(fields), **rest} if not rest and all(type(name) is str for name in fields):
            return record(**{name: parse(inner, depth - 1) for name, inner in fields.items()})
    raise ValueError("a schema is an object with one of: boolean, choice, integer, optional, list, record")


def _values(schema: Schema) -> Iterator[Any]:
    match schema:
        case _Boolean():
            yield from (False, True)
        case _Choice():
            yield from schema.words
        case _Integer():
            yield from range(schema.low, schema.high + 1)
        case _Optional():
            yield None
            yield from _values(schema.inner)
        case _List():
            for size in range(schema.at_least, schema.at_most + 1):
                yield from map(list, itertools.product(*[list(_values(schema.item))] * size))
        case _Record():
            names = [name for name, _ in schema.fields]
            for row in itertools.product(*(list(_values(inner)) for _, inner in schema.fields)):
                yield dict(zip(names, row, strict=True))


def _admit(schema: Schema, value: object, where: str) -> Any:
    """Return a plain copy of ``value``: no subclass, no object of the other side gets through. Raises ValueError."""
    match schema:
        case _Boolean():
            return _exactly(value is True or value is False, value, where, "true or false")
        case _Choice():
            word = str.__str__(value) if isinstance(value, str) else ""
            return _exactly(word in schema.words, word, where, f"one of {', '.join(schema.words)}")
        case _Integer():
            whole = isinstance(value, int) and not isinstance(value, bool)
            number = int.__int__(value) if isinstance(value, int) else 0
            known = whole and schema.low <= number <= schema.high
            return _exactly(known, number, where, f"a whole number from {schema.low} to {schema.high}")
        case _Optional():
            return None if value is None else _admit(schema.inner, value, where)
        case _List():
            return _admit_list(schema, value, where)
        case _Record():
            return _admit_record(schema, value, where)
    raise ValueError(f"{where}: not of the closed language: {_LANGUAGE}")


def _admit_list(schema: _List, value: object, where: str) -> list[Any]:
    known = isinstance(value, list | tuple) and schema.at_least <= len(value) <= schema.at_most
    items = _exactly(known, value, where, f"a list of {schema.at_least} to {schema.at_most} items")
    return [_admit(schema.item, item, f"{where}[{at}]") for at, item in enumerate(items)]


def _admit_record(schema: _Record, value: object, where: str) -> dict[str, Any]:
    names = [name for name, _ in schema.fields]
    known = isinstance(value, dict) and len(value) == len(names) and all(name in value for name in names)
    fields = _exactly(known, value, where, f"an object with exactly the fields {', '.join(names)}")
    return {name: _admit(inner, fields[name], f"{where}.{name}") for name, inner in schema.fields}


def _exactly(known: bool, value: Any, where: str, expected: str) -> Any:  # noqa: FBT001  the answer to a question
    if not known:
        raise ValueError(f"{where}: {expected} was expected; the value is not shown")
    return value
