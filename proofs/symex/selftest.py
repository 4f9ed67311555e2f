"""The executor is tested before it is trusted.

``operators``   each operator against real ints, overflow obligations included
``traps``       Python semantics that must not get a silent answer
``paths``       all paths are found, each with a witness that real ints follow
``survivors``   small sabotages of the executor; each must be noticed here
"""

import builtins
import importlib.util
import itertools
import math
import sys
import types
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import z3  # type: ignore[import-untyped]

FOLDER: Final = Path(__file__).parent
LOW, HIGH = -(1 << 63), (1 << 63) - 1
SAMPLES: Final = (0, 1, -1, 3, 6, 63, 64, -64, 1 << 40, HIGH, LOW, HIGH - 1, LOW + 1)

BINARY: Final[dict[str, Callable[[Any, Any], Any]]] = {
    "&": lambda a, b: a & b,
    "|": lambda a, b: a | b,
    "^": lambda a, b: a ^ b,
    "+": lambda a, b: a + b,
    "-": lambda a, b: a - b,
    "<<": lambda a, b: a << b,
    ">>": lambda a, b: a >> b,
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "==": lambda a, b: a == b,
    "!=": lambda a, b: a != b,
}
UNARY: Final[dict[str, Callable[[Any], Any]]] = {"~": lambda a: ~a, "-": lambda a: -a, "+": lambda a: +a}


def _store(s: Any) -> Any:
    s.budget = 0
    return s


def _swallow(x: Any) -> int:
    try:
        return 1 if x * 2 else 0
    except Exception:  # noqa: BLE001  what is tested
        return 7


def _swallow_all(x: Any) -> int:
    try:
        return 1 if x * 2 else 0
    except BaseException:  # noqa: BLE001  what is tested
        return 7


def _loop(x: Any) -> int:
    while x != 0:
        x = x - 1
    return 0


_CALLS = itertools.count()


def _fickle(x: Any) -> int:
    return 1 if x == next(_CALLS) else 0


def _treacherous(x: Any) -> int:
    # The second condition can't hold, but no simplifier says so: the paths would seem to cover.
    odd = x == 1 if next(_CALLS) % 2 == 0 else x - (x & 7) == 3
    return 1 if odd else 0


def _fading(x: Any) -> int:
    return 1 if next(_CALLS) % 2 == 0 and x == 1 else 0


@dataclass
class Box:
    """An argument that could be stored to."""

    budget: Any


# ruff: noqa: PLW0108  the operators on x are what is tested
TRAPS: Final[dict[str, Callable[[Any], Any]]] = {
    "hash": hash,
    "index": lambda x: [0, 1][x],
    "range": lambda x: list(range(x)),
    "int": int,
    "str": str,
    "format": lambda x: f"{x}",
    "abs": abs,
    "round": round,
    "trunc": math.trunc,
    "floor": math.floor,
    "multiply": lambda x: x * 2,
    "multiplied": lambda x: 2 * x,
    "matmul": lambda x: x @ 2,
    "divide": lambda x: x / 2,
    "divided": lambda x: 2 / x,
    "floor divide": lambda x: x // 2,
    "floor divided": lambda x: 2 // x,
    "modulo": lambda x: x % 2,
    "modulo of": lambda x: 2 % x,
    "divmod": lambda x: divmod(x, 2),
    "divmod of": lambda x: divmod(2, x),
    "power": lambda x: x**2,
    "power of": lambda x: 2**x,
    "iterate": list,
    "length": len,
    "contains": lambda x: 1 in x,
    "item": lambda x: x[0],
    "call": lambda x: x(),
    "dict key": lambda x: {1: 2}.get(x),
    "compare with text": lambda x: x == "5",
    "compare with None": lambda x: x == None,  # noqa: E711  what is tested
    "compare with a float": lambda x: x < 1.5,
    "add a bool": lambda x: x + True,
    "and with a bool": lambda x: x & True,
    "a constant beyond 64 bits": lambda x: x & (1 << 64),
    "truth plus int": lambda x: (x == 1) + 1,
    "int plus truth": lambda x: 1 + (x == 1),
    "truth and int": lambda x: (x == 1) & 1,
    "int and truth": lambda x: 1 & (x == 1),
    "truth or int": lambda x: (x == 1) | 0,
    "int or truth": lambda x: 0 | (x == 1),
    "truth equals truth": lambda x: (x == 1) == (x == 2),
    "truth differs from truth": lambda x: (x == 1) != (x == 2),
    "truth hashed": lambda x: hash(x == 1),
    "truth as int": lambda x: int(x == 1),
    "truth as index": lambda x: [0, 1][x == 1],
    "truth as text": lambda x: str(x == 1),
    "a store to an argument": lambda x: _store(Box(x)) and _store(x),
    "a swallowed trap": _swallow,
    "a trap swallowed whole": _swallow_all,
    "a loop": _loop,
    "a fickle function": _fickle,
    "a treacherous function": _treacherous,
    "a fading function": _fading,
}
"""What real ints could do, or be made to do, and a symbolic int can't do faithfully."""


