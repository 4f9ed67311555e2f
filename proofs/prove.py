"""Everything that is proved, in order; one line for each stage.

A stage raises ``Failed`` with the reasons, and nothing after it counts.
"""

import time
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from typing import Any, Final

from proofs import (
    battery,
    broken,
    cells,
    controls,
    formats,
    frozen,
    gate_model,
    lint,
    mutants,
    oracle,
    random_cases,
    witnesses,
)
from proofs.contracts import CONTRACTS, prove
from proofs.door import obligations as door_obligations
from proofs.kernels import Kernel, production
from proofs.properties import PROPERTIES
from proofs.properties.goals import goals_of, vacuous
from proofs.symex import selftest
from proofs.symex.solve import Obligation, confirm, discharge

WORKERS: Final = 2
SAMPLE: Final = 5
"""Findings that are shown of each stage."""


class Failed(Exception):  # noqa: N818  a finding, not an error of the program
    """A stage found something; its message says what."""


@dataclass
class Report:
    """What the stages found, as it goes into the evidence and the last line."""

    numbers: dict[str, Any] = field(default_factory=dict)
    claims: dict[str, int] = field(default_factory=dict)
    """Obligations by claim."""
    theorems: tuple[str, ...] = ()
    witnesses: dict[str, list[battery.Values]] = field(default_factory=dict)
    obligations: list[Obligation] = field(default_factory=list)


def run(say: Callable[[str], None] = print) -> Report:
    """Run every stage. Raises ``Failed`` at the first that does not hold."""
    report = Report()
    with ProcessPoolExecutor(1, mp_context=get_context("fork")) as aside:
        model = aside.submit(oracle.load, write=True)
        sabotage = aside.submit(selftest.survivors)
        stages = _stages(report, model, sabotage)
        for name, stage in stages:
            start = time.monotonic()
            outcome = stage()
            say(f"{name:<12} {outcome}  ({time.monotonic() - start:.1f} s)")
    return report


def _stages(
    report: Report, model: "Future[oracle.Oracle]", sabotage: "Future[list[str]]"
) -> Iterator[tuple[str, Callable[[], str]]]:
    yield "subset", _subset
    yield "executor", _executor
    yield "contracts", lambda: _contracts(report)
    yield "properties", lambda: _properties(report)
    yield "bitwuzla", lambda: _second_opinion(report)
    yield "witnesses", lambda: _witnesses(report)
    yield "controls", lambda: _controls(report)
    yield "coq", lambda: _coq(report, model)
    yield "cells", lambda: _cells(report, model)
    yield "random", lambda: _random(report, model)
    yield "codecs", lambda: _codecs(report)
    yield "gate", lambda: _gate(report)
    yield "sabotage", lambda: _sabotage(report, sabotage)
    yield "mutants", lambda: _mutants(report)


def _demand(problems: list[Any], what: str) -> None:
    if problems:
        shown = "\n  ".join(str(problem) for problem in problems[:SAMPLE])
        more = f"\n  and {len(problems) - SAMPLE} more" if len(problems) > SAMPLE else ""
        raise Failed(f"{what}:\n  {shown}{more}")


def _subset() -> str:
    _demand(lint.problems(), "the kernel or the specification left its subset")
    return "kernel and specification keep to their subsets"


def _executor() -> str:
    _demand(selftest.failures(selftest.real()), "the executor is wrong")
    return f"{len(selftest.BINARY) + len(selftest.UNARY)} operators, {len(selftest.TRAPS)} traps"


def _contracts(report: Report) -> str:
    kernel = production()
    paths = 0
    for contract in CONTRACTS:
        proved = prove(kernel, contract)
        refuted = discharge(proved.obligations)
        _demand(refuted, f"{contract.function} is not its specification" + (_broken(kernel) if refuted else ""))
        _demand(battery.replay(kernel, contract.function, proved.witnesses), f"{contract.function}: a path's witness")
        report.witnesses[contract.function] = proved.witnesses
        paths += len(proved.exploration.paths)
        _note(report, proved.obligations)
    door = door_obligations(kernel)
    _demand(discharge(door), "admit is not its specification")
    _note(report, door)
    report.numbers |= {"functions": len(CONTRACTS) + 1, "paths": paths}
    return f"{len(CONTRACTS) + 1} functions, {paths} paths, each witness replayed on ints"


def _broken(kernel: Kernel) -> str:
    """Return which claims break with it, for the message."""
    names = broken.claims(kernel)
    return f"; on real ints this breaks: {', '.join(names)}" if names else ""


