"""All paths of one function on symbolic arguments.

Depth first: the function is called again and again, each time following the
choices of the last call up to a fork whose other side was left, until none is
left. What is checked on the way:

- a replayed call meets the very forks of the call before (it is deterministic);
- the arguments are what they were: no field of an argument was stored to;
- a path that raises is reported as such, never dropped;
- at the end, that the paths' conditions together cover the assumption.

A caller may hand in *summaries*: for a callee that was proved equal to its
specification, the specification is used in place of exploring it again, and
its precondition becomes an obligation.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, fields, is_dataclass
from typing import Any, Final, NoReturn

import z3  # type: ignore[import-untyped]

from proofs.symex.values import SymBool, SymInt, Trap, use_engine

PATH_LIMIT: Final = 20_000
FORK_LIMIT: Final = 100
"""Forks on one path. The kernel has no loops; more means that it got one."""


@dataclass
class Path:
    """One way through the function: why it is taken, what came out, what has to hold on it."""

    condition: list[z3.BoolRef]
    outcome: Any
    raised: BaseException | None
    obligations: list[tuple[str, list[z3.BoolRef], z3.BoolRef]]
    """What, the condition up to that point, and what has to hold there."""
    model: z3.ModelRef


@dataclass
class Exploration:
    """The paths of a function, and the terms that stand for its arguments."""

    name: str
    assume: list[z3.BoolRef]
    paths: list[Path] = field(default_factory=list)


@dataclass
class Summary:
    """A callee that was proved elsewhere: its specification and what that assumes."""

    function: Callable[..., Any]
    result: Callable[..., Any]
    needs: Callable[..., z3.BoolRef]


class _Run:
    """The engine: holds the choices of the present call and the solver that knows their condition."""

    def __init__(self, assume: Sequence[z3.BoolRef]) -> None:
        self.solver = z3.SolverFor("QF_BV")
        self.solver.add(*assume)
        self.choices: list[tuple[z3.BoolRef, bool, bool]] = []
        """Condition, side taken, whether the other side is still to do."""
        self.at = 0
        self.condition: list[z3.BoolRef] = []
        self.obligations: list[tuple[str, list[z3.BoolRef], z3.BoolRef]] = []
        self.trapped: str | None = None

    def fork(self, condition: z3.BoolRef) -> bool:
        condition = z3.simplify(condition)
        if z3.is_true(condition):
            return True
        if z3.is_false(condition):
            return False
        if self.at < len(self.choices):
            known, side, _ = self.choices[self.at]
            if not known.eq(condition):
                self.trap("a replayed call took another way: the function is not deterministic")
        else:
            side = self._choose(condition)
        self.at += 1
        self.condition.append(condition if side else z3.Not(condition))
        return side

    def _choose(self, condition: z3.BoolRef) -> bool:
        if len(self.choices) >= FORK_LIMIT:
            self.trap("too many forks on one path: a loop?")
        yes = self._possible(condition)
        no = self._possible(z3.Not(condition))
        if not yes and not no:
            self.trap("a path that can't be taken was taken")
        self.choices.append((condition, yes, yes and no))
        self.solver.push()
        self.solver.add(condition if yes else z3.Not(condition))
        return yes

    def _possible(self, condition: z3.BoolRef) -> bool:
        answer = self.solver.check(condition)
        if answer == z3.unknown:
            self.trap("the solver does not know whether a path is possible")
        return bool(answer == z3.sat)

    def oblige(self, what: str, condition: z3.BoolRef) -> None:
        if not z3.is_true(z3.simplify(condition)):
            self.obligations.append((what, list(self.condition), condition))

    def trap(self, why: str) -> NoReturn:
        self.trapped = why
        raise Trap(why)

    def next_path(self) -> bool:
        """Turn to the deepest fork whose other side is to do; False if there is none."""
        while self.choices:
            condition, side, other = self.choices.pop()
            self.solver.pop()
            if other:
                self.choices.append((condition, not side, False))
                self.solver.push()
                self.solver.add(z3.Not(condition) if side else condition)
                return True
        return False

    def begin(self) -> None:
        self.at = 0
        self.condition = []
        self.obligations = []


def explore(
    function: Callable[..., Any],
    arguments: Sequence[Any],
    assume: Sequence[z3.BoolRef] = (),
    summaries: Sequence[Summary] = (),
) -> Exploration:
    """Return every path of ``function`` on ``arguments``. Raises ``Trap`` if it left the modelled subset."""
    run = _Run(assume)
    found = Exploration(getattr(function, "__name__", "?"), list(assume))
    before = [_fingerprint(argument) for argument in arguments]
    with _summarised(function, summaries, run):
        while True:
            found.paths.append(_follow(run, function, arguments))
            if [_fingerprint(argument) for argument in arguments] != before:
                raise Trap(f"{found.name} changed an argument")
            if len(found.paths) > PATH_LIMIT:
                raise Trap(f"{found.name} has more than {PATH_LIMIT} paths")
            if not run.next_path():
                break
    _check_cover(found)
    return found


def _follow(run: _Run, function: Callable[..., Any], arguments: Sequence[Any]) -> Path:
    """Call the function once, along the choices that ``run`` holds."""
    run.begin()
    use_engine(run)
    outcome: Any = None
    raised: BaseException | None = None
    try:
        outcome = function(*arguments)
    except Exception as error:  # noqa: BLE001  whatever a path raises is its outcome
        raised = error
    finally:
        use_engine(None)
    if run.trapped is not None:
        # Also reached if the code under proof swallowed the trap.
        raise Trap(run.trapped)
    if run.at != len(run.choices):
        raise Trap("a replayed call ended early: the function is not deterministic")
    if run.solver.check() != z3.sat:
        raise Trap("a path without a witness")
    return Path(run.condition, outcome, raised, run.obligations, run.solver.model())


def _check_cover(found: Exploration) -> None:
    """Raise unless the paths' conditions together cover the assumption."""
    solver = z3.SolverFor("QF_BV")
    solver.add(*found.assume)
    solver.add(z3.Not(z3.Or([z3.And(path.condition) for path in found.paths])))
    if solver.check() != z3.unsat:
        raise Trap(f"the paths of {found.name} do not cover its inputs")


