"""Obligations: z3 discharges each, Bitwuzla confirms it.

An obligation says: under these assumptions, that holds. Its negation is given
to z3; a model is a counterexample. Bitwuzla, a solver of another family, gets
the same negations as SMT-LIB text; those of one group are put to it as one
disjunction, which is unsatisfiable exactly if each of them is.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import bitwuzla  # type: ignore[import-not-found]
import z3  # type: ignore[import-untyped]

from proofs.spec.logic import every, some

GROUP: Final = 64
"""Obligations that Bitwuzla gets in one disjunction."""
TIMEOUT_MS: Final = 60_000


@dataclass
class Obligation:
    """``claim`` is the property that needs it, ``label`` says which part."""

    claim: str
    label: str
    assume: list[z3.BoolRef]
    goal: z3.BoolRef
    inputs: dict[str, Any] = field(default_factory=dict)
    """Named terms, to print and to replay a counterexample."""

    def negation(self) -> z3.BoolRef:
        """Return the formula whose models are counterexamples."""
        return every(*self.assume, z3.Not(self.goal))


@dataclass
class Refuted:
    """An obligation that does not hold, with ints that show it."""

    obligation: Obligation
    example: dict[str, int | bool]

    def __str__(self) -> str:
        values = ", ".join(f"{name}={value}" for name, value in self.example.items())
        return f"{self.obligation.claim}: {self.obligation.label}: {values or 'no inputs'}"


def discharge(obligations: Iterable[Obligation]) -> list[Refuted]:
    """Return the obligations that z3 refutes. Raises ``RuntimeError`` if it does not know."""
    refuted = []
    for obligation in obligations:
        example = counterexample(obligation)
        if example is not None:
            refuted.append(Refuted(obligation, example))
    return refuted


def counterexample(obligation: Obligation) -> dict[str, int | bool] | None:
    """Return ints that refute ``obligation``, None if it holds."""
    solver = z3.SolverFor("QF_BV")
    solver.set("timeout", TIMEOUT_MS)
    solver.add(*obligation.assume, z3.Not(obligation.goal))
    answer = solver.check()
    if answer == z3.unsat:
        return None
    if answer == z3.unknown:
        raise RuntimeError(f"z3 does not know: {obligation.claim}: {obligation.label}: {solver.reason_unknown()}")
    return values_in(solver.model(), obligation.inputs)


def satisfiable(assume: Sequence[z3.BoolRef], inputs: dict[str, Any]) -> dict[str, int | bool] | None:
    """Return ints that satisfy ``assume``, None if nothing does."""
    solver = z3.SolverFor("QF_BV")
    solver.set("timeout", TIMEOUT_MS)
    solver.add(*assume)
    if solver.check() != z3.sat:
        return None
    return values_in(solver.model(), inputs)


def values_in(model: z3.ModelRef, inputs: dict[str, Any]) -> dict[str, int | bool]:
    """Return what ``model`` says of each named term, as Python values."""
    return {name: as_python(model.eval(term, model_completion=True)) for name, term in inputs.items()}


def as_python(value: Any) -> int | bool:
    """Return the int or bool that a solver's constant stands for."""
    if z3.is_true(value) or z3.is_false(value):
        return bool(z3.is_true(value))
    return int(value.as_signed_long())


def confirm(obligations: Sequence[Obligation], size: int = GROUP) -> list[Obligation]:
    """Return the obligations that Bitwuzla does *not* confirm (none, if all is well)."""
    doubtful: list[Obligation] = []
    for start in range(0, len(obligations), size):
        group = obligations[start : start + size]
        if not _unsatisfiable(some(*[obligation.negation() for obligation in group])):
            doubtful += group if len(group) == 1 else confirm(group, max(1, size // 8))
    return doubtful


def _unsatisfiable(formula: z3.BoolRef) -> bool:
    """Ask Bitwuzla, through SMT-LIB text."""
    solver = z3.Solver()
    solver.add(formula)
    parser = bitwuzla.Parser(bitwuzla.TermManager(), bitwuzla.Options())
    parser.parse(solver.to_smt2(), True, False)
    return bool(parser.bitwuzla().check_sat() == bitwuzla.Result.UNSAT)
