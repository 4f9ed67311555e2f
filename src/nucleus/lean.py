"""Dataclasses whose methods are written when they are first used.

``dataclasses`` writes the source of six methods for each frozen class and has
it compiled while a module is imported: half a millisecond a class, and a gate
has ninety of them. Most are never compared or printed in one process, many
never made. Here a class gets its fields and slots at import; ``__init__`` is
compiled when the first instance is made, and is then the same code that
``dataclasses`` would have written. Comparing, hashing and printing need no
code of their own. Measured in docs/adr/0048.

To a type checker, and to ``dataclasses.fields``, ``replace`` and ``asdict``,
these classes are dataclasses. Not there: what no class of Nucleus uses (order,
keyword-only fields, ``InitVar``, ``ClassVar``).
"""

from collections.abc import Callable, Mapping
from operator import attrgetter
from typing import TYPE_CHECKING, Any, ClassVar, Final, TypeVar, final

_Class = TypeVar("_Class", bound=type)
_Made = TypeVar("_Made")
_NONE: Final = object()
"""No default, where None could be one."""
_OWN: Final = "__lean_fields__"
_COPIED: Final = "__lean_copied__"
_MATCHED: Final = "__match_args__"


@final
class _Field:
    """What a class says of one of its fields beside its type."""

    __slots__ = ("compare", "default", "factory", "init", "name", "repr")

    def __init__(
        self,
        *,
        default: object = _NONE,
        default_factory: Callable[[], object] | None = None,
        init: bool = True,
        repr: bool = True,  # noqa: A002  named as in ``dataclasses``
        compare: bool = True,
    ) -> None:
        self.name = ""
        self.default = default
        self.factory = default_factory
        self.init = init
        self.repr = repr
        self.compare = compare


@final
class _Described:
    """``__dataclass_fields__`` of a class: made by ``dataclasses`` itself, when something first asks."""

    def __get__(self, _one: object, cls: type) -> Mapping[str, Any]:
        import dataclasses

        found = []
        for each in getattr(cls, _OWN):
            known: dict[str, Any] = {"init": each.init, "repr": each.repr, "compare": each.compare}
            if each.default is not _NONE:
                known["default"] = each.default
            if each.factory is not None:
                known["default_factory"] = each.factory
            kind = next(_annotations(one)[each.name] for one in cls.__mro__ if each.name in _annotations(one))
            found.append((each.name, kind, dataclasses.field(**known)))
        described: Any = dataclasses.make_dataclass(cls.__name__, found)
        fields: Mapping[str, Any] = described.__dataclass_fields__
        type.__setattr__(cls, "__dataclass_fields__", fields)
        return fields


def _annotations(cls: type) -> Mapping[str, Any]:
    # Not by ``inspect``: that alone costs as much as sixty of these classes.
    found: Mapping[str, Any] = vars(cls).get("__annotations__", {})
    return found


def _dataclass(
    cls: _Class | None = None,
    /,
    *,
    frozen: bool = False,
    slots: bool = False,
    eq: bool = True,
    unsafe_hash: bool = False,
) -> Any:
    """Make a class a dataclass, as ``dataclasses.dataclass`` does. Raises TypeError for what is not there."""
    if cls is None:
        return lambda one: _dataclass(one, frozen=frozen, slots=slots, eq=eq, unsafe_hash=unsafe_hash)
    fields = _fields(cls)
    made: Any = _slotted(cls, fields) if slots else cls
    setattr(made, _OWN, fields)
    made.__dataclass_fields__ = _Described()
    own = vars(made)
    if "__match_args__" not in own:
        setattr(made, _MATCHED, tuple(one.name for one in fields if one.init))
    if "__init__" not in own:
        made.__init__ = _first(made, fields, frozen=frozen)
    if "__repr__" not in own:
        made.__repr__ = _repr(tuple(one.name for one in fields if one.repr))
    compared = tuple(one.name for one in fields if one.compare)
    if "__hash__" not in own or (own["__hash__"] is None and "__eq__" in own):
        if unsafe_hash or (eq and frozen):
            made.__hash__ = _hash(compared)
        elif eq:
            made.__hash__ = None
    if eq and "__eq__" not in own:
        made.__eq__ = _eq(compared)
    if frozen:
        _freeze(made, frozenset(one.name for one in fields))
    return made


def _fields(cls: type) -> tuple[_Field, ...]:
    """Return the fields of a class, those of its bases first."""
    found: dict[str, _Field] = {}
    for base in reversed(cls.__mro__[1:]):
        found.update({one.name: one for one in vars(base).get(_OWN, ())})
    for name, kind in _annotations(cls).items():
        if _special(kind):
            raise TypeError(f"{cls.__qualname__}.{name}: this kind of field is not for a lean dataclass")
        value = vars(cls).get(name, _NONE)
        one = value if isinstance(value, _Field) else _Field(default=value)
        if one.default.__class__.__hash__ is None:
            raise ValueError(f"{cls.__qualname__}.{name}: its default would be shared; use default_factory")
        one.name = name
        found[name] = one
        if isinstance(value, _Field):
            if one.default is _NONE:
                delattr(cls, name)
            else:
                setattr(cls, name, one.default)
    return tuple(found.values())


def _special(kind: object) -> bool:
    """Whether an annotation means something else to ``dataclasses`` than a field."""
    if isinstance(kind, str):
        return "ClassVar" in kind or "InitVar" in kind
    return getattr(kind, "__origin__", kind) is ClassVar or kind.__class__.__name__ == "InitVar"


