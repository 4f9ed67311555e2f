"""The symbolic int and the symbolic bool: faithful, or a trap.

A SymInt is a 64-bit two's complement word that stands for a Python int. The
two agree as long as nothing overflows, so each operation that could overflow
leaves an obligation to prove that it does not. Inputs are assumed to lie
within 62 bits (``INPUT_LIMIT``); what is outside is covered by tests, not by
the proofs, and the claims page says so.
"""

from typing import Any, Final, NoReturn, Protocol

import z3  # type: ignore[import-untyped]

WIDTH: Final = 64
INPUT_LIMIT: Final = 1 << 61
"""Symbolic inputs satisfy -INPUT_LIMIT <= x < INPUT_LIMIT."""


class Trap(BaseException):
    """The code did something that the executor does not model. The exploration is void."""


class Engine(Protocol):
    """What a symbolic value needs of the exploration that is running."""

    def fork(self, condition: z3.BoolRef) -> bool:
        """Choose a side of ``condition``."""

    def oblige(self, what: str, condition: z3.BoolRef) -> None:
        """Note that ``condition`` has to hold here."""

    def trap(self, why: str) -> NoReturn:
        """End the exploration."""


class _Nobody:
    """The engine outside of an exploration: everything is a trap."""

    def fork(self, condition: z3.BoolRef) -> bool:
        raise Trap(f"truth of a symbolic value outside of an exploration: {condition}")

    def oblige(self, what: str, condition: z3.BoolRef) -> None:
        raise Trap(f"arithmetic on a symbolic value outside of an exploration: {what} {condition}")

    def trap(self, why: str) -> NoReturn:
        raise Trap(why)


class _Current:
    """Holds the engine of the exploration that is running."""

    engine: Engine = _Nobody()


def use_engine(engine: Engine | None) -> None:
    """Make ``engine`` the one that symbolic values report to; None for nobody."""
    _Current.engine = _Nobody() if engine is None else engine


def _trap(name: str) -> Any:
    def refuse(self: object, *args: object, **kwargs: object) -> NoReturn:
        del args, kwargs
        _Current.engine.trap(f"{type(self).__name__}.{name} is not modelled")

    return refuse


class SymBool:
    """The result of a comparison of symbolic ints. All it can do is fork."""

    __slots__ = ("term",)

    def __init__(self, term: z3.BoolRef) -> None:
        self.term = term

    def __bool__(self) -> bool:
        return _Current.engine.fork(self.term)

    def __repr__(self) -> str:
        return "<symbolic bool>"

    __eq__ = _trap("__eq__")
    __add__ = _trap("__add__")
    __radd__ = _trap("__radd__")
    __and__ = _trap("__and__")
    __rand__ = _trap("__rand__")
    __or__ = _trap("__or__")
    __ror__ = _trap("__ror__")
    __hash__ = _trap("__hash__")
    __index__ = _trap("__index__")
    __str__ = _trap("__str__")


