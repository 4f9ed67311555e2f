"""Code = specification, function by function, on the function objects that production imports.

A contract names a kernel function, what may be assumed of its arguments, and
the value that the specification gives. The same contract serves the symbolic
proof (all inputs) and the battery of concrete inputs that the mutation gate
and the replay of witnesses use.

``decide`` is proved on top of the contracts of its four callees (``refusal``,
``floored``, ``question``, ``after``), whose preconditions become obligations.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields, is_dataclass
from typing import Any, Final

import z3  # type: ignore[import-untyped]

from proofs.kernels import Kernel
from proofs.spec import children, lattice, verdicts, words
from proofs.spec.logic import Truth, bits, every, iff, no, pick, same, truth, within, word
from proofs.spec.words import Facts, Legs, Principal, exposure_of, is_authority, is_exposure, is_facts, is_principal
from proofs.symex.explore import Exploration, Path, Summary, explore
from proofs.symex.solve import Obligation, values_in
from proofs.symex.values import INPUT_LIMIT, SymBool, SymInt

KINDS: Final[dict[str, Any]] = {"state": Principal, "request": Facts, "table": Legs}
"""Parameters that are objects; every other parameter is an int."""


@dataclass(frozen=True)
class Contract:
    """``module.function`` returns ``gives(*arguments)`` whenever ``needs(*arguments)``."""

    function: str
    parameters: tuple[str, ...]
    needs: Callable[..., Truth]
    gives: Callable[..., Any]
    uses: tuple[str, ...] = ()
    """Callees that are taken at their contracts."""
    keeps: Callable[..., bool] | None = None
    """What is true of the returned objects' identity, in addition."""

    def of(self, kernel: Kernel) -> Callable[..., Any]:
        """Return the function itself."""
        module, name = self.function.split(".")
        found: Callable[..., Any] = getattr(getattr(kernel, module), name)
        return found


def _anything(*_: Any) -> Truth:
    return True


def _authorities(*values: Any) -> Truth:
    return every(*[is_authority(value) for value in values])


def _exposures(*values: Any) -> Truth:
    return every(*[is_exposure(value) for value in values])


def _tables(t: Legs, *_: Any) -> Truth:
    return every(*[words.is_mask(mask) for mask in t])


def _floors(r: Facts) -> tuple[Any, Any, Any]:
    return (
        exposure_of(verdicts.true_legs(r)),
        exposure_of(verdicts.true_carried(r)),
        bits(*verdicts.true_sink(r)),
    )


def _question_needs(s: Principal, r: Facts, sink: Any, carried: Any) -> Truth:
    return every(is_principal(s), is_facts(r), within(0, sink, 7), is_exposure(carried))


def _after_needs(s: Principal, r: Facts, sink: Any, legs: Any) -> Truth:
    usable = every(is_principal(s), no(same(s.version, words.LARGEST)), r.cost <= s.budget)
    return every(usable, is_facts(r), within(0, sink, 7), is_exposure(legs))


def _same_state_unless_new(kernel: Kernel, arguments: tuple[Any, ...], outcome: Any) -> bool:
    """An unchanged state is the very object that came in (or a summary's)."""
    del kernel
    return outcome is arguments[0] or _differs(outcome.version, arguments[0].version)


def _differs(new: Any, old: Any) -> bool:
    if isinstance(new, int):
        return bool(new != old)
    return new is not old


def _refusal_returns_the_state(kernel: Kernel, arguments: tuple[Any, ...], outcome: Any) -> bool:
    return outcome[0] == kernel.decide.ALLOW or outcome[2] is arguments[0]


def _decided(s: Principal, r: Facts) -> tuple[Any, ...]:
    return tuple(verdicts.judge(s, r))


def _rank_code(a: Any, op: Any) -> Any:
    low = words.holds(a, op)
    return pick(low, pick(words.is_low(a, op), 1, 3), 0)


