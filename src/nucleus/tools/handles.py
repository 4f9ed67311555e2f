"""Typed handles: text and bytes that remember what they show and where they came from.

A ``Text`` is a ``str`` and a ``Blob`` is ``bytes``: they compare, hash, slice
and print as such. Each carries ``exposure`` (the bits of everything that went
into it) and ``source`` (for a person). Concatenation, slicing, ``%``,
``format``, ``join`` and every method that returns text or bytes carry the
label on, joined with the labels of the arguments.

**What subclassing can't do.** Some operations of the language build a plain
``str`` and lose the label: an f-string with more than one piece, ``"x".join``
and ``"x".format`` called on a plain string, ``json.dumps``, ``re``, ``io``,
``int(text)``. ``label`` of the result is then 0. That loosens nothing: the
principal joined the exposure before the handle was released, labels only add
to that, and the gate decides with both (``join``). A label serves calls of
*other* principals, reports, and finer reasons in a question.
"""

import dataclasses
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, Self, SupportsIndex, TypeVar, cast, final

from nucleus.gate.client import Result
from nucleus.kernel.exposure import ALL_SEEN, CLEAN, FOREIGN, PRIVATE, SECRET

NESTING_LIMIT: Final = 64
"""Containers within containers that ``label`` looks into. Deeper counts as everything seen."""


class Labelled:
    """What a handle has beside its text or bytes. Nothing here can be set."""

    _exposure: int
    _source: str
    _seq: int
    _details: Mapping[str, Any]

    @property
    def exposure(self) -> int:
        """Exposure bits of everything that went into this value."""
        return self._exposure

    @property
    def source(self) -> str:
        """Where it came from: a path, a URL, a command; several are joined by ``, ``."""
        return self._source

    @property
    def seq(self) -> int:
        """Sequence number of the decision that released it; -1 for values computed since."""
        return self._seq

    def __setattr__(self, name: str, value: object) -> None:
        raise AttributeError(f"a handle can't be changed: {name}")

    def __delattr__(self, name: str) -> None:
        raise AttributeError(f"a handle can't be changed: {name}")


def _attach(handle: "_H", exposure: int, source: str, seq: int, details: Mapping[str, Any]) -> "_H":
    fields = {"_exposure": _valid(exposure), "_source": source, "_seq": seq, "_details": details}
    for name, value in fields.items():
        object.__setattr__(handle, name, value)
    return handle


_H = TypeVar("_H", bound=Labelled)


def _valid(exposure: int) -> int:
    """Return a valid exposure at least as high: refinements bring ``private``, nonsense is everything."""
    if not 0 <= exposure <= ALL_SEEN:
        return ALL_SEEN
    return exposure | PRIVATE if exposure & (FOREIGN | SECRET) else exposure


