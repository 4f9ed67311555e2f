"""Approvals: what one answers is never more than what was shown."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from nucleus.gate.approvals import Approval, grant, match, raise_question, recent, spend, too_many
from nucleus.gate.events import ASKS_A_MINUTE, MINUTE_NS, PENDING_LIMIT, Answered, Submit
from nucleus.kernel.exposure import ALL_SEEN, EXFIL
from tests.gate.scenes import FETCH, STEER

rules = st.integers(0, 1023)
exposures = st.integers(0, ALL_SEEN)


def submit(**more: object) -> Submit:
    base = Submit("p", 1, "id1", "net.fetch", {}, "digest", FETCH, 1, 10, 0)
    return replace(base, **more)  # type: ignore[arg-type]


def granted(shown: int, seen: int, **answer: int) -> dict[str, Approval]:
    question = raise_question(submit(), shown, seen, adds=2)
    return {"id1": grant(question, Answered(("id1",), allow=True, by="owner", now=0, **answer))}


@given(shown=rules, now=rules, seen=exposures, later=exposures)
def test_an_approval_is_spent_only_within_the_reasons_and_the_exposure_that_were_shown(
    shown: int, now: int, seen: int, later: int
) -> None:
    found = match(granted(shown, seen), submit(), now, later)
    assert (found is not None) == (now & ~shown == 0 and later & ~(seen | EXFIL) == 0)


@given(uses=st.integers(1, 5), sizes=st.lists(st.integers(0, 40), max_size=12))
def test_a_bounded_approval_never_gives_more_calls_or_bytes_than_it_has(uses: int, sizes: list[int]) -> None:
    held = granted(1, 0, uses=uses, egress_bytes=100)
    spent: list[int] = []
    for size in sizes:
        event = submit(egress_bytes=size)
        found = match(held, event, 1, 0)
        if found is not None:
            held = spend(held, found, event)
            spent.append(size)
    assert len(spent) <= uses
    assert uses == 1 or sum(spent) <= 100


def test_a_one_shot_approval_is_for_one_digest_and_a_bounded_one_for_one_destination() -> None:
    assert match(granted(1, 0), submit(digest="other"), 1, 0) is None
    bounded = granted(1, 0, uses=3, egress_bytes=100)
    assert match(bounded, submit(digest="other"), 1, 0) is not None
    assert match(bounded, submit(facts=replace(FETCH, destination="other:443")), 1, 0) is None
    assert match(bounded, submit(call="net.search"), 1, 0) is None
    nowhere = {"id1": replace(bounded["id1"], destination="")}
    assert match(nowhere, submit(facts=replace(FETCH, destination="")), 1, 0) is None


def test_control_is_approved_once_whatever_was_asked_for() -> None:
    question = raise_question(submit(facts=STEER), 1, 0, adds=0)
    approval = grant(question, Answered(("id1",), allow=True, by="owner", now=0, uses=9))
    assert (approval.uses, approval.bounded) == (1, False)


def test_another_principal_or_a_later_time_finds_nothing() -> None:
    held = granted(1, 0, seconds=5)
    assert match(held, submit(principal="q"), 1, 0) is None
    assert match(held, submit(now=5_000_000_000), 1, 0) is None
    assert match(held, submit(now=4_999_999_999), 1, 0) is not None


def test_a_flood_is_counted_over_a_minute_and_over_what_is_open() -> None:
    times = tuple(range(ASKS_A_MINUTE))
    assert too_many(recent(times, 0), 0)
    assert not too_many(recent(times, MINUTE_NS + ASKS_A_MINUTE), 0)
    assert too_many((), PENDING_LIMIT)
