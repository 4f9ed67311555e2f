"""Plausible claims that are false: each is refuted, and the counterexample is replayed on real ints.

A proof method that can't refute these would prove anything. Each control
also says why the kernel is built the way it is: the tempting simplification
is written down, with the ints that break it.

The ninth, group commit on a sink, is about the gate: see ``gate_model``.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any, Final

import z3  # type: ignore[import-untyped]

from proofs.contracts import BY_NAME, concrete, flat, plain_of, prove_parts
from proofs.kernels import Kernel, production, source, variant
from proofs.spec.lattice import either
from proofs.spec.logic import Truth, every, no, same, truth
from proofs.spec.verdicts import PERMITTED, ghost_carried, ghost_egress, judge
from proofs.spec.words import (
    Facts,
    Legs,
    Principal,
    below,
    capped,
    is_authority,
    is_facts,
    is_mask,
    is_principal,
    reached,
    seen_in,
    yes,
)
from proofs.symex.solve import Obligation, counterexample

Example = dict[str, Any]


@dataclass(frozen=True)
class Control:
    """A false claim, how it is put to the solver, and how a counterexample is shown on real ints."""

    name: str
    statement: str
    lesson: str
    obligations: Callable[[], Iterable[Obligation]]
    replay: Callable[[Example], bool]
    """Whether real functions on these ints do what the claim denies."""


@dataclass(frozen=True)
class Finding:
    """What became of a control."""

    control: Control
    example: Example | None
    replayed: bool

    @property
    def ok(self) -> bool:
        """Whether it was refuted, and really."""
        return self.example is not None and self.replayed


def check(control: Control) -> Finding:
    """Refute one control, and replay."""
    for obligation in control.obligations():
        example = counterexample(obligation)
        if example is not None:
            return Finding(control, example, control.replay(example))
    return Finding(control, None, replayed=False)


def _words(*names: str) -> list[Any]:
    return [z3.BitVec(name, 64) for name in names]


def _principal(name: str) -> Principal:
    return Principal(*_words(*[f"{name}.{part}" for part in Principal._fields]))


def _facts(name: str) -> Facts:
    return Facts(*_words(*[f"{name}.{part}" for part in Facts._fields]))


def _named(*values: Any) -> dict[str, Any]:
    """Return the free words of these values by their names."""
    flat_terms = [term for value in values for term in (value if isinstance(value, tuple) else (value,))]
    return {str(term): term for term in flat_terms}


def _state(example: Example, name: str) -> Any:
    return production().state.State(*[example[f"{name}.{part}"] for part in Principal._fields])


def _request(example: Example, name: str) -> Any:
    return production().state.Request(*[example[f"{name}.{part}"] for part in Facts._fields])


def _claim(name: str, goal: Truth, given: Iterable[Truth], *inputs: Any) -> list[Obligation]:
    return [Obligation(name, "control", [truth(part) for part in given], truth(goal), _named(*inputs))]


# 1-3: nu and harmless authorities ------------------------------------------------------------

_T: Final = Legs(*_words("t.private", "t.untrusted", "t.exfil"))
_A, _B = _words("a", "b")
_STATIC: Final = (*[is_mask(mask) for mask in _T], is_authority(_A), is_authority(_B))


def _table(example: Example) -> Any:
    return production().exposure.LegTable(example["t.private"], example["t.untrusted"], example["t.exfil"])


def _nu_monotone() -> list[Obligation]:
    goal = below(capped(_T, _A), capped(_T, _B))
    return _claim("nu-monotone", goal, (*_STATIC, below(_A, _B)), _T, _A, _B)


def _replay_nu_monotone(x: Example) -> bool:
    kernel, t = production(), _table(x)
    nu, leq = kernel.exposure.nu, kernel.capability.leq
    return bool(leq(x["a"], x["b"]) and not leq(nu(t, x["a"]), nu(t, x["b"])))


def _harmless(a: Any) -> Truth:
    return no(every(*reached(_T, a)[:3]))


def _one_harmless() -> list[Obligation]:
    # A largest harmless authority exists only if the join of two harmless ones is harmless.
    given = (*_STATIC, _harmless(_A), _harmless(_B))
    return _claim("one-largest-harmless-authority", _harmless(either(_A, _B)), given, _T, _A, _B)


def _replay_one_harmless(x: Example) -> bool:
    kernel, t = production(), _table(x)
    full, reach = kernel.exposure.UNINHABITABLE, kernel.exposure.reach
    both = kernel.capability.join(x["a"], x["b"])
    return bool(reach(t, x["a"]) != full and reach(t, x["b"]) != full and reach(t, both) == full)


def _nu_joins() -> list[Obligation]:
    fixed = (same(capped(_T, _A), _A), same(capped(_T, _B), _B))
    goal = same(capped(_T, either(_A, _B)), either(_A, _B))
    return _claim("nu-fixed-points-join", goal, (*_STATIC, *fixed), _T, _A, _B)


def _replay_nu_joins(x: Example) -> bool:
    kernel, t = production(), _table(x)
    nu, both = kernel.exposure.nu, kernel.capability.join(x["a"], x["b"])
    return bool(nu(t, x["a"]) == x["a"] and nu(t, x["b"]) == x["b"] and nu(t, both) != both)


# 4: runs ---------------------------------------------------------------------------------------

_S, _S2 = _principal("s"), _principal("s2")
_R, _Q, _R2 = _facts("r"), _facts("q"), _facts("r2")
_FRESH: Final = (is_principal(_S), _S.version < 100, same(_S.exposure, 0))


def _runs_monotone() -> list[Obligation]:
    # The first call under a tighter and a looser scope, then the same second call.
    differ = [same(getattr(_R, part), getattr(_Q, part)) for part in Facts._fields if part != "scope"]
    given = (*_FRESH, is_facts(_R), is_facts(_Q), is_facts(_R2), *differ, _R.scope <= _Q.scope)
    tight = judge(judge(_S, _R).next, _R2).verdict
    loose = judge(judge(_S, _Q).next, _R2).verdict
    return _claim("runs-monotone-in-the-policy", tight <= loose, given, _S, _R, _Q, _R2)


def _replay_runs(x: Example) -> bool:
    decide = production().decide.decide
    after_tight = decide(_state(x, "s"), _request(x, "r"))[2]
    after_loose = decide(_state(x, "s"), _request(x, "q"))[2]
    second = _request(x, "r2")
    return bool(x["r.scope"] <= x["q.scope"] and decide(after_tight, second)[0] > decide(after_loose, second)[0])


# 5-6: weaker kernels --------------------------------------------------------------------------

_RULE: Final = "if sink & EGRESS and seen & (FOREIGN if r.home == 1 else PRIVATE):"
_WEAK_RULE: Final = "if sink & EGRESS and seen & EXFIL and seen & (FOREIGN if r.home == 1 else PRIVATE):"
_FLOORS: Final = "    op = r.op\n    legs = r.legs\n    carried = r.carried\n    sink = r.sink\n"


def _patched(module: str, old: str, new: str) -> Kernel:
    """Return a kernel in which one piece of text is another. Raises ``ValueError`` if it is not there once."""
    text = source(module)
    if text.count(old) != 1:
        raise ValueError(f"the control's patch does not fit {module}.py any more: {old!r}")
    return variant(module, compile(text.replace(old, new), f"{module}.py", "exec"))


def _needs_past_egress() -> Kernel:
    return _patched("decide", _RULE, _WEAK_RULE)


def _no_floors() -> Kernel:
    return _patched("facts", _FLOORS, "    return r.legs, r.carried, r.sink\n" + _FLOORS)


def _uninhabitable(s: Principal, r: Facts) -> Truth:
    """Data leaves by nature of the operation, with private and untrusted present, to what is not home."""
    pairs = zip(seen_in(s.exposure), seen_in(r.carried), ghost_carried(r), strict=True)
    here = [no(every(*[no(flag) for flag in flags])) for flags in pairs]
    return every(ghost_egress(r), here[0], here[1], no(yes(r.home)), no(yes(r.approved)))


def _stranger(s: Principal, r: Facts) -> Truth:
    del s
    return every(ghost_egress(r), same(r.trusted, 0), no(yes(r.approved)))


def _plain_push(s: Principal, r: Facts) -> Truth:
    plain = (same(r.op, 9), same(r.fixed, 0), same(r.scope, 2), same(r.home, 0), same(r.cost, 0), same(r.sink, 0))
    return every(is_principal(s), is_facts(r), *plain)


def _weaker(name: str, kernel: Kernel, inlined: str, bad: Callable[[Principal, Facts], Truth]) -> Iterable[Obligation]:
    """Yield, for each path of a weaker kernel's decide, the claim that it does not permit what is bad."""
    decide = BY_NAME["decide.decide"]
    uses = tuple(callee for callee in decide.uses if callee != inlined)
    # A counterexample needs one kind of call only, a push that costs nothing. That keeps the paths few.
    push = replace(decide, uses=uses, needs=_plain_push)
    found, arguments, inputs = prove_parts(kernel, push)
    s, r = (plain_of(argument) for argument in arguments)
    for path in found.paths:
        permitted = same(flat(path.outcome)[0], PERMITTED)
        goal = truth(no(every(permitted, bad(s, r))))
        yield Obligation(name, "path", [*found.assume, *path.condition], goal, inputs)


