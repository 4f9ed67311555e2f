"""Exposure: what a principal has seen, and the static operators over it.

Join is ``|`` and exposure never decreases. ``foreign`` and ``secret`` refine
``private``: a valid exposure that has one of them has ``private`` too.
All of private, untrusted and exfil together is the *uninhabitable state*.
"""

from dataclasses import dataclass
from typing import Final, final

from nucleus.kernel.capability import EVERYTHING, HIGH_BITS

PRIVATE: Final = 1
"""Data that is not public."""
UNTRUSTED: Final = 2
"""Content that somebody else could have written."""
EXFIL: Final = 4
"""Data could have left. Kept for record; never changes a verdict (proved)."""
FOREIGN: Final = 8
"""Private, and not the workspace's own: mail, databases, the home directory."""
SECRET: Final = 16
"""Private, and a key, an identity, a payment, or labelled so."""
CLEAN: Final = 0
ALL_SEEN: Final = 31
UNINHABITABLE: Final = PRIVATE | UNTRUSTED | EXFIL


def valid(e: int) -> bool:
    """Whether ``e`` is an exposure: five bits, refinements imply private."""
    return 0 <= e <= ALL_SEEN and (e < FOREIGN or e & PRIVATE != 0)


def join(e: int, f: int) -> int:
    """Return what was seen by either."""
    return e | f


def leq(e: int, f: int) -> bool:
    """Whether everything in ``e`` is in ``f``."""
    return e & f == e


@final
@dataclass(slots=True)
class LegTable:
    """For each of the three legs, the authority mask (both bits) of the capabilities that have it."""

    private: Final[int]
    untrusted: Final[int]
    exfil: Final[int]


def reach(t: LegTable, a: int) -> int:
    """Return the legs of the capabilities that ``a`` holds above never."""
    private = PRIVATE if a & t.private else 0
    untrusted = UNTRUSTED if a & t.untrusted else 0
    exfil = EXFIL if a & t.exfil else 0
    return private | untrusted | exfil


def within(t: LegTable, e: int) -> int:
    """Return always for each capability whose legs lie inside ``e``, never for the others.

    Galois: ``leq(reach(t, a), e)`` exactly when ``a <= within(t, e)``.
    """
    private = 0 if e & PRIVATE else t.private
    untrusted = 0 if e & UNTRUSTED else t.untrusted
    exfil = 0 if e & EXFIL else t.exfil
    return EVERYTHING & ~(private | untrusted | exfil)


def nu(t: LegTable, a: int) -> int:
    """Return ``a``, with its egress capabilities capped at low_risk if it reaches all three legs.

    Idempotent and deflationary, not monotone. Approval is then asked even if
    the private bit was lost.
    """
    if reach(t, a) == UNINHABITABLE:
        return a & ~(t.exfil & HIGH_BITS)
    return a
