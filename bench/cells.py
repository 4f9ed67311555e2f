"""The work: (state, request) pairs over all twelve capabilities, every verdict and every rule but ``malformed``.

Made by a fixed recipe, so that each run and each peer judges the same cells.
"""

import random
from typing import Final

from nucleus.kernel.boundary import admit
from nucleus.kernel.capability import EVERYTHING, LAST_OP, LOW_BITS, RUN_BASH
from nucleus.kernel.exposure import FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import ALL_SINKS, EGRESS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY
from nucleus.kernel.state import Request, State

Facts = tuple[int, ...]
Cell = tuple[State, Facts]
"""A state, and the thirteen facts that a ``Request`` is built from."""

STATES: Final = (
    State(EVERYTHING, 0, 10**12, 0),
    State(EVERYTHING, PRIVATE, 10**12, 3),
    State(LOW_BITS, PRIVATE | UNTRUSTED, 10**12, 9),
    State(EVERYTHING, PRIVATE | UNTRUSTED | FOREIGN | SECRET, 10**12, 40),
    State(EVERYTHING ^ 0b11_11_00_00_00_00_11_00_00_00, UNTRUSTED, 5, 70),
)
_SEEN: Final = (0, 0, PRIVATE, UNTRUSTED, PRIVATE | UNTRUSTED, PRIVATE | FOREIGN, PRIVATE | SECRET)
_SINKS: Final = (0, 0, EGRESS, EGRESS | IRREVERSIBLE, ALL_SINKS)
_SCOPES: Final = (SCOPE_ALLOW, SCOPE_ALLOW, SCOPE_ALLOW, SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY)


def mixed(each: int = 2, seed: int = 13) -> list[Cell]:
    """Return ``each`` requests of every capability in every state."""
    chance = random.Random(seed)  # noqa: S311  a recipe, no secret
    cells = []
    for op in range(LAST_OP + 1):
        for state in STATES:
            for _ in range(each):
                legs, carried = chance.choice(_SEEN), chance.choice(_SEEN)
                if op == RUN_BASH:
                    carried |= legs
                flags = [int(chance.random() < odds) for odds in (0.3, 0.2, 0.2, 0.2, 0.1)]
                chosen = (chance.choice(_SINKS), chance.choice(_SCOPES), chance.choice((0, 1, 2, 2)))
                live = int(chance.random() < 0.97)
                cells.append((state, (op, chance.choice((1, 10)), live, legs, carried, *chosen, *flags)))
    return cells


def oracle(cell: Cell) -> tuple[int, int, State]:
    """Return what the kernel says: verdict, rules, next state."""
    state, facts = cell
    return admit(state, Request(*facts))