CONTRACTS: Final = (
    Contract("capability.valid", ("a",), _anything, is_authority),
    Contract(
        "capability.level",
        ("a", "op"),
        lambda a, op: every(is_authority(a), within(0, op, len(words.OPS) - 1)),
        _rank_code,
    ),
    Contract("capability.leq", ("a", "b"), _authorities, words.below),
    Contract("capability.meet", ("a", "b"), _authorities, lattice.common),
    Contract("capability.join", ("a", "b"), _authorities, lattice.either),
    Contract("capability.implies", ("a", "b"), _authorities, lattice.implication),
    Contract("capability.must", ("a",), _authorities, lattice.alone),
    Contract("capability.may", ("a",), _authorities, lattice.with_yes),
    Contract("exposure.valid", ("e",), _anything, is_exposure),
    Contract("exposure.join", ("e", "f"), _exposures, children.together),
    Contract("exposure.leq", ("e", "f"), _exposures, lambda e, f: words.covers(f, e)),
    Contract(
        "exposure.reach",
        ("table", "a"),
        lambda t, a: every(_tables(t), is_authority(a)),
        lambda t, a: exposure_of(words.reached(t, a)),
    ),
    Contract("exposure.within", ("table", "e"), lambda t, e: every(_tables(t), is_exposure(e)), words.inside),
    Contract("exposure.nu", ("table", "a"), lambda t, a: every(_tables(t), is_authority(a)), words.capped),
    Contract("state.valid", ("state",), _anything, is_principal),
    Contract("facts.well_formed", ("request",), _anything, is_facts),
    Contract("facts.floored", ("request",), is_facts, _floors),
    Contract("decide.refusal", ("state", "request"), _anything, verdicts.refused_by),
    Contract(
        "decide.question",
        ("state", "request", "sink", "carried"),
        _question_needs,
        lambda s, r, sink, carried: verdicts.questions(s, r, words.sink_in(sink), words.seen_in(carried)),
        uses=("decide.strange",),
    ),
    Contract(
        "decide.strange",
        ("trusted", "seen"),
        lambda trusted, seen: every(within(0, trusted, 2), is_exposure(seen)),
        lambda trusted, seen: verdicts.stranger(trusted, words.seen_in(seen)),
    ),
    Contract(
        "decide.after",
        ("state", "request", "sink", "legs"),
        _after_needs,
        lambda s, r, sink, legs: verdicts.then(s, r, words.sink_in(sink), words.seen_in(legs)),
        keeps=_same_state_unless_new,
    ),
    Contract(
        "decide.decide",
        ("state", "request"),
        _anything,
        _decided,
        uses=("decide.refusal", "facts.floored", "decide.question", "decide.after"),
        keeps=_refusal_returns_the_state,
    ),
    Contract(
        "delegate.delegate",
        ("state", "authority", "budget"),
        _anything,
        lambda s, a, b: (pick(children.give(s, a, b).granted, 1, 0), *children.give(s, a, b)[1:]),
    ),
    Contract("delegate.absorb", ("state", "seen"), lambda s, _: is_principal(s), children.learn),
    Contract("delegate.tighten", ("state", "authority", "budget"), lambda s, *_: is_principal(s), children.shrink),
    Contract("delegate.min_of", ("a", "b"), _anything, lambda a, b: pick(b < a, b, a)),
)
BY_NAME: Final = {contract.function: contract for contract in CONTRACTS}


@dataclass
class Proved:
    """A contract's exploration: its obligations, and one concrete input for each path."""

    contract: Contract
    exploration: Exploration
    obligations: list[Obligation]
    witnesses: list[dict[str, int | bool]]


def prove_parts(
    kernel: Kernel, contract: Contract, trusted: Sequence[Summary] = ()
) -> tuple[Exploration, list[Any], dict[str, Any]]:
    """Explore one function; return its paths, its symbolic arguments and their words by name."""
    arguments, inputs = _symbolic(kernel, contract)
    plain = [plain_of(argument) for argument in arguments]
    assume = [within(-INPUT_LIMIT, term, INPUT_LIMIT - 1) for term in inputs.values()]
    assume.append(truth(contract.needs(*plain)))
    summaries = [*trusted, *[summary_of(kernel, BY_NAME[name]) for name in contract.uses]]
    return explore(contract.of(kernel), arguments, assume, summaries), arguments, inputs


def prove(kernel: Kernel, contract: Contract) -> Proved:
    """Explore one function and return what has to hold for it to be its specification."""
    found, arguments, inputs = prove_parts(kernel, contract)
    expected = contract.gives(*[plain_of(argument) for argument in arguments])
    obligations = [
        obligation
        for path in found.paths
        for obligation in _of_path(kernel, contract, path, tuple(arguments), found.assume, expected, inputs)
    ]
    witnesses = [values_in(path.model, inputs) for path in found.paths]
    return Proved(contract, found, obligations, witnesses)


def _of_path(
    kernel: Kernel,
    contract: Contract,
    path: Path,
    arguments: tuple[Any, ...],
    assume: list[z3.BoolRef],
    expected: Any,
    inputs: dict[str, Any],
) -> Iterator[Obligation]:
    name = f"code = spec: {contract.function}"
    for label, condition, goal in path.obligations:
        yield Obligation(name, label, [*assume, *condition], goal, inputs)
    if path.raised is not None:
        yield Obligation(name, f"raises {path.raised!r}", [*assume, *path.condition], z3.BoolVal(False), inputs)
        return
    goal = equal(flat(path.outcome), flat(expected))
    if contract.keeps is not None and not contract.keeps(kernel, arguments, path.outcome):
        goal = z3.BoolVal(False)
    yield Obligation(name, "outcome", [*assume, *path.condition], truth(goal), inputs)


