"""Delegation, absorbing and tightening."""

from typing import Final, NamedTuple

from proofs.spec.lattice import common
from proofs.spec.logic import Truth, Word, every, no, pick, same, some, within
from proofs.spec.words import (
    LARGEST,
    Principal,
    Seen,
    exposure_of,
    is_authority,
    is_exposure,
    is_principal,
    seen_in,
)

EVERYTHING_SEEN: Final = 31


class Birth(NamedTuple):
    """What ``delegate`` returns."""

    granted: Truth
    parent: Principal
    child: Principal


def together(e: Word, f: Word) -> Word:
    """The exposure that has seen what either has."""
    return exposure_of(Seen(*[some(a, b) for a, b in zip(seen_in(e), seen_in(f), strict=True)]))


def give(s: Principal, authority: Word, budget: Word) -> Birth:
    """A child with at most ``authority`` and exactly ``budget``; or no child, and the parent as it was."""
    granted = every(
        is_principal(s),
        no(same(s.version, LARGEST)),
        is_authority(authority),
        budget >= 0,
        budget <= s.budget,
    )
    debited = Principal(s.authority, s.exposure, s.budget - budget, s.version + pick(same(budget, 0), 0, 1))
    born = Principal(common(s.authority, authority), s.exposure, budget, 0)
    void = Principal(0, EVERYTHING_SEEN, 0, LARGEST)
    return Birth(
        granted,
        Principal(*[pick(granted, new, old) for new, old in zip(debited, s, strict=True)]),
        Principal(*[pick(granted, new, old) for new, old in zip(born, void, strict=True)]),
    )


def learn(s: Principal, seen: Word) -> Principal:
    """The state after seeing ``seen``; what is no exposure counts as everything."""
    joined = together(s.exposure, pick(is_exposure(seen), seen, EVERYTHING_SEEN))
    return Principal(s.authority, joined, s.budget, _next(s, no(same(joined, s.exposure))))


def shrink(s: Principal, authority: Word, budget: Word) -> Principal:
    """The state with at most these bounds; what is no bound leaves nothing."""
    kept = pick(is_authority(authority), common(s.authority, authority), 0)
    left = pick(budget < 0, 0, pick(budget < s.budget, budget, s.budget))
    changed = some(no(same(kept, s.authority)), no(same(left, s.budget)))
    return Principal(kept, s.exposure, left, _next(s, changed))


def _next(s: Principal, changed: Truth) -> Word:
    """The version: one more exactly if something changed, and never beyond the last."""
    return s.version + pick(every(changed, within(0, s.version, LARGEST - 1)), 1, 0)
