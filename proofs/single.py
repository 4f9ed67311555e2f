"""One row of the claims page, run again: ``python -m proofs NAME...``.

A name is a property, a control, a function of the kernel (``decide.question``
or ``code = spec: decide.question``), a theorem, or one of ``STAGES``.
"""

from collections.abc import Callable
from typing import Final

from proofs import battery, cells, controls, formats, frozen, gate_model, lint, oracle, random_cases, witnesses
from proofs.contracts import BY_NAME, prove
from proofs.door import obligations as door_obligations
from proofs.kernels import production
from proofs.properties import PROPERTIES
from proofs.properties.goals import goals_of, vacuous
from proofs.symex import selftest
from proofs.symex.solve import Obligation, confirm, discharge

PREFIX: Final = "code = spec: "


class UnknownName(Exception):  # noqa: N818  a wrong call
    """No row has this name."""


def run(name: str) -> tuple[str, list[str]]:  # noqa: PLR0911  one return for each kind of name
    """Run what ``name`` stands for; return what was done, and what does not hold. Raises ``UnknownName``."""
    properties = {found.name: found for found in PROPERTIES}
    false = {control.name: control for control in controls.CONTROLS}
    function = name.removeprefix(PREFIX)
    if name in properties:
        done, problems = _discharged(goals_of(properties[name]).obligations)
        return f"{properties[name].statement} {done}", problems + vacuous(properties[name])
    if function in BY_NAME:
        return _function(function)
    if function == "boundary.admit":
        return _discharged(door_obligations(production()))
    if name in false:
        finding = controls.check(false[name])
        return f"False: {false[name].statement} Refuted by {finding.example}", [] if finding.ok else ["not refuted"]
    if name in gate_model.CONTROLS:
        return "False, and refuted on the gate's core", [] if gate_model.CONTROLS[name]() else ["not refuted"]
    if name in STAGES:
        return STAGES[name]()
    model = oracle.load()
    if name in model.theorems:
        return f"checked by Coq {model.version} ({model.source})", []
    raise UnknownName(f"{name} is no property, control, function, theorem or stage ({', '.join(STAGES)})")


def _discharged(obligations: list[Obligation]) -> tuple[str, list[str]]:
    problems = [str(refuted) for refuted in discharge(obligations)]
    problems += [f"Bitwuzla does not confirm: {doubtful.label}" for doubtful in confirm(obligations)]
    return f"({len(obligations)} obligations: z3, Bitwuzla)", problems


def _function(name: str) -> tuple[str, list[str]]:
    proved = prove(production(), BY_NAME[name])
    done, problems = _discharged(proved.obligations)
    problems += [f"a witness: {values}" for values in battery.replay(production(), name, proved.witnesses)]
    return f"{len(proved.exploration.paths)} paths {done}", problems


def _random() -> tuple[str, list[str]]:
    model = oracle.load()
    try:
        frozen, counts = random_cases.check_corpus(model), random_cases.run(model)
    except random_cases.Mismatch as found:
        return "random cases", [str(found)]
    return f"{sum(counts.values())} cases, {frozen} frozen", []


def _gate() -> tuple[str, list[str]]:
    explored = gate_model.run()
    return f"{explored.states} states to depth {explored.depth}", explored.problems


def _formats() -> tuple[str, list[str]]:
    kept, changed = frozen.check()
    counts, problems = formats.run()
    return f"{counts}, {kept} frozen", changed + problems


STAGES: Final[dict[str, Callable[[], tuple[str, list[str]]]]] = {
    "subset": lambda: ("kernel and specification", lint.problems()),
    "executor": lambda: ("operators, traps, paths", selftest.failures(selftest.real())),
    "sabotage": lambda: ("sabotages of the executor", selftest.survivors()),
    "witnesses": lambda: ("verdicts and rules", witnesses.missing()[1]),
    "cells": lambda: (f"{cells.CELLS} cells", cells.compare(oracle.load())),
    "random": _random,
    "formats": _formats,
    "gate": _gate,
}
"""What else a row can rest on. Mutants need the whole run."""
