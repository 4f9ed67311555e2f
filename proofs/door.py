"""``admit`` is decide for what is exact, and a refusal for everything else.

The type checks, ``_is_state`` and ``_is_request``, are taken as a truth of their
own each (a symbolic int has no type to look at); that it tells exact ints from all
else is tested, not proved: see ``battery`` and ``random_cases``.
"""

from collections.abc import Callable
from typing import Any

import z3  # type: ignore[import-untyped]

from proofs.contracts import BY_NAME, Contract, equal, flat, plain_of, prove_parts, summary_of
from proofs.kernels import Kernel
from proofs.spec.logic import every, implies, no, same, truth
from proofs.spec.verdicts import REFUSED, judge, rule
from proofs.symex.explore import Summary
from proofs.symex.solve import Obligation
from proofs.symex.values import SymBool

NAME = "code = spec: boundary.admit"


def obligations(kernel: Kernel) -> list[Obligation]:
    """Return what has to hold for ``admit`` to be the only way in."""
    exact = {"State": z3.Bool("exact.state"), "Request": z3.Bool("exact.request")}

    def look(kind: str) -> Callable[[Any], SymBool]:
        return lambda _: SymBool(exact[kind])

    door = Contract("boundary.admit", ("state", "request"), lambda *_: True, lambda *_: ())
    trusted = [
        Summary(kernel.boundary._is_state, look("State"), lambda *_: z3.BoolVal(val=True)),  # noqa: SLF001  the door's own
        Summary(kernel.boundary._is_request, look("Request"), lambda *_: z3.BoolVal(val=True)),  # noqa: SLF001  likewise
        summary_of(kernel, BY_NAME["decide.decide"]),
    ]
    found, arguments, inputs = prove_parts(kernel, door, trusted)
    state, request = (plain_of(argument) for argument in arguments)
    decided = judge(state, request)
    both = every(*exact.values())
    goals = []
    for path in found.paths:
        verdict, rules, after = path.outcome
        wrong_state = every(no(exact["State"]), same(flat(rules)[0], rule("session")))
        wrong_request = every(exact["State"], no(exact["Request"]), same(flat(rules)[0], rule("malformed")))
        refused = every(same(flat(verdict)[0], REFUSED), z3.Or(wrong_state, wrong_request), after is arguments[0])
        goal = every(
            implies(both, truth(equal(flat(path.outcome), flat(tuple(decided))))),
            implies(no(both), refused),
        )
        raised = path.raised is None
        goals.append(Obligation(NAME, "outcome", [*found.assume, *path.condition], truth(every(goal, raised)), inputs))
        goals += [Obligation(NAME, what, [*found.assume, *when], owed, inputs) for what, when, owed in path.obligations]
    return goals