def _fingerprint(value: Any) -> Any:
    """Return what must not change about an argument: identities and types, all the way down."""
    if is_dataclass(value) and not isinstance(value, type):
        return type(value), [(f.name, _fingerprint(getattr(value, f.name))) for f in fields(value)]
    if isinstance(value, tuple | list):
        return type(value), [_fingerprint(item) for item in value]
    return type(value), id(value)


@contextmanager
def _summarised(function: Callable[..., Any], summaries: Sequence[Summary], run: _Run) -> Iterator[None]:
    """Bind the names of proved callees to their specifications while ``function`` is explored."""
    names = getattr(function, "__globals__", {})
    replaced = {}
    for summary in summaries:
        bound = [name for name, value in names.items() if value is summary.function]
        if not bound:
            raise Trap(f"{function.__name__} does not call {summary.function.__name__}: a stale summary")
        for name in bound:
            replaced[name] = names[name]
            names[name] = _stub(summary, run)
    try:
        yield
    finally:
        names.update(replaced)


def _stub(summary: Summary, run: _Run) -> Callable[..., Any]:
    def call(*arguments: Any) -> Any:
        run.oblige(f"precondition of {summary.function.__name__}", summary.needs(*arguments))
        return summary.result(*arguments)

    return call


def term_of(value: Any) -> Any:
    """Return the z3 term of an outcome that is an int or a bool, symbolic or not."""
    if type(value) is SymInt or type(value) is SymBool:
        return value.term
    if type(value) is bool:
        return z3.BoolVal(value)
    if type(value) is int:
        return z3.BitVecVal(value, 64)
    raise Trap(f"an outcome of type {type(value).__name__}")