@dataclass(frozen=True)
class Executor:
    """The modules under test: the real ones, or sabotaged copies."""

    values: types.ModuleType
    explore: types.ModuleType


def failures(executor: Executor) -> list[str]:
    """Return what the executor gets wrong."""
    return [*operators(executor), *traps(executor), *paths(executor)]


class _Notes:
    """An engine that only collects obligations."""

    def __init__(self) -> None:
        self.owed: list[Any] = []

    def fork(self, condition: Any) -> bool:
        raise AssertionError(condition)

    def oblige(self, what: str, condition: Any) -> None:
        del what
        self.owed.append(condition)

    def trap(self, why: str) -> Any:
        raise AssertionError(why)


def operators(executor: Executor) -> Iterator[str]:
    """Compare every operator, in both orders, with real ints, and its obligations with the true range."""
    x, y = z3.BitVec("x", 64), z3.BitVec("y", 64)
    for name, real in BINARY.items():
        for how, pick in (("xy", (x, y)), ("xc", (x, None)), ("cy", (None, y))):
            yield from _compare(executor, f"{name} {how}", real, pick, (x, y))
    for name, single in UNARY.items():
        yield from _compare(executor, f"unary {name}", lambda a, _, f=single: f(a), (x, y), (x, y))


def _compare(executor: Executor, name: str, real: Callable[..., Any], pick: Any, names: Any) -> list[str]:
    wrong = []
    samples = SAMPLES if pick[0] is not None and pick[1] is not None else SAMPLES[2:9:2]
    cache: dict[Any, Any] = {}
    for a, b in itertools.product(samples, repeat=2):
        key = (a if pick[0] is None else None, b if pick[1] is None else None)
        if key not in cache:
            cache[key] = _run_once(executor, real, a if pick[0] is None else pick[0], b if pick[1] is None else pick[1])
        term, owed = cache[key]
        try:
            truth = real(a, b)
        except (ValueError, MemoryError, OverflowError):
            truth = None
        at = [(names[0], z3.BitVecVal(a, 64)), (names[1], z3.BitVecVal(b, 64))]
        met = all(z3.is_true(z3.simplify(z3.substitute(condition, *at))) for condition in owed)
        if truth is None or not LOW <= int(truth) <= HIGH:
            wrong += [f"{name}: {a}, {b}: overflow unnoticed"] if met else []
        elif not met:
            # A shift by 64 or more is well defined but not modelled: refusing it is right.
            wrong += [] if ">>" in name or "<<" in name else [f"{name}: {a}, {b}: an overflow that is none"]
        elif _value(z3.simplify(z3.substitute(term, *at))) != truth:
            wrong.append(f"{name}: {a}, {b}: not {truth}")
    return wrong


def _run_once(executor: Executor, real: Callable[..., Any], a: Any, b: Any) -> tuple[Any, list[Any]]:
    values, notes = executor.values, _Notes()
    values.use_engine(notes)
    try:
        done = real(*[values.SymInt(part) if z3.is_ast(part) else part for part in (a, b)])
    finally:
        values.use_engine(None)
    return done.term, notes.owed


def _value(term: Any) -> int | bool:
    return bool(z3.is_true(term)) if z3.is_bool(term) else int(term.as_signed_long())