class Text(str, Labelled):  # noqa: SLOT000  bytes can't have slots, and both share one base
    """Text with a label. See the module for what carries it on and what can't."""

    def __new__(
        cls,
        value: str = "",
        *,
        exposure: int = CLEAN,
        source: str = "",
        seq: int = -1,
        details: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return ``value`` under a label."""
        return _attach(str.__new__(cls, value), exposure, source, seq, details or {})

    @property
    def content(self) -> "Blob":
        """The same as bytes (UTF-8), under the same label."""
        return Blob(str.encode(self, "utf-8", "surrogateescape"), exposure=self.exposure, source=self.source)

    def __str__(self) -> str:
        return self

    def __add__(self, other: str) -> "Text":
        return cast("Text", _carried(str.__add__(self, other), (self, other)))

    def __radd__(self, other: str) -> "Text":
        if not isinstance(other, str):
            return NotImplemented
        return cast("Text", _carried(str.__add__(other, self), (other, self)))

    def __getitem__(self, key: SupportsIndex | slice) -> "Text":
        return cast("Text", _carried(str.__getitem__(self, key), (self,)))

    def __mul__(self, times: SupportsIndex) -> "Text":
        return cast("Text", _carried(str.__mul__(self, times), (self,)))

    def __rmul__(self, times: SupportsIndex) -> "Text":
        return self * times

    def __mod__(self, values: Any) -> "Text":
        return cast("Text", _carried(str.__mod__(self, values), (self, values)))

    def __rmod__(self, pattern: str) -> "Text":
        if not isinstance(pattern, str):
            return NotImplemented
        return cast("Text", _carried(str.__mod__(pattern, self), (pattern, self)))

    def __format__(self, spec: str) -> str:
        return cast("Text", _carried(str.__format__(self, spec), (self,)))

    def __iter__(self) -> Any:
        return (self[at] for at in range(len(self)))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), str.__str__(self), self.exposure, self.source, self.seq, dict(self._details))


class Blob(bytes, Labelled):
    """Bytes with a label. ``text()`` decodes them under the same label."""

    def __new__(
        cls,
        value: bytes = b"",
        *,
        exposure: int = CLEAN,
        source: str = "",
        seq: int = -1,
        details: Mapping[str, Any] | None = None,
    ) -> Self:
        """Return ``value`` under a label."""
        return _attach(bytes.__new__(cls, value), exposure, source, seq, details or {})

    def text(self, encoding: str = "utf-8", errors: str = "strict") -> Text:
        """Return the decoded text under the same label. Raises UnicodeDecodeError."""
        return Text(bytes.decode(self, encoding, errors), exposure=self.exposure, source=self.source)

    def __add__(self, other: Any) -> "Blob":
        return cast("Blob", _carried(bytes.__add__(self, other), (self, other)))

    def __radd__(self, other: Any) -> "Blob":
        if not isinstance(other, bytes):
            return NotImplemented
        return cast("Blob", _carried(bytes.__add__(other, self), (other, self)))

    def __getitem__(self, key: Any) -> Any:
        found = bytes.__getitem__(self, key)
        return found if isinstance(found, int) else _carried(found, (self,))

    def __reduce__(self) -> tuple[Any, ...]:
        return _rebuild, (type(self), bytes(self), self.exposure, self.source, self.seq, dict(self._details))


def _rebuild(
    kind: type[Text] | type[Blob], value: Any, exposure: int, source: str, seq: int, details: dict[str, Any]
) -> Text | Blob:
    """Make a handle again: what pickle and copy call."""
    return kind(value, exposure=exposure, source=source, seq=seq, details=details)


def _carried(result: Any, parts: Iterable[object]) -> Any:
    """Put the joined label of ``parts`` on a result, and on the texts inside a list or tuple."""
    exposure, sources = CLEAN, []
    for part in parts:
        exposure |= label(part)
        if isinstance(part, Labelled) and part.source and part.source not in sources:
            sources.append(part.source)
    return _labelled(result, exposure, ", ".join(sources))


def _labelled(result: Any, exposure: int, source: str) -> Any:
    if isinstance(result, str):
        return Text(result, exposure=exposure, source=source)
    if isinstance(result, bytes):
        return Blob(result, exposure=exposure, source=source)
    if type(result) in {list, tuple}:
        return type(result)(_labelled(each, exposure, source) for each in result)
    return result


def _carrying(method: Callable[..., Any]) -> Callable[..., Any]:
    def carried(self: Any, *args: Any, **kwargs: Any) -> Any:
        # An iterator given to join is read once here, so that its labels are seen.
        given = tuple(list(each) if _one_pass(each) else each for each in args)
        return _carried(method(self, *given, **kwargs), (self, given, kwargs))

    carried.__name__ = method.__name__
    carried.__doc__ = method.__doc__
    return carried


def _one_pass(value: object) -> bool:
    return isinstance(value, Iterable) and not isinstance(value, str | bytes | Mapping | Sequence | set | frozenset)


_METHODS: Final = """
    capitalize center expandtabs join ljust lower lstrip partition removeprefix removesuffix replace
    rjust rpartition rsplit rstrip split splitlines strip swapcase title translate upper zfill
"""
_TEXT_METHODS: Final = tuple(f"{_METHODS} casefold encode format format_map".split())
_BLOB_METHODS: Final = tuple(f"{_METHODS} __mod__ __mul__ __rmul__ decode hex".split())
for _name in _TEXT_METHODS:
    setattr(Text, _name, _carrying(getattr(str, _name)))
for _name in _BLOB_METHODS:
    setattr(Blob, _name, _carrying(getattr(bytes, _name)))


def label(value: object) -> int:
    """Return the exposure of a value: of a handle its own, of a container all that is inside, else none.

    Looks into mappings (keys too), sequences, sets and dataclasses. Nesting
    beyond NESTING_LIMIT counts as everything seen. Consumes no iterator.
    """
    return _label(value, NESTING_LIMIT, {})


def seen_of(*args: object, **kwargs: object) -> int:
    """Return the joined exposure of all handles in the arguments of a call."""
    return label(args) | label(kwargs)


def _label(value: object, depth: int, looked: dict[int, object]) -> int:
    if isinstance(value, Labelled):
        return value.exposure
    if value is None or isinstance(value, str | bytes | bytearray | memoryview | range | int | float | type):
        return CLEAN
    inside = _inside(value)
    if not inside:
        return CLEAN
    if depth == 0:
        return ALL_SEEN
    if id(value) in looked:
        return CLEAN
    looked[id(value)] = value  # held, so that no other object gets its id meanwhile
    seen = CLEAN
    for each in inside:
        seen |= _label(each, depth - 1, looked)
    return seen


def _inside(value: object) -> list[object]:
    if isinstance(value, Mapping):
        return [*value.keys(), *value.values()]
    if isinstance(value, Sequence | set | frozenset):
        return list(value)
    if dataclasses.is_dataclass(value):
        return [getattr(value, each.name, None) for each in dataclasses.fields(value)]
    return []


@final
class FileHandle(Text):
    """The text of a file. ``content`` has its exact bytes."""

    @property
    def path(self) -> str:
        """The path that was read, relative to the workspace."""
        return str(self._details.get("path", ""))

    @property
    def mode(self) -> int:
        """The permission bits of the file."""
        return int(self._details.get("mode", 0))


@final
class NetResponse(Text):
    """The body of a response as text. Characters that can't be decoded are replaced; ``content`` is exact."""

    @property
    def content(self) -> Blob:
        """The exact bytes of the body."""
        return Blob(self._details.get("raw", b""), exposure=self.exposure, source=self.source)

    @property
    def url(self) -> str:
        """The URL that answered, after redirects that were each decided."""
        return str(self._details.get("url", ""))

    @property
    def status(self) -> int:
        """The HTTP status."""
        return int(self._details.get("status", 0))

    @property
    def ok(self) -> bool:
        """Whether the status is in 200..299."""
        return 200 <= self.status < 300

    @property
    def headers(self) -> Mapping[str, str]:
        """The headers that were kept, names in lower case."""
        return dict(self._details.get("headers", {}))

    def json(self) -> Any:
        """Return the parsed body, each text in it under the label of the response. Raises ValueError."""
        return _relabelled(json.loads(str.__str__(self)), self.exposure, self.source)


@final
class CommandOutput(Text):
    """What a command wrote to its standard output. ``stderr`` and ``status`` stand beside it."""

    @property
    def status(self) -> int:
        """The exit status; 128 plus the number of a signal."""
        return int(self._details.get("status", -1))

    @property
    def stderr(self) -> Text:
        """What it wrote to its standard error."""
        return Text(str(self._details.get("stderr", "")), exposure=self.exposure, source=self.source)

    @property
    def content(self) -> Blob:
        """The exact bytes of its standard output."""
        return Blob(self._details.get("raw", b""), exposure=self.exposure, source=self.source)

    @property
    def changes(self) -> tuple[Mapping[str, str], ...]:
        """What it changed in its copy of the workspace (``path``, ``what``, ``kind``), which is thrown away."""
        return tuple(dict(one) for one in self._details.get("changes", ()))


@final
class GitResult(Text):
    """What a git operation said. ``details`` has its structured part (commit, branch, ...)."""

    @property
    def details(self) -> Mapping[str, Any]:
        """The structured part: ``commit``, ``branch``, ``head``, ``clean``, ``paths``, as the operation has them."""
        return dict(self._details)


@final
class Posted(Text):
    """What a forge answered: the URL of what was made, or the text of what was read."""

    @property
    def url(self) -> str:
        """The page of the pull request, comment or issue."""
        return str(self._details.get("url", ""))

    @property
    def number(self) -> int:
        """Its number in the repository."""
        return int(self._details.get("number", 0))

    @property
    def details(self) -> Mapping[str, Any]:
        """State, title, labels: as the operation has them."""
        return dict(self._details)


def _relabelled(value: Any, exposure: int, source: str) -> Any:
    if isinstance(value, str):
        return Text(value, exposure=exposure, source=source)
    if isinstance(value, list):
        return [_relabelled(each, exposure, source) for each in value]
    if isinstance(value, dict):
        return {
            Text(key, exposure=exposure, source=source): _relabelled(each, exposure, source)
            for key, each in value.items()
        }
    return value


def items_of(result: Result) -> Any:
    """Return the JSON of a result's body, each text in it under the label of the result."""
    return _relabelled(json.loads(result.body), result.exposure, result.source)
