"""The lattice of authorities, capability by capability."""

from proofs.spec.logic import Truth, Word, every, implies, no, some
from proofs.spec.words import OPS, above_never, at_always, authority_of, grade

PLACES = range(len(OPS))


def common(a: Word, b: Word) -> Word:
    """The lower level of each capability."""
    return authority_of(
        [(every(above_never(a, k), above_never(b, k)), every(at_always(a, k), at_always(b, k))) for k in PLACES]
    )


def either(a: Word, b: Word) -> Word:
    """The higher level of each capability."""
    return authority_of(
        [(some(above_never(a, k), above_never(b, k)), some(at_always(a, k), at_always(b, k))) for k in PLACES]
    )


def implication(a: Word, b: Word) -> Word:
    """The largest level c of each capability with min(a, c) <= b: always where a <= b, else b."""
    ranks = []
    for k in PLACES:
        fits = grade(a, k) <= grade(b, k)
        ranks.append((_choose(fits, above_never(b, k)), _choose(fits, at_always(b, k))))
    return authority_of(ranks)


def _choose(fits: Truth, other: Truth) -> Truth:
    """True where it fits, else ``other``."""
    return every(some(fits, other), implies(no(fits), other))


def alone(a: Word) -> Word:
    """What is left with nobody to ask: low_risk becomes never."""
    return authority_of([(at_always(a, k), at_always(a, k)) for k in PLACES])


def with_yes(a: Word) -> Word:
    """What there is with every question answered yes: low_risk becomes always."""
    return authority_of([(above_never(a, k), above_never(a, k)) for k in PLACES])