def equal(found: list[Any], expected: list[Any]) -> Truth:
    """Whether two flat lists of words and truths agree."""
    if len(found) != len(expected):
        return False
    return every(*[_agree(a, b) for a, b in zip(found, expected, strict=True)])


def _agree(a: Any, b: Any) -> Truth:
    if _is_truth(a) != _is_truth(b):
        return False
    return iff(a, b) if _is_truth(a) else same(word(a), word(b)) if z3.is_ast(a) or z3.is_ast(b) else a == b


def _is_truth(value: Any) -> bool:
    return isinstance(value, bool) or z3.is_bool(value)


def flat(value: Any) -> list[Any]:
    """Return the words and truths inside an outcome, in order, as terms where they are symbolic."""
    if isinstance(value, tuple):
        return [part for item in value for part in flat(item)]
    if is_dataclass(value) and not isinstance(value, type):
        return [part for f in fields(value) for part in flat(getattr(value, f.name))]
    return [value.term if type(value) in {SymInt, SymBool} else value]


def plain_of(argument: Any) -> Any:
    """Return an argument in the specification's form: a named tuple of words, or a word."""
    if is_dataclass(argument) and not isinstance(argument, type):
        return KINDS[_KIND_OF[type(argument).__name__]](*flat(argument))
    return flat(argument)[0]


_KIND_OF: Final = {"State": "state", "Request": "request", "LegTable": "table"}


def _symbolic(kernel: Kernel, contract: Contract) -> tuple[list[Any], dict[str, Any]]:
    inputs: dict[str, Any] = {}
    arguments: list[Any] = []
    for parameter in contract.parameters:
        if parameter in KINDS:
            parts = {f"{parameter}.{f}": z3.BitVec(f"{parameter}.{f}", 64) for f in KINDS[parameter]._fields}
            inputs |= parts
            arguments.append(_build(kernel, parameter, [SymInt(term) for term in parts.values()]))
        else:
            inputs[parameter] = z3.BitVec(parameter, 64)
            arguments.append(SymInt(inputs[parameter]))
    return arguments, inputs


def _build(kernel: Kernel, parameter: str, parts: list[Any]) -> Any:
    makers = {"state": kernel.state.State, "request": kernel.state.Request, "table": kernel.exposure.LegTable}
    return makers[parameter](*parts)


def concrete(kernel: Kernel, contract: Contract, values: dict[str, Any]) -> list[Any]:
    """Return real arguments from the values of a witness or a counterexample."""
    arguments: list[Any] = []
    for parameter in contract.parameters:
        if parameter in KINDS:
            parts = [values[f"{parameter}.{f}"] for f in KINDS[parameter]._fields]
            arguments.append(_build(kernel, parameter, parts))
        else:
            arguments.append(values[parameter])
    return arguments


def holds_on(kernel: Kernel, contract: Contract, values: dict[str, Any]) -> bool:
    """Whether the real function, on real ints, returns what the specification says. Exceptions count as no."""
    arguments = concrete(kernel, contract, values)
    plain = tuple(plain_of(argument) for argument in arguments)
    before = [flat(argument) for argument in arguments]
    try:
        outcome = contract.of(kernel)(*arguments)
    except Exception:  # noqa: BLE001  a mutant may raise anything
        return False
    kept = contract.keeps is None or contract.keeps(kernel, tuple(arguments), outcome)
    unchanged = before == [flat(argument) for argument in arguments]
    return kept and unchanged and bool(equal(flat(outcome), flat(contract.gives(*plain))))


def summary_of(kernel: Kernel, contract: Contract) -> Summary:
    """Return the specification of a proved callee, to stand in for it."""

    def result(*arguments: Any) -> Any:
        return _as_outcome(kernel, contract.gives(*[plain_of(argument) for argument in arguments]))

    def needs(*arguments: Any) -> z3.BoolRef:
        return truth(contract.needs(*[plain_of(argument) for argument in arguments]))

    return Summary(contract.of(kernel), result, needs)


def _as_outcome(kernel: Kernel, value: Any) -> Any:
    """Return a specified value in the form in which the kernel's function returns it."""
    if isinstance(value, Principal):
        return kernel.state.State(*[SymInt(word(part)) for part in value])
    if isinstance(value, tuple):
        return tuple(_as_outcome(kernel, item) for item in value)
    if _is_truth(value):
        return SymBool(truth(value))
    return SymInt(word(value))