def traps(executor: Executor) -> Iterator[str]:
    """Run the trap suite: each must end in a ``Trap``, not in an answer and not in another exception."""
    for name, function in TRAPS.items():
        argument: Any = executor.values.SymInt(z3.BitVec("x", 64))
        if name == "a store to an argument":
            argument = Box(argument)
        try:
            executor.explore.explore(function, [argument], [])
        except executor.values.Trap:
            continue
        except Exception as error:  # noqa: BLE001  the wrong kind of end
            yield f"trap {name}: {error!r}"
            continue
        yield f"trap {name}: got an answer"
    outside = executor.values.SymInt(z3.BitVec("x", 64))
    for name, use in (("truth", bool), ("sum", lambda x: x + 1), ("text", builtins.str)):
        try:
            use(outside)
            yield f"{name} outside of an exploration: got an answer"
        except executor.values.Trap:
            pass


def _sign(x: Any) -> int:
    if x < 0:
        return -1
    return 1 if x else 0


def _nested(x: Any, y: Any) -> Any:
    if 0 <= x <= 9 and y == x:
        return x + y
    if x & 1:
        return x | 2 if y > x else ~y
    return y


def _contradiction(x: Any) -> int:
    if x > 5 and x < 3:
        return 1
    return 0


def _raises(x: Any) -> int:
    if x == 13:
        raise KeyError(x)
    return 0


PATHS: Final[tuple[tuple[Callable[..., Any], int, int], ...]] = (
    (_sign, 1, 3),
    (_nested, 2, 10),
    (_contradiction, 1, 2),
    (_raises, 1, 2),
)
"""Function, number of arguments, number of feasible paths."""


def paths(executor: Executor) -> Iterator[str]:
    """Check that all feasible paths are found, that each witness takes its path, and that nothing is dropped."""
    for function, count, wanted in PATHS:
        names = [z3.BitVec(f"a{i}", 64) for i in range(count)]
        small = [z3.And(name > -1000, name < 1000) for name in names]
        try:
            found = executor.explore.explore(function, [executor.values.SymInt(n) for n in names], small)
        except executor.values.Trap as trap:
            yield f"{function.__name__}: {trap}"
            continue
        if len(found.paths) != wanted:
            yield f"{function.__name__}: {len(found.paths)} paths, expected {wanted}"
        for path in found.paths:
            yield from _follow(executor, function, names, path)
        yield from _uncovered(function.__name__, found, small)
    yield from _obligations(executor)


def _follow(executor: Executor, function: Callable[..., Any], names: list[Any], path: Any) -> list[str]:
    """Replay a path's witness on real ints."""
    inputs = [path.model.eval(name, model_completion=True).as_signed_long() for name in names]
    try:
        real: Any = function(*inputs)
    except KeyError:
        return [] if isinstance(path.raised, KeyError) else [f"{function.__name__}{inputs}: an exception was dropped"]
    if path.raised is not None:
        return [f"{function.__name__}{inputs}: {path.raised!r}"]
    term = executor.explore.term_of(path.outcome)
    if _value(z3.simplify(path.model.eval(term, model_completion=True))) != real:
        return [f"{function.__name__}{inputs}: another path"]
    return []


def _uncovered(name: str, found: Any, small: list[Any]) -> list[str]:
    solver = z3.Solver()
    solver.add(*small, z3.Not(z3.Or([z3.And([z3.BoolVal(val=True), *path.condition]) for path in found.paths])))
    wrong = [] if solver.check() == z3.unsat else [f"{name}: paths do not cover"]
    for one, other in itertools.combinations(found.paths, 2):
        solver = z3.Solver()
        solver.add(*small, *one.condition, *other.condition)
        wrong += [] if solver.check() == z3.unsat else [f"{name}: two paths overlap"]
    return wrong


