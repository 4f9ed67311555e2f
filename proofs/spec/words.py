"""The parts that an int of the kernel is made of, by name."""

from typing import Final, NamedTuple

from proofs.spec.logic import Truth, Word, bits, every, has, implies, no, pick, same, some, within

OPS: Final = (
    "read_files",
    "write_files",
    "edit_files",
    "run_bash",
    "glob_search",
    "grep_search",
    "web_search",
    "web_fetch",
    "git_commit",
    "git_push",
    "create_pr",
    "manage_pods",
)
OPAQUE: Final = ("run_bash",)
READING: Final = ("read_files", "glob_search", "grep_search")
FETCHING: Final = ("web_search", "web_fetch")
PUBLISHING: Final = ("git_push", "create_pr")

CAP_BITS: Final = 24
LARGEST: Final = 9007199254740991
"""2^53 - 1: the largest budget and the largest version."""


class Seen(NamedTuple):
    """An exposure, taken apart."""

    private: Truth
    untrusted: Truth
    sent: Truth
    foreign: Truth
    secret: Truth


class Sink(NamedTuple):
    """A sink, taken apart."""

    egress: Truth
    irreversible: Truth
    control: Truth


class Principal(NamedTuple):
    """The four ints of a state."""

    authority: Word
    exposure: Word
    budget: Word
    version: Word


class Facts(NamedTuple):
    """The thirteen ints of a request."""

    op: Word
    cost: Word
    live: Word
    legs: Word
    carried: Word
    sink: Word
    scope: Word
    trusted: Word
    home: Word
    attested: Word
    public: Word
    fixed: Word
    approved: Word


class Legs(NamedTuple):
    """Three authority masks: which capabilities have which leg."""

    private: Word
    untrusted: Word
    exfil: Word


def is_op(op: Word, names: tuple[str, ...] | list[str]) -> Truth:
    """Whether ``op`` is one of the named capabilities."""
    return some(*[same(op, OPS.index(name)) for name in names])


def above_never(authority: Word, op: int) -> Truth:
    """Whether the capability at position ``op`` is granted at all: low_risk or always."""
    return has(authority, 2 * op)


def at_always(authority: Word, op: int) -> Truth:
    """Whether the capability at position ``op`` is granted always."""
    return has(authority, 2 * op + 1)


def grade(authority: Word, op: int) -> Word:
    """The level as a rank: 0 never, 1 low_risk, 2 always."""
    return pick(at_always(authority, op), 2, pick(above_never(authority, op), 1, 0))


def holds(authority: Word, op: Word) -> Truth:
    """Whether the authority has ``op``, itself a word, above never."""
    return some(*[every(same(op, k), above_never(authority, k)) for k in range(len(OPS))])


def is_low(authority: Word, op: Word) -> Truth:
    """Whether the authority has ``op`` at exactly low_risk."""
    both = [every(same(op, k), above_never(authority, k), no(at_always(authority, k))) for k in range(len(OPS))]
    return some(*both)


def is_authority(value: Word) -> Truth:
    """Whether the word codes an authority: always implies above never, nothing beyond 24 bits."""
    coded = [implies(at_always(value, k), above_never(value, k)) for k in range(len(OPS))]
    return every(within(0, value, (1 << CAP_BITS) - 1), *coded)


def below(lower: Word, upper: Word) -> Truth:
    """Whether each capability's level in ``lower`` is at most that in ``upper``."""
    return every(
        *[
            every(
                implies(above_never(lower, k), above_never(upper, k)),
                implies(at_always(lower, k), at_always(upper, k)),
            )
            for k in range(len(OPS))
        ]
    )


def authority_of(ranks: list[tuple[Truth, Truth]]) -> Word:
    """The word of an authority from (above never, always) of each capability."""
    flat = [flag for pair in ranks for flag in pair]
    return bits(*flat)


def bits_of_all(count: int) -> int:
    """The word with the lowest ``count`` bits set."""
    return (1 << count) - 1


def seen_in(exposure: Word) -> Seen:
    """Take an exposure apart."""
    return Seen(*[has(exposure, place) for place in range(5)])


def exposure_of(seen: Seen) -> Word:
    """Put an exposure together."""
    return bits(*seen)


def is_exposure(value: Word) -> Truth:
    """Whether the word codes an exposure: five bits; foreign or secret only with private."""
    seen = seen_in(value)
    return every(within(0, value, 31), implies(some(seen.foreign, seen.secret), seen.private))


def covers(larger: Word, smaller: Word) -> Truth:
    """Whether all that was seen in ``smaller`` was seen in ``larger``."""
    big, small = seen_in(larger), seen_in(smaller)
    return every(*[implies(few, many) for few, many in zip(small, big, strict=True)])


def sink_in(value: Word) -> Sink:
    """Take a sink apart."""
    return Sink(has(value, 0), has(value, 1), has(value, 2))


def is_principal(s: Principal) -> Truth:
    """Whether all four ints are in range."""
    return every(
        is_authority(s.authority),
        is_exposure(s.exposure),
        within(0, s.budget, LARGEST),
        within(0, s.version, LARGEST),
    )


def is_facts(r: Facts) -> Truth:
    """Whether all thirteen ints are in range (``live`` 0 or 1)."""
    flags = (r.live, r.home, r.attested, r.public, r.fixed, r.approved)
    return every(
        within(0, r.op, len(OPS) - 1),
        r.cost >= 0,
        is_exposure(r.legs),
        is_exposure(r.carried),
        within(0, r.sink, 7),
        within(0, r.scope, 2),
        within(0, r.trusted, 2),
        *[within(0, flag, 1) for flag in flags],
    )


def yes(flag: Word) -> Truth:
    """Whether a 0/1 fact is 1."""
    return same(flag, 1)


def is_mask(value: Word) -> Truth:
    """Whether the word grants each capability always or never."""
    paired = [implies(above_never(value, k), at_always(value, k)) for k in range(len(OPS))]
    return every(is_authority(value), *paired)


def reached(t: Legs, a: Word) -> Seen:
    """Which of the three legs some capability above never has; never foreign or secret."""
    legs = [some(*[every(above_never(a, k), above_never(mask, k)) for k in range(len(OPS))]) for mask in t]
    return Seen(legs[0], legs[1], legs[2], foreign=False, secret=False)


def inside(t: Legs, e: Word) -> Word:
    """Always for the capabilities whose legs all lie in ``e``, never for the others."""
    limits = seen_in(e)[:3]
    fits = [
        every(*[implies(above_never(mask, k), limit) for mask, limit in zip(t, limits, strict=True)])
        for k in range(len(OPS))
    ]
    return authority_of([(fit, fit) for fit in fits])


def capped(t: Legs, a: Word) -> Word:
    """``a``, or if it reaches all three legs: ``a`` with egress capabilities at low_risk at most."""
    all_three = every(*reached(t, a)[:3])
    return authority_of(
        [
            (above_never(a, k), every(at_always(a, k), no(every(all_three, above_never(t.exfil, k)))))
            for k in range(len(OPS))
        ]
    )