def _replay_weaker(kernel: Kernel, x: Example, bad: Callable[[Principal, Facts], Truth]) -> bool:
    """The weaker kernel permits it; the real one does not."""
    decide = BY_NAME["decide.decide"]
    s, r = (plain_of(argument) for argument in concrete(kernel, decide, x))
    weak = kernel.decide.decide(*concrete(kernel, decide, x))[0]
    real = production().decide.decide(*concrete(production(), decide, x))[0]
    return bool(bad(s, r)) and weak == PERMITTED and real != PERMITTED


# 7-8: bookkeeping -----------------------------------------------------------------------------


def _per_session() -> list[Obligation]:
    # Two sessions of one principal, each with an exposure of its own: what the first saw, the second forgot.
    first, second = judge(_S, _R), judge(_S2, _R2)
    saw = seen_in(first.next.exposure)
    given = (
        *_FRESH,
        is_principal(_S2),
        same(_S2.exposure, 0),
        _S2.version < 100,
        is_facts(_R),
        is_facts(_R2),
        same(first.verdict, PERMITTED),
        saw.private,
        saw.untrusted,
        ghost_egress(_R2),
        same(_R2.home, 0),
        same(_R2.approved, 0),
    )
    goal = no(same(second.verdict, PERMITTED))
    return _claim("exposure-per-session-object", goal, given, _S, _S2, _R, _R2)


