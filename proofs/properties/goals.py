"""How a property is written down: inputs, what is given, what is to prove."""

import itertools
import types
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

import z3  # type: ignore[import-untyped]

from proofs.spec.children import Birth
from proofs.spec.logic import Truth, Word, every, truth
from proofs.spec.verdicts import Outcome
from proofs.spec.words import Facts, Legs, Principal, Seen, Sink, is_facts, is_mask, is_principal
from proofs.symex.solve import Obligation, counterexample, satisfiable


@dataclass(frozen=True)
class Property:
    """A claim: its name, its statement in one sentence, and the function that writes down its goals."""

    name: str
    statement: str
    build: Callable[["Goals"], None]


@dataclass
class Goals:
    """Collects the obligations of one property."""

    claim: str
    obligations: list[Obligation] = field(default_factory=list)
    inputs: dict[str, Any] = field(default_factory=dict)
    assumed: list[z3.BoolRef] = field(default_factory=list)

    def word(self, name: str) -> Word:
        """A fresh int."""
        return self.inputs.setdefault(name, z3.BitVec(name, 64))

    def words(self, *names: str) -> list[Word]:
        """Fresh ints."""
        return [self.word(name) for name in names]

    def principal(self, name: str, *, valid: bool = True) -> Principal:
        """A fresh state, valid unless said otherwise."""
        made = Principal(*[self.word(f"{name}.{part}") for part in Principal._fields])
        if valid:
            self.given(is_principal(made))
        return made

    def facts(self, name: str, *, valid: bool = True) -> Facts:
        """A fresh request, well formed unless said otherwise."""
        made = Facts(*[self.word(f"{name}.{part}") for part in Facts._fields])
        if valid:
            self.given(is_facts(made))
        return made

    def table(self, name: str) -> Legs:
        """A fresh table of legs."""
        made = Legs(*[self.word(f"{name}.{part}") for part in Legs._fields])
        self.given(*[is_mask(mask) for mask in made])
        return made

    def given(self, *assumptions: Truth) -> None:
        """Assume, for all goals that follow."""
        self.assumed += [truth(assumption) for assumption in assumptions]

    def prove(self, label: str, goal: Truth, when: Truth = True) -> None:  # noqa: FBT002  a truth, often a term
        """Demand that ``goal`` holds under what is given and ``when``."""
        assume = [*self.assumed, truth(when)]
        self.obligations.append(Obligation(self.claim, label, assume, truth(goal), dict(self.inputs)))


def goals_of(found: Property) -> Goals:
    """Return the goals of a property."""
    goals = Goals(found.name)
    found.build(goals)
    return goals


def vacuous(found: Property) -> list[str]:
    """Return what is empty about a property: assumptions that nothing satisfies, or no hold on the kernel at all.

    A property has a hold if it can be refuted once a word of the specification is replaced by one that
    answers anything: a claim that is true of such a kernel too says nothing of ours.
    """
    goals = goals_of(found)
    empty = [
        f"{found.name}: {obligation.label}: nothing satisfies the assumptions"
        for obligation in goals.obligations
        if satisfiable([every(*obligation.assume)], {}) is None
    ]
    if not any(_refutable(found, names) for names in (OPERATIONS, PREDICATES)):
        empty.append(f"{found.name}: true of a kernel that answers anything")
    return empty


def _refutable(found: Property, names: Mapping[str, type[Any] | None]) -> bool:
    """Whether the property fails once each of these words answers anything."""
    scope = found.build.__globals__
    kept = {name: scope[name] for name in names if name in scope}
    numbers = itertools.count()
    try:
        for name in kept:
            scope[name] = _havoc(names[name], numbers)
        goals = goals_of(found)
    finally:
        scope.update(kept)
    return any(counterexample(obligation) is not None for obligation in goals.obligations)


def _havoc(kind: type[Any] | None, numbers: Iterator[int]) -> Callable[..., Any]:
    """Return a function that answers anything of a kind: a word (int), a truth (bool), or a tuple of words."""

    def fresh(kind: Any) -> Any:
        if kind is bool:
            return z3.Bool(f"any{next(numbers)}")
        if kind is int:
            return z3.BitVec(f"any{next(numbers)}", 64)
        return kind(*[fresh(SHAPES.get((kind, part), FLAGS.get(kind, int))) for part in kind._fields])

    return lambda *_, **__: fresh(kind)


OPERATIONS: Final = {
    "judge": Outcome,
    "give": Birth,
    "learn": Principal,
    "shrink": Principal,
    "true_legs": Seen,
    "true_carried": Seen,
    "true_sink": Sink,
    "common": int,
    "either": int,
    "implication": int,
    "alone": int,
    "with_yes": int,
    "together": int,
    "capped": int,
    "inside": int,
}
"""Words for what the kernel computes, and the shape of their answers."""
PREDICATES: Final = {"is_authority": bool, "is_exposure": bool, "covers": bool}
"""Words for what the kernel accepts."""
SHAPES: Final = {
    (Outcome, "next"): Principal,
    (Birth, "granted"): bool,
    (Birth, "parent"): Principal,
    (Birth, "child"): Principal,
}
FLAGS: Final = {Seen: bool, Sink: bool}


def properties_of(module: types.ModuleType) -> list[Property]:
    """Return the properties of a module: its public functions; a docstring's first paragraph states it."""
    found = []
    for name, value in vars(module).items():
        if _states_goals(value, module):
            statement = " ".join((value.__doc__ or "").split("\n\n")[0].split())
            found.append(Property(name.replace("_", "-"), statement, value))
    return found


def _states_goals(value: object, module: types.ModuleType) -> bool:
    """Whether this is a property of the module: a public function of goals alone."""
    if not isinstance(value, types.FunctionType) or value.__module__ != module.__name__:
        return False
    return not value.__name__.startswith("_") and value.__code__.co_varnames[: value.__code__.co_argcount] == ("g",)