def _obligations(executor: Executor) -> list[str]:
    """An obligation knows the condition under which it is owed, and a stale or unmet summary is noticed."""
    x = z3.BitVec("x", 64)

    def guarded(value: Any) -> Any:
        return value + 1 if value < 100 else value

    found = executor.explore.explore(guarded, [executor.values.SymInt(x)], [])
    owed = [obligation for path in found.paths for obligation in path.obligations]
    if len(owed) != 1 or len(owed[0][1]) != 1:
        return ["an obligation lost its condition"]
    (solver := z3.Solver()).add(*owed[0][1], z3.Not(owed[0][2]))
    wrong = [] if solver.check() == z3.unsat else ["a guarded sum is not proved"]
    stale = executor.explore.Summary(lambda v: v, lambda *_: 0, lambda *_: z3.BoolVal(val=True))
    try:
        executor.explore.explore(_sign, [executor.values.SymInt(x)], [], [stale])
        wrong.append("a stale summary was accepted")
    except executor.values.Trap:
        pass
    return wrong + _summary(executor, x)


def _callee(x: Any) -> Any:
    return x


def _caller(x: Any) -> Any:
    return _callee(x)


def _summary(executor: Executor, x: Any) -> list[str]:
    """A summary stands in for its callee, its precondition is owed, and the callee is put back."""
    values = executor.values
    real = _callee
    summary = executor.explore.Summary(_callee, lambda v: values.SymInt(v.term & 1), lambda v: v.term > 3)
    found = executor.explore.explore(_caller, [values.SymInt(x)], [], [summary])
    path = found.paths[0]
    wrong = [] if _callee is real else ["a summary was left in place"]
    if [str(owed[2]) for owed in path.obligations] != ["x > 3"]:
        wrong.append("a summary's precondition is not owed")
    if str(path.outcome.term) != "x & 1":
        wrong.append("a summary did not stand in")
    return wrong


SABOTAGE: Final = {
    "values.py": (
        ("return SymInt(self.term & lift(other))", "return SymInt(self.term | lift(other))"),
        ("return SymInt(self.term | lift(other))", "return SymInt(self.term & lift(other))"),
        ("return SymInt(self.term ^ lift(other))", "return SymInt(self.term | lift(other))"),
        ("return SymInt(~self.term)", "return SymInt(-self.term)"),
        ("return _subtract(lift(0), self.term)", "return SymInt(-self.term)"),
        ("return _subtract(lift(other), self.term)", "return _subtract(self.term, lift(other))"),
        ("return _subtract(self.term, lift(other))", "return _add(self.term, lift(other))"),
        ("return SymInt(a + b)", "return SymInt(a - b)"),
        ("return SymInt(a - b)", "return SymInt(b - a)"),
        ("return SymInt(a << b)", "return SymInt(a >> b)"),
        ("return SymInt(a >> b)", "return SymInt(z3.LShR(a, b))"),
        ("return _shift_left(lift(other), self.term)", "return _shift_left(self.term, lift(other))"),
        ("return _shift_right(lift(other), self.term)", "return _shift_right(self.term, lift(other))"),
        ("return SymBool(self.term == lift(other))", "return SymBool(self.term != lift(other))"),
        ("return SymBool(self.term != lift(other))", "return SymBool(self.term == lift(other))"),
        ("return SymBool(self.term < lift(other))", "return SymBool(z3.ULT(self.term, lift(other)))"),
        ("return SymBool(self.term <= lift(other))", "return SymBool(self.term < lift(other))"),
        ("return SymBool(self.term > lift(other))", "return SymBool(self.term >= lift(other))"),
        ("return SymBool(self.term >= lift(other))", "return SymBool(z3.UGE(self.term, lift(other)))"),
        ('_Current.engine.oblige("no overflow in +"', 'str("no overflow in +"'),
        ('_Current.engine.oblige("no overflow in -"', 'str("no overflow in -"'),
        ('_Current.engine.oblige("no overflow in <<"', 'str("no overflow in <<"'),
        ("z3.And(b >= 0, b < WIDTH)", "b < WIDTH"),
        ("return _Current.engine.fork(self.term)", "return True"),
        ("return _Current.engine.fork(self.term != 0)", "return True"),
        ("return _Current.engine.fork(self.term != 0)", "return _Current.engine.fork(self.term == 1)"),
        ("if type(value) is int:", "if isinstance(value, int):"),
        ("if not -(1 << (WIDTH - 1)) <= value < 1 << (WIDTH - 1):", "if value != value:"),
        ('raise Trap(f"truth of', 'return bool(f"truth of'),
        ('raise Trap(f"arithmetic on', 'str(f"arithmetic on'),
    ),
    "explore.py": (
        ("self.choices.append((condition, yes, yes and no))", "self.choices.append((condition, yes, False))"),
        ("self.choices.append((condition, yes, yes and no))", "self.choices.append((condition, yes, True))"),
        ("self.choices.append((condition, not side, False))", "self.choices.append((condition, side, False))"),
        ("self.solver.add(z3.Not(condition) if side else condition)", "pass"),
        ("self.condition.append(condition if side else z3.Not(condition))", "self.condition.append(condition)"),
        ("if not known.eq(condition):", "if known is None:"),
        ("if run.at != len(run.choices):", "if run.at > len(run.choices):"),
        ("if run.trapped is not None:", "if run.trapped == '':"),
        ("        raised = error", "        raised = None"),
        ("for argument in arguments] != before:", "for argument in arguments] == [before]:"),
        ("(what, list(self.condition), condition)", "(what, [], condition)"),
        (
            "if not z3.is_true(z3.simplify(condition)):\n            self.obligations",
            "if False:\n            self.obligations",
        ),
        ('run.oblige(f"precondition of', 'str(f"precondition of'),
        ("            names[name] = _stub(summary, run)", "            pass"),
        ("        names.update(replaced)", "        pass"),
        ("        if not bound:", "        if bound == 0:"),
        ("        self.obligations = []\n\n\ndef explore", "\n\ndef explore"),
    ),
}
"""File, and text to replace: each makes the executor unsound, or blind."""