def _properties(report: Report) -> str:
    count = 0
    for found in PROPERTIES:
        goals = goals_of(found)
        _demand(discharge(goals.obligations), f"the property {found.name} does not hold")
        _demand(vacuous(found), f"the property {found.name} is vacuous")
        _note(report, goals.obligations)
        count += len(goals.obligations)
    report.numbers["properties"] = len(PROPERTIES)
    return f"{len(PROPERTIES)} properties, {count} goals, none vacuous"


def _note(report: Report, obligations: list[Obligation]) -> None:
    report.obligations += obligations
    for obligation in obligations:
        report.claims[obligation.claim] = report.claims.get(obligation.claim, 0) + 1


def _second_opinion(report: Report) -> str:
    doubtful = confirm(report.obligations)
    _demand([f"{o.claim}: {o.label}" for o in doubtful], "Bitwuzla does not confirm")
    report.numbers["obligations"] = len(report.obligations)
    return f"{len(report.obligations)} obligations confirmed"


def _witnesses(report: Report) -> str:
    count, lacking = witnesses.missing()
    _demand(lacking, "a verdict or rule that never happens")
    report.numbers["witnesses"] = count
    return f"{count} situations, each replayed on ints"


def _controls(report: Report) -> str:
    found = [controls.check(control) for control in controls.CONTROLS]
    _demand([finding.control.name for finding in found if not finding.ok], "a false claim was not refuted")
    report.numbers["controls"] = len(found) + len(gate_model.CONTROLS)
    return f"{len(found)} false claims refuted, each counterexample replayed on ints"


def _coq(report: Report, model: "Future[oracle.Oracle]") -> str:
    made = model.result()
    report.theorems = made.theorems
    report.numbers |= {"coq": made.source, "theorems": len(made.theorems), "coq_version": made.version}
    return f"{len(made.theorems)} theorems, assumptions closed; table {made.source} (Coq {made.version})"


def _cells(report: Report, model: "Future[oracle.Oracle]") -> str:
    _demand(cells.compare(model.result(), WORKERS), "kernel and Coq model differ")
    report.numbers |= {"cells": cells.CELLS, "nu_authorities": cells.AUTHORITIES}
    return f"{cells.CELLS} cells and nu on {cells.AUTHORITIES} authorities equal the Coq model"


def _random(report: Report, model: "Future[oracle.Oracle]") -> str:
    try:
        frozen = random_cases.check_corpus(model.result())
        counts = random_cases.run(model.result(), workers=WORKERS)
    except random_cases.Mismatch as found:
        raise Failed(str(found)) from found
    total = sum(counts.values())
    report.numbers |= {"differential_cases": total, "corpus": frozen}
    shares = ", ".join(
        f"{word} {100 * counts[verdict] // total} %" for verdict, word in enumerate(("deny", "ask", "allow"))
    )
    return f"{total} cases ({shares}), {frozen} frozen"


def _codecs(report: Report) -> str:
    kept, changed = frozen.check()
    _demand(changed, "a frozen case of a codec has another answer")
    counts, problems = formats.run()
    _demand(problems, "a codec is not what it should be")
    report.numbers |= {"codec_cases": sum(counts.values()), "codec_corpus": kept}
    return ", ".join(f"{name} {count}" for name, count in counts.items()) + f", {kept} frozen"


def _gate(report: Report) -> str:
    explored = gate_model.run()
    _demand(explored.problems, "the gate's core breaks a property")
    report.numbers |= {"gate_states": explored.states, "gate_steps": explored.steps, "gate_depth": explored.depth}
    size = f"{explored.states} states, {explored.steps} steps to depth {explored.depth}"
    return f"{size}; {explored.controls} controls refuted"


def _sabotage(report: Report, sabotage: "Future[list[str]]") -> str:
    _demand(sabotage.result(), "the self-test does not notice")
    report.numbers["sabotages"] = sum(1 for _ in selftest.sabotages())
    return f"{report.numbers['sabotages']} sabotages of the executor noticed"


def _mutants(report: Report) -> str:
    gate = mutants.run(battery.items(report.witnesses), WORKERS)
    _demand(gate.survivors, "a mutant of the kernel survived")
    report.numbers |= {
        "mutants": gate.mutants,
        "killed": gate.killed,
        "equivalent": len(gate.equivalent),
        "survivors": len(gate.survivors),
    }
    return f"{gate.mutants} mutants: {gate.killed} killed, {len(gate.equivalent)} proved equivalent"