class SymInt:
    """A symbolic int."""

    __slots__ = ("term",)

    def __init__(self, term: z3.BitVecRef) -> None:
        self.term = term

    def __repr__(self) -> str:
        return "<symbolic int>"

    def __bool__(self) -> bool:
        return _Current.engine.fork(self.term != 0)

    def __and__(self, other: object) -> "SymInt":
        return SymInt(self.term & lift(other))

    def __or__(self, other: object) -> "SymInt":
        return SymInt(self.term | lift(other))

    def __xor__(self, other: object) -> "SymInt":
        return SymInt(self.term ^ lift(other))

    __rand__ = __and__
    __ror__ = __or__
    __rxor__ = __xor__

    def __invert__(self) -> "SymInt":
        return SymInt(~self.term)

    def __neg__(self) -> "SymInt":
        return _subtract(lift(0), self.term)

    def __pos__(self) -> "SymInt":
        return self

    def __add__(self, other: object) -> "SymInt":
        return _add(self.term, lift(other))

    def __radd__(self, other: object) -> "SymInt":
        return _add(lift(other), self.term)

    def __sub__(self, other: object) -> "SymInt":
        return _subtract(self.term, lift(other))

    def __rsub__(self, other: object) -> "SymInt":
        return _subtract(lift(other), self.term)

    def __lshift__(self, other: object) -> "SymInt":
        return _shift_left(self.term, lift(other))

    def __rlshift__(self, other: object) -> "SymInt":
        return _shift_left(lift(other), self.term)

    def __rshift__(self, other: object) -> "SymInt":
        return _shift_right(self.term, lift(other))

    def __rrshift__(self, other: object) -> "SymInt":
        return _shift_right(lift(other), self.term)

    def __eq__(self, other: object) -> SymBool:  # type: ignore[override]
        return SymBool(self.term == lift(other))

    def __ne__(self, other: object) -> SymBool:  # type: ignore[override]
        return SymBool(self.term != lift(other))

    def __lt__(self, other: object) -> SymBool:
        return SymBool(self.term < lift(other))

    def __le__(self, other: object) -> SymBool:
        return SymBool(self.term <= lift(other))

    def __gt__(self, other: object) -> SymBool:
        return SymBool(self.term > lift(other))

    def __ge__(self, other: object) -> SymBool:
        return SymBool(self.term >= lift(other))

    # Python falls back on these for int(), float(), format(), iteration and the like.
    __hash__ = _trap("__hash__")
    __index__ = _trap("__index__")
    __str__ = _trap("__str__")
    __abs__ = _trap("__abs__")
    __round__ = _trap("__round__")
    __trunc__ = _trap("__trunc__")
    __mul__ = _trap("__mul__")
    __rmul__ = _trap("__rmul__")
    __matmul__ = _trap("__matmul__")
    __truediv__ = _trap("__truediv__")
    __rtruediv__ = _trap("__rtruediv__")
    __floordiv__ = _trap("__floordiv__")
    __rfloordiv__ = _trap("__rfloordiv__")
    __mod__ = _trap("__mod__")
    __rmod__ = _trap("__rmod__")
    __divmod__ = _trap("__divmod__")
    __rdivmod__ = _trap("__rdivmod__")
    __pow__ = _trap("__pow__")
    __rpow__ = _trap("__rpow__")
    __len__ = _trap("__len__")
    __getitem__ = _trap("__getitem__")
    __call__ = _trap("__call__")


def lift(value: object) -> z3.BitVecRef:
    """Return the term of a SymInt or of an exact int; trap on anything else, bool included."""
    if type(value) is SymInt:
        return value.term
    if type(value) is int:
        if not -(1 << (WIDTH - 1)) <= value < 1 << (WIDTH - 1):
            _Current.engine.trap(f"a constant outside of {WIDTH} bits: {value}")
        return z3.BitVecVal(value, WIDTH)
    return _Current.engine.trap(f"an int meets a {type(value).__name__}")


def _add(a: z3.BitVecRef, b: z3.BitVecRef) -> SymInt:
    exact = z3.SignExt(1, a) + z3.SignExt(1, b)
    _Current.engine.oblige("no overflow in +", exact == z3.SignExt(1, a + b))
    return SymInt(a + b)


def _subtract(a: z3.BitVecRef, b: z3.BitVecRef) -> SymInt:
    exact = z3.SignExt(1, a) - z3.SignExt(1, b)
    _Current.engine.oblige("no overflow in -", exact == z3.SignExt(1, a - b))
    return SymInt(a - b)


def _shift_left(a: z3.BitVecRef, b: z3.BitVecRef) -> SymInt:
    _Current.engine.oblige("shift within 0..63", z3.And(b >= 0, b < WIDTH))
    _Current.engine.oblige("no overflow in <<", (a << b) >> b == a)
    return SymInt(a << b)


def _shift_right(a: z3.BitVecRef, b: z3.BitVecRef) -> SymInt:
    # A shift by more than 63 is well defined in Python, but no kernel needs it.
    _Current.engine.oblige("shift within 0..63", z3.And(b >= 0, b < WIDTH))
    return SymInt(a >> b)