def _slotted(cls: _Class, fields: tuple[_Field, ...]) -> _Class:
    """Return the class made anew with a slot for each field: slots are only had from the beginning."""
    taken = {name for base in cls.__mro__[1:] for name in vars(base).get("__slots__", ())}
    names = tuple(one.name for one in fields if one.name not in taken)
    left_out = {*(one.name for one in fields), "__dict__", "__weakref__"}
    own = {name: value for name, value in vars(cls).items() if name not in left_out}
    made = type(cls)(cls.__name__, cls.__bases__, {**own, "__slots__": names})
    made.__qualname__ = cls.__qualname__
    return made


def _first(cls: Any, fields: tuple[_Field, ...], *, frozen: bool) -> Callable[..., None]:
    """Return an ``__init__`` that puts the real one in its place, and calls it."""

    def __init__(self: object, *args: object, **named: object) -> None:  # noqa: N807  it is one
        real = _init(cls, fields, frozen=frozen)
        cls.__init__ = real
        real(self, *args, **named)

    return __init__


def _init(cls: type, fields: tuple[_Field, ...], *, frozen: bool) -> Callable[..., None]:
    """Return the ``__init__`` of a class, compiled: it is called for each decision, so it must cost what it can least.

    The text holds names of fields, which are identifiers of our own source, and nothing else.
    """
    known: dict[str, object] = {"_set": object.__setattr__, "_none": _NONE}
    words, lines = ["self"], []
    for one in fields:
        value = one.name
        if one.factory is not None:
            known[f"_make_{one.name}"] = one.factory
            made = f"_make_{one.name}()"
            value = f"{made} if {one.name} is _none else {one.name}" if one.init else made
        elif not one.init:
            if one.default is _NONE or not hasattr(cls, "__slots__"):
                continue
            value = f"_default_{one.name}"
        known[f"_default_{one.name}"] = one.default
        optional = one.factory is not None or one.default is not _NONE
        if one.init:
            words.append(f"{one.name}=_default_{one.name}" if optional else one.name)
        lines.append(f"_set(self, {one.name!r}, {value})" if frozen else f"self.{one.name} = {value}")
    if hasattr(cls, "__post_init__"):
        lines.append("self.__post_init__()")
    text = f"def __init__({', '.join(words)}):\n " + "\n ".join(lines or ["pass"])
    exec(text, known)  # noqa: S102
    real: Any = known["__init__"]
    real.__qualname__ = f"{cls.__qualname__}.__init__"
    return real  # type: ignore[no-any-return]


def _getter(names: tuple[str, ...]) -> Callable[[object], tuple[object, ...]]:
    """Return what gives the values of these fields, as a tuple."""
    if len(names) > 1:
        return attrgetter(*names)
    return lambda one: tuple(getattr(one, name) for name in names)


def _repr(names: tuple[str, ...]) -> Callable[[object], str]:
    def __repr__(self: object) -> str:  # noqa: N807  it is one
        shown = ", ".join(f"{name}={getattr(self, name)!r}" for name in names)
        return f"{self.__class__.__qualname__}({shown})"

    return __repr__


def _eq(names: tuple[str, ...]) -> Callable[[object, object], bool]:
    values = _getter(names)

    def __eq__(self: object, other: object) -> bool:  # noqa: N807  it is one
        if other.__class__ is not self.__class__:
            return NotImplemented
        return values(self) == values(other)

    return __eq__


def _hash(names: tuple[str, ...]) -> Callable[[object], int]:
    values = _getter(names)

    def __hash__(self: object) -> int:  # noqa: N807  it is one
        return hash(values(self))

    return __hash__


def _freeze(made: Any, names: frozenset[str]) -> None:
    """Refuse to set or delete anything on an instance, with the error of ``dataclasses``."""

    def __setattr__(self: object, name: str, value: object) -> None:  # noqa: N807  it is one
        if self.__class__ is made or name in names:
            raise _frozen(f"cannot assign to field {name!r}")
        super(made, self).__setattr__(name, value)

    def __delattr__(self: object, name: str) -> None:  # noqa: N807  it is one
        if self.__class__ is made or name in names:
            raise _frozen(f"cannot delete field {name!r}")
        super(made, self).__delattr__(name)

    made.__setattr__ = __setattr__
    made.__delattr__ = __delattr__


def _frozen(why: str) -> AttributeError:
    from dataclasses import FrozenInstanceError

    return FrozenInstanceError(why)


def _replace(one: _Made, /, **changes: object) -> _Made:
    """Return the same, some fields changed. Raises TypeError for no field, ValueError for one not of ``__init__``."""
    if not hasattr(one, _OWN):
        import dataclasses  # the kernel's states are made by it

        return dataclasses.replace(one, **changes)  # type: ignore[type-var]
    cls = one.__class__
    names, values, fixed = cls.__dict__.get(_COPIED) or _copying(cls)
    if fixed and not fixed.isdisjoint(changes):
        raise ValueError(f"{min(fixed.intersection(changes))} is not of __init__, and can't be replaced")
    return cls(**{**dict(zip(names, values(one), strict=True)), **changes})


def _copying(cls: type) -> tuple[tuple[str, ...], Callable[[object], tuple[object, ...]], frozenset[str]]:
    """Return the names that ``__init__`` takes, what gets their values, and the names that it does not take."""
    names = tuple(each.name for each in getattr(cls, _OWN) if each.init)
    found = names, _getter(names), frozenset(each.name for each in getattr(cls, _OWN) if not each.init)
    type.__setattr__(cls, _COPIED, found)
    return found


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass  # noqa: PLC0414  a type checker knows them by these names
    from dataclasses import field as field  # noqa: PLC0414
    from dataclasses import replace as replace  # noqa: PLC0414
else:
    dataclass, field, replace = _dataclass, _Field, _replace
