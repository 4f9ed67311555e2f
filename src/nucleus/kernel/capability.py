"""Capabilities, levels and authorities; the lattice they form.

An authority gives each of twelve capabilities a level on the chain
``never < low_risk < always``, coded in two bits as 00, 01, 11. The coding
makes meet ``&`` and join ``|`` on the whole 24-bit word.

``low_risk``  a sink of this capability asks once untrusted content was seen
``always``    the other rules still hold
"""

from typing import Final

READ_FILES: Final = 0
WRITE_FILES: Final = 1
EDIT_FILES: Final = 2
RUN_BASH: Final = 3
GLOB_SEARCH: Final = 4
GREP_SEARCH: Final = 5
WEB_SEARCH: Final = 6
WEB_FETCH: Final = 7
GIT_COMMIT: Final = 8
GIT_PUSH: Final = 9
CREATE_PR: Final = 10
MANAGE_PODS: Final = 11
LAST_OP: Final = 11

NEVER: Final = 0b00
LOW_RISK: Final = 0b01
ALWAYS: Final = 0b11

LOW_BITS: Final = 0x555555
"""Set where a level is above never."""
HIGH_BITS: Final = 0xAAAAAA
"""Set where a level is always."""
NOTHING: Final = 0
EVERYTHING: Final = 0xFFFFFF


def valid(a: int) -> bool:
    """Whether ``a`` is an authority: 24 bits, no field coded 10."""
    return 0 <= a <= EVERYTHING and (a >> 1) & LOW_BITS & ~a == 0


def level(a: int, op: int) -> int:
    """Return the level that ``a`` gives to ``op``."""
    return a >> (op + op) & 0b11


def leq(a: int, b: int) -> bool:
    """Whether ``a`` gives no capability a higher level than ``b``."""
    return a & b == a


def meet(a: int, b: int) -> int:
    """Return the greatest authority below both."""
    return a & b


def join(a: int, b: int) -> int:
    """Return the least authority above both."""
    return a | b


def implies(a: int, b: int) -> int:
    """Return the greatest ``c`` with ``meet(a, c) <= b`` (Heyting implication)."""
    c = (EVERYTHING ^ a) | b
    return c & (LOW_BITS | (c << 1 & HIGH_BITS))


def must(a: int) -> int:
    """Return what ``a`` gives with nobody to ask: low_risk becomes never (S4 box)."""
    high = a & HIGH_BITS
    return high | high >> 1


def may(a: int) -> int:
    """Return what ``a`` gives with every question answered yes: low_risk becomes always."""
    low = a & LOW_BITS
    return low | low << 1
