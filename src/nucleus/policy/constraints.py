"""Restrictions: which values of one key (paths, hosts, argv, ...) a policy permits.

A ``Scope`` is a conjunction of constraint sets, one from each layer. A set
answers for itself::

    deny   some deny pattern matches
    ask    some ask pattern matches
    allow  some allow pattern matches
    otherwise, what the set says of values that it does not name

and the scope answers with the least of its sets. So a ``meet`` appends sets
and can't widen; ``permits`` is all of them. Nothing is said about a key by
nobody: the scope of a key that no layer mentions is ``Scope.none``.

What allows compares exactly. What asks or denies ignores case and Unicode
compatibility forms, so that ``.ENV`` does not pass where ``.env`` is denied.

``leq(p, q)`` is sound: what ``p`` permits, ``q`` permits, and where ``p``
allows without a question, so does ``q``. It may say no too often: then two
policies are reported as different that no request tells apart.
"""

import unicodedata
from collections.abc import Iterable, Sequence
from functools import lru_cache
from typing import Final, NamedTuple, final

from nucleus.lean import dataclass
from nucleus.policy import shapes
from nucleus.policy.shapes import Name, Shape
from nucleus.policy.source import Source
from nucleus.policy.table import Entry, Table
from nucleus.policy.values import PATH, Kind

DENY: Final = 0
ASK: Final = 1
ALLOW: Final = 2
VERDICTS: Final = ("deny", "ask", "allow")

NOBODY: Final = "nobody"
"""The layer of a set that no file speaks for."""

REMEMBERED: Final = 256
"""Judgements that a scope keeps, the latest ones: agents come back to the same paths and hosts."""
Pattern = tuple[Shape, Source]
Value = str | Sequence[str]

_DENIES: Final = 1
_ASKS: Final = 2
_ALLOWS: Final = 4
_NAMES: Final = 8
_FIXES: Final = 16
_FIELD: Final = 5
"""Bits that each set has in the bits of an entry."""


class Judgement(NamedTuple):
    """What a scope says of one value. For a person: may name what the agent must not learn."""

    scope: int
    why: str
    """The pattern behind the verdict, or the set that does not name the value."""
    where: str
    """``file:line`` or ``profile NAME``."""
    named: bool
    """Whether the owner's own patterns name the value, other than by naming everything."""
    exact: bool
    """Whether they name it by a pattern that matches nothing else."""
    silent: bool = False
    """Whether nothing limits the value: the verdict only says that nobody names it."""


@final
@dataclass(frozen=True, slots=True)
class Constraint:
    """What one layer says about one key. Patterns that ask or deny are already folded."""

    layer: str
    """``profile NAME``, or the path of the file."""
    allow: tuple[Pattern, ...] = ()
    ask: tuple[Pattern, ...] = ()
    deny: tuple[Pattern, ...] = ()
    otherwise: int = DENY
    ceiling: bool = False
    """Whether the allow patterns only bound what other layers may name, and vouch for nothing."""


@final
class Cover:
    """Patterns, ready to be asked whether one of them covers a shape: by base, so that most are never looked at."""

    __slots__ = ("_by_base",)

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._by_base: dict[tuple[str, ...], dict[Shape, None]] = {}
        for shape, _ in patterns:
            self._by_base.setdefault(shape.base, {})[shape] = None

    def covers(self, shape: Shape) -> bool:
        """Whether one of the patterns covers the shape. Sound; may say no too often."""
        base = shape.base
        return any(
            shapes.covers(wide, shape) for size in range(len(base) + 1) for wide in self._by_base.get(base[:size], ())
        )


