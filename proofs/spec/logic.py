"""The connectives of the specification: Python values stay Python values, terms stay terms."""

from typing import Any

import z3  # type: ignore[import-untyped]

Truth = Any
"""bool, or a solver's Boolean term."""
Word = Any
"""int, or a solver's bit-vector term."""


def every(*parts: Truth) -> Truth:
    """Conjunction."""
    if any(part is False for part in parts):
        return False
    terms = [part for part in parts if part is not True]
    return z3.And(*terms) if len(terms) > 1 else terms[0] if terms else True


def some(*parts: Truth) -> Truth:
    """Disjunction."""
    if any(part is True for part in parts):
        return True
    terms = [part for part in parts if part is not False]
    return z3.Or(*terms) if len(terms) > 1 else terms[0] if terms else False


def no(part: Truth) -> Truth:
    """Negation."""
    return (not part) if isinstance(part, bool) else z3.Not(part)


def implies(left: Truth, right: Truth) -> Truth:
    """Implication."""
    return some(no(left), right)


def iff(left: Truth, right: Truth) -> Truth:
    """Both or neither."""
    if isinstance(left, bool) and isinstance(right, bool):
        return left == right
    return truth(left) == truth(right)


def pick(condition: Truth, yes: Word, other: Word) -> Word:
    """``yes`` if the condition holds, else ``other``."""
    if isinstance(condition, bool):
        return yes if condition else other
    return z3.If(condition, word(yes), word(other))


def has(value: Word, place: int) -> Truth:
    """Whether the bit at ``place`` is set."""
    if isinstance(value, int):
        return value >> place & 1 == 1
    return z3.Extract(place, place, value) == 1


def bits(*flags: Truth) -> Word:
    """The word whose bits, lowest first, are these truths."""
    total: Word = 0
    for place, flag in enumerate(flags):
        total = total | pick(flag, 1 << place, 0)
    return total


def within(low: int, value: Word, high: int) -> Truth:
    """Whether ``low <= value <= high``."""
    return every(value >= low, value <= high)


def same(left: Word, right: Word) -> Truth:
    """Equality of ints."""
    return left == right


def word(value: Word) -> Word:
    """An int as a term, where a term is needed."""
    return z3.BitVecVal(value, 64) if isinstance(value, int) else value


def truth(value: Truth) -> Truth:
    """A bool as a term, where a term is needed."""
    return z3.BoolVal(value) if isinstance(value, bool) else value
