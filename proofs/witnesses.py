"""Each verdict and each rule happens: an input for each, found by the solver and replayed on real ints.

Without these the properties could hold because nothing is ever allowed, or
nothing ever asked.
"""

from typing import Any, Final

import z3  # type: ignore[import-untyped]

from nucleus.kernel.boundary import admit
from nucleus.kernel.state import Request, State
from proofs.spec.logic import every, no, same, truth, within
from proofs.spec.verdicts import ASKED, PERMITTED, REFUSED, RULES, judge, rule
from proofs.spec.words import LARGEST, OPS, Facts, Principal, is_facts, is_low, is_principal
from proofs.symex.solve import satisfiable

DENYING: Final = ("session", "malformed", "capability", "scope", "budget")
ASKING: Final = ("scope", "control", "destination", "secret", "uninhabitable", "low_risk")


def missing() -> tuple[int, list[str]]:
    """Return how many situations were witnessed, and which could not be, or not on real ints."""
    s = Principal(*[z3.BitVec(f"s.{part}", 64) for part in Principal._fields])
    r = Facts(*[z3.BitVec(f"r.{part}", 64) for part in Facts._fields])
    out = judge(s, r)
    inputs = {str(term): term for term in (*s, *r)}
    small = [within(-2, term, LARGEST + 2) for term in (*s, *r)]
    wanted = _situations(s, r, out)
    lacking = []
    for name, (condition, verdict, rules) in wanted.items():
        example = satisfiable([truth(part) for part in (*small, condition)], inputs)
        if example is None:
            lacking.append(f"{name}: nothing satisfies it")
        elif not _replayed(example, verdict, rules):
            lacking.append(f"{name}: the kernel disagrees on {example}")
    return len(wanted), lacking


def _situations(s: Principal, r: Facts, out: Any) -> dict[str, tuple[Any, int, int | None]]:
    """Return the situations: what to solve for, the verdict, and the exact rules if they are known."""
    valid = every(is_principal(s), is_facts(r))
    found: dict[str, tuple[Any, int, int | None]] = {}
    for name in DENYING:
        alone = every(same(out.verdict, REFUSED), same(out.rules, rule(name)))
        found[f"denied by {name}"] = (alone, REFUSED, rule(name))
    for name in ASKING:
        asked = every(valid, same(out.verdict, ASKED), same(out.rules, rule(name)))
        found[f"asked by {name} alone"] = (asked, ASKED, rule(name))
        answered = every(valid, same(out.verdict, PERMITTED), same(out.rules, rule(name)), same(r.approved, 1))
        found[f"approved although {name} asks"] = (answered, PERMITTED, rule(name))
    everything = sum(rule(name) for name in ASKING)
    found["all rules ask at once"] = (every(valid, same(out.rules, everything)), ASKED, everything)
    for place, name in enumerate(OPS):
        permitted = every(valid, same(r.op, place), same(out.verdict, PERMITTED), same(r.approved, 0))
        if name != "manage_pods":
            found[f"{name} permitted unasked at low_risk"] = (every(permitted, is_low(s.authority, r.op)), PERMITTED, 0)
            found[f"{name} permitted unasked at always"] = (
                every(permitted, no(is_low(s.authority, r.op))),
                PERMITTED,
                0,
            )
        else:
            yes = every(valid, same(r.op, place), same(out.verdict, PERMITTED))
            found[f"{name} permitted with an approval"] = (yes, PERMITTED, None)
    if len(RULES) != len({*DENYING, *ASKING}):
        found["a rule without a situation"] = (False, REFUSED, None)
    return found


def _replayed(example: dict[str, Any], verdict: int, rules: int | None) -> bool:
    state = State(*[example[f"s.{part}"] for part in Principal._fields])
    request = Request(*[example[f"r.{part}"] for part in Facts._fields])
    found = admit(state, request)
    if rules is not None and found[1] != rules:
        # "all rules ask" was solved for the rules alone: the verdict may be either.
        return False
    return found[0] == verdict or (rules == sum(rule(name) for name in ASKING) and found[0] in {ASKED, PERMITTED})