@final
class Scope:
    """The conjunction of the constraint sets of one key. Never changed after it was made."""

    __slots__ = (
        "_asks",
        "_ceded",
        "_closed",
        "_denies",
        "_grants",
        "_limits",
        "_remembered",
        "_voices",
        "kind",
        "sets",
    )

    def __init__(self, kind: Kind, sets: Iterable[Constraint]) -> None:
        self.kind: Final = kind
        self.sets: Final = tuple(sets) or (Constraint(NOBODY),)
        self._grants = Table(kind.separator, rooted=kind.rooted)
        self._limits = Table(kind.separator, rooted=kind.rooted)
        self._denies = 0
        self._asks = 0
        self._closed = 0
        self._ceded = 0
        self._voices = 0
        self._remembered = lru_cache(REMEMBERED)(self._judged)
        for number, one in enumerate(self.sets):
            self._put(one, number * _FIELD)

    def _put(self, one: Constraint, shift: int) -> None:
        """Enter one set into the tables and masks."""
        for shape, source in one.allow:
            named = 0 if shape.everything or one.ceiling else _NAMES
            exact = _FIXES if named and shape.literal else 0
            self._grants.add(shape, (_ALLOWS | named | exact) << shift, source)
        for shape, source in one.ask:
            self._limits.add(shape, _ASKS << shift, source)
        for shape, source in one.deny:
            self._limits.add(shape, _DENIES << shift, source)
        self._denies |= _DENIES << shift
        self._asks |= _ASKS << shift
        self._closed |= _ALLOWS << shift if one.otherwise == DENY else 0
        self._ceded |= _ALLOWS << shift if one.otherwise == ASK else 0
        self._voices |= 0 if one.ceiling else _NAMES << shift

    @classmethod
    def none(cls, kind: Kind, layer: str = NOBODY) -> "Scope":
        """Return the scope that permits nothing."""
        return cls(kind, (Constraint(layer),))

    @classmethod
    def all(cls, kind: Kind, source: Source) -> "Scope":
        """Return the scope that permits everything, and names nothing in particular."""
        return cls(kind, (Constraint(source.where, tuple((shape, source) for shape in kind.everything)),))

    def judge(self, value: Value) -> Judgement:
        """Return the least answer of the sets. A value that is not canonical is denied, whatever they say."""
        # Only an exact str is looked up: a subclass could equal one text and spell another.
        if type(value) is str:
            return self._remembered(value)
        return self._judged(value if isinstance(value, str) else tuple(value))

    def _judged(self, value: Value) -> Judgement:  # noqa: PLR0911  one return for each row of the table above
        encoded = self.kind.encode(value)
        if encoded is None:
            return Judgement(DENY, f"not a canonical {self.kind.name}: {value!r}", "", named=False, exact=False)
        limits = self._limits.find(fold(encoded))
        if self.kind.alias is not None:
            other = self.kind.alias(encoded)
            limits = limits + self._limits.find(fold(other)) if other != encoded else limits
        grants = self._grants.find(encoded)
        bits = 0
        for entry in limits:
            bits |= entry.bits
        for entry in grants:
            bits |= entry.bits
        # INVARIANT: a set that neither allows nor asks answers with its ``otherwise``.
        # The shift lays the bit for "asks" over the bit for "allows".
        silent = ~(bits | bits << 1)
        if bits & self._denies:
            return _cite(DENY, limits, self._denies)
        if self._closed & silent:
            return self._unnamed(DENY, self._closed & silent)
        if bits & self._asks:
            return _cite(ASK, limits, self._asks)
        if self._ceded & silent:
            return self._unnamed(ASK, self._ceded & silent)
        cited = _cite(ALLOW, grants, -1)
        voices = self._voices
        if voices == 0 or bits & voices != voices:
            return cited
        return Judgement(ALLOW, cited.why, cited.where, named=True, exact=bits & voices << 1 == voices << 1)

    def permits(self, value: Value) -> bool:
        """Whether the value is allowed or asked for."""
        return self.judge(value).scope != DENY

    def _unnamed(self, verdict: int, silent: int) -> Judgement:
        """Return the verdict of the first set that does not name the value."""
        first = (silent & -silent).bit_length() // _FIELD
        layer = self.sets[first].layer
        why = (
            f"no policy names this {self.kind.name}"
            if layer == NOBODY
            else f"not a {self.kind.name} that {layer} names"
        )
        return Judgement(verdict, why, layer, False, False, silent=True)


def _cite(verdict: int, entries: list[Entry], mask: int) -> Judgement:
    """Return the verdict with the pattern behind it: the last entry is the innermost."""
    for entry in reversed(entries):
        for bit, source in reversed(entry.sources.items()):
            if bit & mask:
                return Judgement(verdict, source.reason, source.where, named=False, exact=False)
    return Judgement(verdict, "nothing limits it", "", named=False, exact=False)


def fold(text: str) -> str:
    """Return what is compared where a pattern asks or denies: no case, no compatibility forms."""
    return text.lower() if text.isascii() else unicodedata.normalize("NFKC", text).casefold()


def meet(p: Scope, q: Scope) -> Scope:
    """Return the scope that permits what both permit, and names what both name."""
    silent = tuple(_SILENT for scope in (p, q) if all(one.ceiling for one in scope.sets))
    return Scope(p.kind, dict.fromkeys(p.sets + q.sets + silent))


