"""Which claims a wrong kernel breaks, by name: the properties, on real ints, with the kernel in place of the spec.

Only for the message: a kernel that is not its specification has failed
already. What is found here are claims that break on a thousand inputs; a
claim that is not named may be broken too.
"""

import random
from dataclasses import dataclass, field
from typing import Any, Final

from proofs import battery
from proofs.kernels import Kernel
from proofs.properties import PROPERTIES
from proofs.properties.goals import Goals, Property
from proofs.spec.logic import Truth, Word
from proofs.spec.verdicts import Outcome
from proofs.spec.words import Facts, Principal

LENIENT: Final = 1_500
"""Random inputs that are tried."""


@dataclass
class _Replay(Goals):
    """The goals of a property on given ints: one of them may be false where its assumptions hold."""

    values: dict[str, int] = field(default_factory=dict)
    possible: bool = True
    broken: bool = False

    def word(self, name: str) -> Word:
        return self.values.get(name, 0)

    def given(self, *assumptions: Truth) -> None:
        self.possible = self.possible and all(assumption is True for assumption in assumptions)

    def prove(self, label: str, goal: Truth, when: Truth = True) -> None:  # noqa: FBT002  as in Goals
        del label
        self.broken = self.broken or (self.possible and when is True and goal is not True)


def claims(kernel: Kernel) -> list[str]:
    """Return the names of properties that ``kernel`` breaks on some input of the battery."""
    rng = random.Random(1)  # noqa: S311  cases, not secrets
    inputs = [*[_lenient(rng) for _ in range(LENIENT)], *_sweep()]

    def judged(s: Principal, r: Facts) -> Outcome:
        verdict, rules, after = kernel.decide.decide(kernel.state.State(*s), kernel.state.Request(*r))
        return Outcome(verdict, rules, Principal(after.authority, after.exposure, after.budget, after.version))

    return [found.name for found in PROPERTIES if _breaks(found, judged, inputs)]


def _lenient(rng: random.Random) -> battery.Values:
    """Return an input that little speaks against: a wrong permission shows here first."""
    flags = {f"request.{name}": rng.randrange(2) for name in ("home", "attested", "public", "fixed")}
    return {
        **battery.GOOD,
        **flags,
        "state.authority": rng.choice((0xFFFFFF, battery.authority(rng))),
        "state.exposure": battery.exposure(rng) & rng.choice((1, 2, 19, 31)),
        "request.op": rng.randrange(12),
        "request.cost": rng.choice((0, 3)),
        "request.legs": battery.exposure(rng) & rng.choice((0, 1, 31)),
        "request.carried": battery.exposure(rng) & rng.choice((0, 3, 19, 31)),
        "request.sink": rng.choice((0, 0, 1, 2, 3)),
        "request.trusted": rng.choice((0, 1, 2, 2)),
    }


def _sweep() -> list[battery.Values]:
    """Return the edges of every field, one at a time, from a request that is allowed."""
    edges = (*battery.EDGES, *battery.LARGE)
    return [{**battery.GOOD, name: edge} for name in battery.GOOD for edge in edges]


def _breaks(found: Property, judged: Any, inputs: list[battery.Values]) -> bool:
    scope = found.build.__globals__
    if "judge" not in found.build.__code__.co_names and not scope.get("_unapproved_pass"):
        return False
    kept = scope["judge"]
    scope["judge"] = judged
    try:
        return any(_broken_on(found, values) for values in inputs)
    finally:
        scope["judge"] = kept


def _broken_on(found: Property, values: battery.Values) -> bool:
    renamed = {name.replace("state.", "s.").replace("request.", "r."): value for name, value in values.items()}
    replay = _Replay(found.name, values=renamed)
    try:
        found.build(replay)
    except Exception:  # noqa: BLE001  a wrong kernel may raise anything
        return True
    return replay.broken
