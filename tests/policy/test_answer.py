"""Rulings meet to the strictest, and an answer never lowers the row it comes from."""

from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel.exposure import ALL_SEEN, valid
from nucleus.kernel.facts import SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY
from nucleus.policy import call as kinds
from nucleus.policy.answer import FINE, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call
from nucleus.policy.constraints import Judgement
from nucleus.policy.legs import ROWS

EXPOSURES = st.integers(0, ALL_SEEN).filter(valid)


def test_the_first_of_the_strictest_rulings_wins() -> None:
    assert least(FINE, ask("a"), deny("b"), deny("c")) == deny("b")
    assert least(FINE, ask("a"), ask("b")) == ask("a")
    assert least(FINE) == FINE


def test_the_owners_words_answer_only_that_nobody_names_a_value() -> None:
    silent = Judgement(SCOPE_ASK, "nobody names it", "profile x", False, False, silent=True)
    limited = Judgement(SCOPE_ASK, "[ask] fetch", "a:1", False, False)
    refused = Judgement(SCOPE_DENY, "nobody names it", "profile x", False, False, silent=True)
    assert ruled(silent, "fetch", "a", vouched=True).scope == SCOPE_ALLOW
    assert ruled(silent, "fetch", "a").scope == SCOPE_ASK
    assert ruled(limited, "fetch", "a", vouched=True).scope == SCOPE_ASK
    assert ruled(refused, "fetch", "a", vouched=True).scope == SCOPE_DENY


def test_a_refusal_says_what_would_change_it() -> None:
    silent = Judgement(SCOPE_DENY, "nobody names it", "profile x", False, False, silent=True)
    assert "[allow] fetch = ['a']" in ruled(silent, "fetch", "a").next_step
    assert "a:1" in ruled(Judgement(SCOPE_DENY, "[deny]", "a:1", False, False), "fetch", "a").next_step


@given(st.sampled_from(sorted(ROWS)), EXPOSURES, EXPOSURES)
def test_labels_and_handles_can_only_add(name: str, labels: int, seen: int) -> None:
    row = ROWS[name]
    facts = answer(row, Call(kinds.READ, {}, b"", seen), FINE, labels=labels, sink=4, target=Target("x"))
    assert facts.legs == row.legs | labels
    assert facts.carried & (row.carried | seen) == row.carried | seen
    assert facts.sink == row.sink | 4
    assert valid(facts.legs)
    assert valid(facts.carried)