def sabotages() -> Iterator[tuple[str, str, str, str]]:
    """Yield file, text, replacement and a name for each sabotage; each trap line taken out is one."""
    for file, patches in SABOTAGE.items():
        yield from ((file, old, new, f"{file}: {old.strip()} -> {new.strip()}") for old, new in patches)
    for line in (FOLDER / "values.py").read_text(encoding="utf-8").splitlines(keepends=True):
        if "= _trap(" in line:
            yield "values.py", line, "", f"values.py: without {line.strip()}"


def survivors() -> list[str]:
    """Return the sabotages that the self-test does not notice."""
    alive = []
    for file, old, new, name in sabotages():
        text = (FOLDER / file).read_text(encoding="utf-8")
        if old not in text:
            alive.append(f"{name}: does not fit any more")
            continue
        texts = {"values.py": None, "explore.py": None, file: text.replace(old, new, 1)}
        if old.startswith("    __") and text.count(old) > 1:
            texts = {"values.py": text.replace(old, new), "explore.py": None}
        with _loaded(texts) as executor:
            if not _noticed(executor):
                alive.append(name)
    return alive


def _noticed(executor: Executor) -> bool:
    for check in (paths, operators, traps):  # the first one also catches what would never end
        try:
            if next(check(executor), None) is not None:
                return True
        except BaseException:  # noqa: BLE001  a sabotaged executor may end anyhow
            return True
    return False


@contextmanager
def _loaded(texts: dict[str, str | None]) -> Iterator[Executor]:
    """Load copies of the executor's modules, with other text where given."""
    names = {"values.py": "proofs.symex.values", "explore.py": "proofs.symex.explore"}
    kept = {name: sys.modules.get(name) for name in names.values()}
    made = []
    try:
        for file, name in names.items():
            text = texts[file] or (FOLDER / file).read_text(encoding="utf-8")
            spec = importlib.util.spec_from_loader(name, loader=None)
            assert spec is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules[name] = module
            exec(compile(text, file, "exec"), module.__dict__)  # noqa: S102  the executor's own text, sabotaged
            made.append(module)
        yield Executor(*made)
    finally:
        for name, module in kept.items():  # type: ignore[assignment]
            if module is not None:
                sys.modules[name] = module


def real() -> Executor:
    """Return the executor that the proofs use."""
    return Executor(*[importlib.import_module(f"proofs.symex.{name}") for name in ("values", "explore")])