_SILENT: Final = Constraint(NOBODY, otherwise=ALLOW)
"""Permits everything and vouches for nothing: keeps a meet from naming what one side did not name."""


def leq(p: Scope, q: Scope) -> bool:
    """Whether ``q`` answers no less than ``p`` to every value, and names all that ``p`` names."""
    if p.kind is not q.kind:
        return False
    covers = [(one, Cover(one.deny), Cover(one.deny + one.ask)) for one in p.sets]
    return all(_answers_less(p.kind, covers, bound) for bound in q.sets) and _vouches_less(p, q)


_Covered = tuple[Constraint, Cover, Cover]
"""A set, what it denies, and what it denies or asks for."""


def _answers_less(kind: Kind, sets: list[_Covered], bound: Constraint) -> bool:
    """Whether the sets together answer no more than one other set does, to every value."""
    if any(denied.covers(shape) for _, denied, _ in sets for shape in kind.limits_everything):
        return True
    return (
        all(_held(kind, sets, shape, DENY) for shape, _ in bound.deny)
        and all(_held(kind, sets, shape, ASK) for shape, _ in bound.ask)
        and (bound.otherwise == ALLOW or _some_bounded(sets, bound))
    )


def _held(kind: Kind, sets: list[_Covered], shape: Shape, most: int) -> bool:
    """Whether the sets answer at most ``most`` to all that the limiting shape matches."""
    for one, denied, limited in sets:
        if (denied if most == DENY else limited).covers(shape):
            return True
        rest = one.allow if most == ASK else one.allow + one.ask
        # A path that is denied by name is invisible too, so silence is not as strong as a denial there.
        strong = one.otherwise == DENY and (most == ASK or kind is not PATH)
        if strong and all(_surely_apart(shape, other) for other, _ in rest):
            return True
    return False


def _some_bounded(sets: list[_Covered], bound: Constraint) -> bool:
    """Whether one set answers no more than ``bound`` to all that neither asks for nor denies by pattern."""
    allowed = Cover(bound.allow)
    asked = Cover(bound.ask + tuple(pattern for pattern in bound.allow if _caseless(pattern[0])))
    return any(
        one.otherwise <= bound.otherwise
        and all(allowed.covers(shape) for shape, _ in one.allow)
        and (bound.otherwise == ASK or all(asked.covers(shape) for shape, _ in one.ask))
        for one, _, _ in sets
    )


def _caseless(shape: Shape) -> bool:
    """Whether an exact shape matches what it matches in any case too, so that it can cover a folded one."""
    parts = shape.base + ((shape.name.prefix, shape.name.suffix) if shape.name else ())
    text = "".join(parts)
    return text.isascii() and text.upper() == text.lower()


def _vouches_less(p: Scope, q: Scope) -> bool:
    """Whether ``q`` names all that ``p`` names, and exactly what ``p`` names exactly."""
    voices = [one for one in p.sets if not one.ceiling]
    if not voices or not all(_vouching(one, exact=False) for one in voices):
        return True
    bounds = [one for one in q.sets if not one.ceiling]
    return bool(bounds) and all(
        any(all(named.covers(shape) for shape, _ in _vouching(one, exact=exact)) for one in voices)
        for bound in bounds
        for exact in (False, True)
        for named in (Cover(_vouching(bound, exact=exact)),)
    )


def _vouching(one: Constraint, *, exact: bool) -> tuple[Pattern, ...]:
    """Return the patterns of a set that name something in particular, or one value."""
    return tuple(pattern for pattern in one.allow if (pattern[0].literal if exact else not pattern[0].everything))


def _surely_apart(limit: Shape, other: Shape) -> bool:
    """Whether no value matches both a folded shape and an exact or folded one."""
    parts = other.base + ((other.name.prefix, other.name.suffix) if other.name else ())
    # Folding can join letters across the edge of a star, so only plain shapes are compared.
    return "".join(parts).isascii() and shapes.apart(limit, folded(other))


def folded(shape: Shape) -> Shape:
    """Return the shape as it is compared where it asks or denies."""
    base = tuple(fold(part) for part in shape.base)
    name = shape.name and Name(fold(shape.name.prefix), fold(shape.name.suffix), shape.name.star)
    return Shape(base, name, shape.depth, shape.below)