def _replay_per_session(x: Example) -> bool:
    kernel = production()
    decide, absorb = kernel.decide.decide, kernel.delegate.absorb
    saw = decide(_state(x, "s"), _request(x, "r"))[2].exposure
    forgot = decide(_state(x, "s2"), _request(x, "r2"))[0]
    remembered = decide(absorb(_state(x, "s2"), saw), _request(x, "r2"))[0]
    return bool(saw & 3 == 3 and forgot == PERMITTED and remembered != PERMITTED)


def _version_bound() -> list[Obligation]:
    # An approval given for r2 at the version of s, then an unrelated call: is the version still the same?
    asked, other = judge(_S, _R2), judge(_S, _R)
    still_asked = judge(other.next, _R2)
    given = (
        *_FRESH,
        is_facts(_R),
        is_facts(_R2),
        same(asked.verdict, 1),
        same(other.verdict, PERMITTED),
        same(still_asked.verdict, 1),
        same(still_asked.rules, asked.rules),
    )
    goal = same(other.next.version, _S.version)
    return _claim("version-bound-approvals-live", goal, given, _S, _R, _R2)


def _replay_version_bound(x: Example) -> bool:
    decide = production().decide.decide
    start = _state(x, "s")
    asked, other = decide(start, _request(x, "r2")), decide(start, _request(x, "r"))
    again = decide(other[2], _request(x, "r2"))
    same_question = asked[0] == again[0] == 1 and asked[1] == again[1]
    return bool(same_question and other[2].version != start.version)


CONTROLS: Final = (
    Control(
        "nu-monotone",
        "A larger authority stays larger under nu.",
        "nu is no closure operator: never compare authorities after nu.",
        _nu_monotone,
        _replay_nu_monotone,
    ),
    Control(
        "one-largest-harmless-authority",
        "There is one largest authority that can't complete the three legs.",
        "There are three repairs, not one: audit has to offer a choice.",
        _one_harmless,
        _replay_one_harmless,
    ),
    Control(
        "nu-fixed-points-join",
        "The join of two authorities that nu leaves alone is one that nu leaves alone.",
        "Adding up two safe policies can be unsafe; only tightening is compositional.",
        _nu_joins,
        _replay_nu_joins,
    ),
    Control(
        "runs-monotone-in-the-policy",
        "Under a tighter policy, every later verdict of a run is at most that under the looser one.",
        "A denied read keeps exposure low, so a later call may pass: compare runs only while all is allowed.",
        _runs_monotone,
        _replay_runs,
    ),
    Control(
        "uninhabitable-needs-past-egress",
        "It is enough to ask once data could already have left before.",
        "The egress in the sink is the third leg: the first leak needs no earlier one.",
        lambda: _weaker("uninhabitable-needs-past-egress", _needs_past_egress(), "decide.question", _uninhabitable),
        lambda x: _replay_weaker(_needs_past_egress(), x, _uninhabitable),
    ),
    Control(
        "no-floors",
        "The classifier's own legs and sinks are enough, without floors by operation.",
        "One wrong or hostile classification of a shell, and everything leaves unasked.",
        lambda: _weaker("no-floors", _no_floors(), "facts.floored", _stranger),
        lambda x: _replay_weaker(_no_floors(), x, _stranger),
    ),
    Control(
        "exposure-per-session-object",
        "It is enough that each session object remembers what it saw itself.",
        "Read in one session, send in the next: exposure belongs to the principal.",
        _per_session,
        _replay_per_session,
    ),
    Control(
        "version-bound-approvals-live",
        "An approval bound to the state's version is still good after an unrelated call.",
        "Any other call voids it: approvals are bound to what was shown, not to the version.",
        _version_bound,
        _replay_version_bound,
    ),
)
