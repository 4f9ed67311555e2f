"""The decision against an oracle of our own, cell by cell; its laws over arbitrary states and runs."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import product

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from nucleus.kernel import state as kernel_state
from nucleus.kernel.capability import ALWAYS, EVERYTHING, LOW_RISK, NEVER, level
from nucleus.kernel.decide import (
    ALLOW,
    ASK,
    BUDGET,
    CAPABILITY,
    CONTROL_RULE,
    DENY,
    DESTINATION,
    LOW_RISK_RULE,
    MALFORMED,
    SCOPE,
    SECRET_RULE,
    SESSION,
    UNINHABITABLE_RULE,
    decide,
    question,
)
from nucleus.kernel.exposure import EXFIL, FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import CONTROL, EGRESS, IRREVERSIBLE, floored
from nucleus.kernel.state import VERSION_LIMIT, Request, State
from tests.kernel.spaces import EXPOSURES, LEVELS, OPS, allowed_often, changed, full_states, requests, states


@dataclass(frozen=True)
class Cell:
    """What the oracle sees of one cell: named truths, no bits."""

    live: bool = True
    valid: bool = True
    well_formed: bool = True
    level: str = "always"
    scope: str = "allow"
    affordable: bool = True
    egress: bool = False
    irreversible: bool = False
    control: bool = False
    trusted: str = "yes"
    home: bool = False
    private: bool = False
    untrusted: bool = False
    foreign: bool = False
    secret: bool = False


DENIES = (
    (SESSION, lambda c: not c.live or not c.valid),
    (MALFORMED, lambda c: not c.well_formed),
    (CAPABILITY, lambda c: c.level == "never"),
    (SCOPE, lambda c: c.scope == "deny"),
    (BUDGET, lambda c: not c.affordable),
)
ASKS = (
    (SCOPE, lambda c: c.scope == "ask"),
    (CONTROL_RULE, lambda c: c.control),
    (
        DESTINATION,
        lambda c: (
            (c.egress or c.irreversible)
            and not (c.trusted == "yes" or (c.trusted == "while nothing private was seen" and not c.private))
        ),
    ),
    (SECRET_RULE, lambda c: c.egress and c.secret),
    (UNINHABITABLE_RULE, lambda c: c.egress and c.untrusted and (c.foreign if c.home else c.private)),
    (LOW_RISK_RULE, lambda c: c.level == "low_risk" and (c.egress or c.irreversible or c.control) and c.untrusted),
)
"""The table of the design, section 3, row by row."""


def oracle(c: Cell, *, approved: bool) -> tuple[int, int]:
    """Return the verdict and the rules that the table gives."""
    for rule, holds in DENIES:
        if holds(c):
            return DENY, rule
    asking = sum(rule for rule, holds in ASKS if holds(c))
    return (ASK if asking and not approved else ALLOW), asking


def cell(s: State, r: Request) -> Cell:
    """Return the cell that a well-formed request in a valid state falls into, after the floors."""
    _, carried, sink = floored(r)
    seen = s.exposure | carried
    return Cell(
        live=r.live == 1,
        level={NEVER: "never", LOW_RISK: "low_risk", ALWAYS: "always"}[level(s.authority, r.op)],
        scope=("deny", "ask", "allow")[r.scope],
        affordable=r.cost <= s.budget,
        egress=bool(sink & EGRESS),
        irreversible=bool(sink & IRREVERSIBLE),
        control=bool(sink & CONTROL),
        trusted=("no", "while nothing private was seen", "yes")[r.trusted],
        home=r.home == 1,
        private=bool(seen & PRIVATE),
        untrusted=bool(seen & UNTRUSTED),
        foreign=bool(seen & FOREIGN),
        secret=bool(seen & SECRET),
    )


def test_every_cell_of_the_asking_rules() -> None:
    """Both levels, all exposures seen and carried, all sinks, scopes, trust, home: against the table."""
    expected: dict[tuple[int, ...], int] = {}
    space = product((LOW_RISK, ALWAYS), EXPOSURES, EXPOSURES, range(8), (1, 2), range(3), range(2))
    for held, exposure, carried, sink, scope, trusted, home in space:
        # Write is without a floor, so sink and carried reach the rules as they are.
        s = State(held << 2, exposure, 0, 0)
        r = Request(1, 0, 1, 0, carried, sink, scope, trusted, home, 0, 0, 0, 0)
        key = (held, exposure | carried, sink, scope, trusted, home)
        if key not in expected:
            expected[key] = oracle(cell(s, r), approved=False)[1]
        assert question(s, r, sink, carried) == expected[key]


def vouching(op: int) -> Iterator[tuple[int, int, int]]:
    """Yield the values of attested, public and fixed that the floor of ``op`` can tell apart."""
    matter = {0: "p", 4: "p", 5: "p", 3: "ap", 6: "f", 7: "f", 9: "pf", 10: "f"}.get(op, "")
    for attested, public, fixed in product(range(2), repeat=3):
        if ("a" in matter or not attested) and ("p" in matter or not public) and ("f" in matter or not fixed):
            yield attested, public, fixed


SEEN = (0, PRIVATE, UNTRUSTED, PRIVATE | UNTRUSTED, PRIVATE | FOREIGN, PRIVATE | SECRET, 27, 31)
CARRIED = (0, UNTRUSTED, PRIVATE | UNTRUSTED, PRIVATE | UNTRUSTED | FOREIGN, PRIVATE | SECRET)


@pytest.mark.parametrize("op", OPS)
def test_every_cell_of_the_whole_decision(op: int) -> None:
    """Levels, exposures, sinks, scopes, trust, home, vouching facts, approval: verdict, rules and next state."""
    known: dict[Cell, tuple[int, int]] = {}
    outside = product(LEVELS, SEEN, range(2))
    for held, exposure, approved in outside:
        s = State(held << 2 * op, exposure, 7, 3)
        inside = product(CARRIED, range(8), range(3), range(3), range(2), vouching(op))
        for carried, sink, scope, trusted, home, (attested, public, fixed) in inside:
            r = Request(op, 2, 1, 0, carried, sink, scope, trusted, home, attested, public, fixed, approved)
            c = cell(s, r)
            if c not in known:
                known[c] = oracle(c, approved=False)
            verdict, rules = known[c]
            if approved and verdict == ASK:
                verdict = ALLOW
            got, got_rules, after = decide(s, r)
            assert (got, got_rules) == (verdict, rules)
            if verdict == ALLOW:
                legs, _, all_sinks = floored(r)
                seen = exposure | legs | (EXFIL if all_sinks & EGRESS else 0)
                assert (after.authority, after.exposure, after.budget, after.version) == (s.authority, seen, 5, 4)
            else:
                assert after is s


def test_every_cell_of_the_refusals() -> None:
    """The first deny rule in the order of the table answers; an approval lifts none of them."""
    truths = product((False, True), (False, True), (False, True), LEVELS, range(3), (False, True), range(2))
    for live, is_valid, well_formed, held, scope, affordable, approved in truths:
        s = State(held, 0, 5, 0 if is_valid else VERSION_LIMIT)
        r = Request(0, 5 if affordable else 6, int(live), 0, 0, 0 if well_formed else 8, scope, 2, 0, 0, 0, 0, approved)
        c = Cell(
            live=live,
            valid=is_valid,
            well_formed=well_formed,
            level={NEVER: "never", LOW_RISK: "low_risk", ALWAYS: "always"}[held],
            scope=("deny", "ask", "allow")[scope],
            affordable=affordable,
        )
        assert decide(s, r)[:2] == oracle(c, approved=bool(approved))


@given(states, requests)
def test_any_valid_state_and_request_agree_with_the_table(s: State, r: Request) -> None:
    if s.version == VERSION_LIMIT:
        assert decide(s, r) == (DENY, SESSION, s)
    else:
        assert decide(s, r)[:2] == oracle(cell(s, r), approved=r.approved == 1)


@given(states, requests)
def test_a_refusal_returns_the_very_state_and_a_version_rises_exactly_with_a_change(s: State, r: Request) -> None:
    verdict, _, after = decide(s, r)
    if verdict != ALLOW:
        assert after is s
    same = (after.authority, after.exposure, after.budget) == (s.authority, s.exposure, s.budget)
    assert after.version == s.version + (0 if same else 1)
    assert kernel_state.valid(after)


@given(states, requests)
def test_an_approval_lifts_ask_to_allow_and_never_deny(s: State, r: Request) -> None:
    without, rules, _ = decide(s, changed(r, approved=0))
    verdict, same_rules, _ = decide(s, changed(r, approved=1))
    assert (verdict, same_rules) == (DENY if without == DENY else ALLOW, rules)


@pytest.mark.parametrize("rule", [rule for rule, _ in ASKS])
def test_each_asking_rule_decides_alone_somewhere(rule: int) -> None:
    """No rule is there for show: for each there is a request that only it holds back."""
    alone = {
        SCOPE: Request(1, 0, 1, 0, 0, 0, 1, 2, 0, 0, 0, 0, 0),
        CONTROL_RULE: Request(1, 0, 1, 0, 0, CONTROL, 2, 2, 0, 0, 0, 0, 0),
        DESTINATION: Request(7, 0, 1, UNTRUSTED, 0, EGRESS, 2, 0, 0, 0, 0, 0, 0),
        SECRET_RULE: Request(7, 0, 1, UNTRUSTED, PRIVATE | SECRET, EGRESS, 2, 2, 0, 0, 0, 0, 0),
        UNINHABITABLE_RULE: Request(7, 0, 1, UNTRUSTED, PRIVATE | UNTRUSTED, EGRESS, 2, 2, 0, 0, 0, 0, 0),
        LOW_RISK_RULE: Request(10, 0, 1, 0, UNTRUSTED, 0, 2, 2, 0, 0, 0, 0, 0),
    }
    s = State(EVERYTHING & ~(0b10 << 20), 0, 0, 0)
    assert decide(s, alone[rule]) == (ASK, rule, s)


def test_a_remembered_exfil_bit_never_changes_a_verdict() -> None:
    """Egress in the sink is the third leg; the bit is kept for record and report."""
    space = product(EXPOSURES, EXPOSURES, range(8), range(3), range(2), LEVELS)
    for exposure, carried, sink, trusted, home, held in space:
        with_bit = State(held << 2, exposure | EXFIL, 0, 0)
        without = State(held << 2, exposure & ~EXFIL, 0, 0)
        r = Request(1, 0, 1, 0, carried & ~EXFIL, sink, 2, trusted, home, 0, 0, 0, 0)
        marked = Request(1, 0, 1, 0, carried | EXFIL, sink, 2, trusted, home, 0, 0, 0, 0)
        assert decide(with_bit, r)[:2] == decide(without, r)[:2] == decide(without, marked)[:2]


RAISES = ("scope", "trusted", "home", "live", "approved", "attested", "public", "fixed")
LOWERS = ("legs", "carried", "sink")


@given(states, requests, states, requests)
def test_the_verdict_is_monotone_in_every_fact(s: State, r: Request, t: State, q: Request) -> None:
    """It rises weakly in what grants, and falls weakly in what was seen, is carried, leaves or costs."""
    looser_state = State(s.authority | t.authority, s.exposure & t.exposure, max(s.budget, t.budget), s.version)
    if not kernel_state.valid(looser_state):
        looser_state = State(looser_state.authority, 0, looser_state.budget, s.version)
    facts = {name: max(getattr(r, name), getattr(q, name)) for name in RAISES}
    facts |= {name: getattr(r, name) & getattr(q, name) for name in LOWERS} | {"cost": min(r.cost, q.cost)}
    facts |= {name: facts[name] if facts[name] in EXPOSURES else 0 for name in ("legs", "carried")}
    assert decide(s, r)[0] <= decide(looser_state, changed(r, **facts))[0]


@pytest.mark.parametrize("name", [*RAISES, *LOWERS, "cost", "authority", "exposure", "budget"])
@given(states, requests, states, requests)
def test_the_verdict_is_monotone_in_each_fact_alone(name: str, s: State, r: Request, t: State, q: Request) -> None:
    """So that a fault in one fact is not hidden by the others."""
    if name in {"authority", "exposure", "budget"}:
        mine, other = getattr(s, name), getattr(t, name)
        value = {"authority": mine | other, "exposure": mine & other, "budget": max(mine, other)}[name]
        looser = State(**{f: getattr(s, f) for f in State.__slots__} | {name: value})
        assert not kernel_state.valid(looser) or decide(s, r)[0] <= decide(looser, r)[0]
    else:
        mine, other = getattr(r, name), getattr(q, name)
        value = max(mine, other) if name in RAISES else mine & other if name in LOWERS else min(mine, other)
        if name in {"legs", "carried"} and value not in EXPOSURES:
            value = 0
        assert decide(s, r)[0] <= decide(s, changed(r, **{name: value}))[0]


@given(states, requests, states)
def test_the_next_state_of_a_tighter_one_is_tighter(s: State, r: Request, t: State) -> None:
    """If both allow: less authority, no less exposure, no more budget afterwards too."""
    tighter = State(s.authority & t.authority, s.exposure | t.exposure, min(s.budget, t.budget), s.version)
    first, _, loose = decide(s, r)
    second, _, tight = decide(tighter, r)
    if first == second == ALLOW:
        assert tight.authority & loose.authority == tight.authority
        assert tight.exposure & loose.exposure == loose.exposure
        assert tight.budget <= loose.budget


@given(states, st.lists(requests, max_size=30))
def test_a_run_is_a_ratchet(s: State, run: list[Request]) -> None:
    """Over arbitrary requests authority stays, exposure only rises, budget only falls, version only rises."""
    for r in run:
        _, _, after = decide(s, r)
        assert after.authority == s.authority
        assert after.exposure & s.exposure == s.exposure
        assert after.budget <= s.budget
        assert after.version >= s.version
        s = after


@given(full_states, st.lists(allowed_often, max_size=30))
def test_exposure_is_a_homomorphism_from_runs(s: State, run: list[Request]) -> None:
    """What a run leaves is the join of what each allowed request adds: the grouping does not matter."""
    added = 0
    start = s.exposure
    for r in run:
        verdict, _, s = decide(s, r)
        if verdict == ALLOW:
            legs, _, sink = floored(r)
            added |= legs | (EXFIL if sink & EGRESS else 0)
    assert s.exposure == start | added


FETCH_AFTER_READ = [
    Request(0, 0, 1, PRIVATE, 0, 0, 2, 2, 0, 0, 0, 0, 0),
    Request(7, 0, 1, UNTRUSTED, 0, EGRESS, 2, 2, 0, 0, 0, 0, 0),
]


@given(full_states, states, st.lists(st.tuples(allowed_often, requests), max_size=20))
@example(State(EVERYTHING, 0, 9, 0), State(EVERYTHING, 0, 9, 0), [(r, r) for r in FETCH_AFTER_READ])
def test_every_fully_allowed_run_of_a_tighter_policy_is_a_run_of_the_looser(
    s: State, t: State, run: list[tuple[Request, Request]]
) -> None:
    """Simulation: as long as the tighter allows, so does the looser, and both have seen the same."""
    tight = State(s.authority & t.authority, s.exposure, min(s.budget, t.budget), s.version)
    for r, q in run:
        narrowed = changed(r, scope=min(r.scope, q.scope), trusted=min(r.trusted, q.trusted), home=r.home & q.home)
        verdict, _, tight = decide(tight, narrowed)
        if verdict != ALLOW:
            return
        looser, _, s = decide(s, r)
        assert looser == ALLOW
        assert s.exposure == tight.exposure


def test_runs_are_not_monotone_in_the_policy() -> None:
    """Negative control: a denied read keeps exposure low, so the tighter policy allows a later push."""
    read = Request(0, 0, 1, PRIVATE | UNTRUSTED, 0, 0, 2, 2, 0, 0, 0, 0, 0)
    fetch = Request(7, 0, 1, UNTRUSTED, 0, EGRESS, 2, 2, 0, 0, 0, 0, 0)
    loose, tight = State(EVERYTHING, 0, 0, 0), State(EVERYTHING & ~0b11, 0, 0, 0)
    _, _, loose = decide(loose, read)
    denied, _, tight = decide(tight, read)
    assert denied == DENY
    assert decide(loose, fetch)[:2] == (ASK, UNINHABITABLE_RULE)
    assert decide(tight, fetch)[0] == ALLOW
