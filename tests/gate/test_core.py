"""The core: what it decides, asks, remembers, and what it never does."""

from dataclasses import replace

import pytest

from nucleus.gate.events import (
    Abandoned,
    Absorbed,
    Answered,
    Ask,
    Closed,
    Declassified,
    Delegated,
    Done,
    LockedDown,
    Opened,
    Perform,
    Reply,
    Tick,
    Tightened,
)
from nucleus.kernel.capability import EVERYTHING, READ_FILES
from nucleus.kernel.exposure import ALL_SEEN, FOREIGN, PRIVATE, UNTRUSTED
from tests.gate.scenes import DEADLINE, FETCH, HIDDEN, READ, SECOND, STEER, Scene, performs, replies


def yes(*ids: str, now: int = 0, **more: int) -> Answered:
    return Answered(ids, allow=True, by="owner", now=now, **more)


def no(*ids: str, now: int = 0, rest: bool = False) -> Answered:
    return Answered(ids, allow=False, by="owner", now=now, rest_of_session=rest)


def test_an_allowed_call_is_recorded_then_performed_then_released() -> None:
    scene = Scene()
    (perform,) = performs(scene.call())
    assert scene.last("decision")["verdict"] == "allow"
    assert perform.number == 1, "the permit's number is the sequence number of its decision"
    effects = scene.step(Done(perform.number, "ok", 3, "", "", 0))
    assert replies(effects) == [("released", "")]
    assert scene.last("result")["of"] == perform.number


def test_a_result_is_released_once() -> None:
    scene = Scene()
    (perform,) = performs(scene.call())
    done = Done(perform.number, "ok", 3, "", "", 0)
    assert scene.step(done)
    assert scene.step(done) == ()


def test_exposure_is_joined_at_the_decision_before_anything_is_released() -> None:
    scene = Scene()
    scene.call()
    assert scene.exposure() == PRIVATE


def test_what_a_result_shows_is_joined_before_it_is_released() -> None:
    scene = Scene()
    (perform,) = performs(scene.call())
    (release,) = scene.step(Done(perform.number, "ok", 3, "", "", 0, seen=UNTRUSTED))
    assert isinstance(release, Reply)
    assert release.fields["exposure"] == PRIVATE | UNTRUSTED
    assert scene.last("change")["what"] == "absorb"


def test_a_refused_call_changes_nothing_and_is_recorded() -> None:
    scene = Scene()
    before = scene.gate.principals
    assert replies(scene.call(HIDDEN)) == [("denied", "scope")]
    assert scene.gate.principals == before
    assert scene.last("decision")["verdict"] == "deny"


def test_a_question_is_asked_and_the_call_waits_for_the_identical_retry() -> None:
    scene = Scene()
    effects = scene.call(FETCH)
    assert [type(effect) for effect in effects] == [Ask, Reply]
    assert scene.last("question")["reasons"] == ["destination"]
    assert performs(scene.step(yes("id1"))) == [], "nobody waits, so nothing is performed yet"
    assert performs(scene.call(FETCH))
    assert scene.last("decision")["approval"] == "id1"


def test_an_approval_is_spent_once() -> None:
    scene = Scene(exposure=UNTRUSTED)
    scene.call(FETCH)
    scene.step(yes("id1"))
    assert performs(scene.call(FETCH))
    assert replies(scene.call(FETCH)) == [("pending", "approval_required")]


def test_without_the_spending_an_approval_would_be_spent_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: then the second call is performed."""
    monkeypatch.setattr("nucleus.gate.approvals.spend", lambda granted, *_: granted)
    scene = Scene(exposure=UNTRUSTED)
    scene.call(FETCH)
    scene.step(yes("id1"))
    assert performs(scene.call(FETCH))
    assert performs(scene.call(FETCH))


def test_an_approval_answers_only_the_call_that_was_shown() -> None:
    scene = Scene()
    scene.call(FETCH)
    scene.step(yes("id1"))
    other = replace(FETCH, destination="other.example:443")
    assert replies(scene.call(other)) == [("pending", "approval_required")]


def test_an_approval_survives_unrelated_decisions_and_dies_when_exposure_rises() -> None:
    scene = Scene(exposure=PRIVATE)
    scene.call(FETCH)
    scene.step(yes("id1"))
    scene.call()  # private was seen before: nothing rises
    assert performs(scene.call(FETCH))
    scene.call(FETCH)
    scene.step(yes(f"id{scene.refs}"))
    scene.step(Absorbed("p", PRIVATE | FOREIGN, 0))
    assert replies(scene.call(FETCH)) == [("pending", "approval_required")]


def test_reasons_that_were_not_shown_are_asked_anew() -> None:
    scene = Scene(exposure=PRIVATE | UNTRUSTED)
    scene.call(replace(FETCH, trusted=2))
    assert scene.last("question")["reasons"] == ["uninhabitable"]
    scene.step(yes("id1"))
    untrusted = replace(FETCH, destination=FETCH.destination)
    assert replies(scene.call(untrusted)) == [("pending", "approval_required")]


def test_an_approval_expires() -> None:
    scene = Scene()
    scene.call(FETCH)
    scene.step(yes("id1", seconds=10))
    scene.now = 10 * SECOND
    assert replies(scene.call(FETCH)) == [("pending", "approval_required")]


def test_an_answer_after_the_question_expired_gives_nothing() -> None:
    scene = Scene()
    scene.call(FETCH)
    scene.step(Tick(601 * SECOND))
    scene.step(yes("id1", now=601 * SECOND))
    assert scene.gate.granted == {}


def test_a_denied_call_stays_denied() -> None:
    scene = Scene()
    scene.call(FETCH)
    scene.step(no("id1"))
    assert replies(scene.call(FETCH)) == [("denied", "refused_by_owner")]
    other = replace(FETCH, destination="other.example:443")
    assert replies(scene.call(other)) == [("pending", "approval_required")]


def test_the_rest_of_the_session_can_be_denied() -> None:
    scene = Scene()
    scene.call(FETCH)
    scene.step(no("id1", rest=True))
    other = replace(FETCH, destination="other.example:443")
    assert replies(scene.call(other)) == [("denied", "refused_by_owner")]
    assert performs(scene.call()), "what does not ask goes on"


def test_a_question_raised_again_under_the_same_name_was_answered_unseen() -> None:
    """Bug: a yes that no longer sufficed raised the next question under the old id, so a second yes answered it."""
    scene = Scene()
    scene.call(FETCH, wait=True)
    scene.call()
    assert performs(scene.step(yes("id1", "id1"))) == []
    assert list(scene.gate.questions) == ["id1-again"]
    assert performs(scene.step(yes("id1"))) == [], "an answer to what was shown before answers nothing new"
    assert performs(scene.step(yes("id1-again")))


@pytest.mark.parametrize("rest", [False, True])
def test_a_denied_call_asked_again_as_a_child_stays_denied(rest: bool) -> None:
    """Bug: a no bound only the principal that had asked; a child of it could ask the same thing again."""
    scene = Scene()
    scene.call(FETCH)
    scene.step(no("id1", rest=rest))
    scene.step(Delegated("p", "c", EVERYTHING, 100, DEADLINE, 0, 0))
    assert replies(scene.call(FETCH, principal="c")) == [("denied", "refused_by_owner")]
    other = replace(FETCH, destination="other.example:443")
    code = ("denied", "refused_by_owner") if rest else ("pending", "approval_required")
    assert replies(scene.call(other, principal="c")) == [code]


def test_bytes_that_a_child_sends_are_counted_for_its_parent() -> None:
    """Bug: each child got the parent's whole allowance of bytes for itself."""
    scene = Scene()
    free = replace(FETCH, trusted=2)
    scene.step(Delegated("p", "c", EVERYTHING, 100, DEADLINE, 0, 0))
    assert performs(scene.call(free, principal="c", egress_bytes=9_000))
    assert scene.gate.principals["p"].egress_left == 1_000
    assert replies(scene.call(free, egress_bytes=2_000)) == [("denied", "budget")]
    assert replies(scene.call(free, principal="c", egress_bytes=2_000)) == [("denied", "budget")]


def test_a_waiting_caller_gets_its_answer() -> None:
    scene = Scene()
    assert replies(scene.call(FETCH, wait=True)) == []
    assert performs(scene.step(yes("id1")))
    scene = Scene()
    scene.call(FETCH, wait=True)
    assert replies(scene.step(no("id1"))) == [("denied", "refused_by_owner")]


def test_an_answer_for_a_caller_that_left_performs_nothing() -> None:
    scene = Scene()
    scene.call(FETCH, wait=True)
    scene.step(Abandoned(1, 0))
    assert performs(scene.step(yes("id1"))) == []
    assert performs(scene.call(FETCH)), "the retry finds its approval"


def test_a_bounded_approval_is_bounded_in_calls_destination_and_bytes() -> None:
    scene = Scene()
    scene.call(FETCH)
    scene.step(yes("id1", uses=2, egress_bytes=100))
    assert performs(scene.call(FETCH, digest="another path", egress_bytes=60))
    assert replies(scene.call(FETCH, digest="too much", egress_bytes=60)) == [("pending", "approval_required")]
    elsewhere = replace(FETCH, destination="other.example:443")
    assert replies(scene.call(elsewhere)) == [("pending", "approval_required")]
    assert performs(scene.call(FETCH, digest="small", egress_bytes=40))
    assert replies(scene.call(FETCH, digest="third")) == [("pending", "approval_required")]


def test_a_sink_into_the_control_plane_is_never_approved_in_advance() -> None:
    scene = Scene(exposure=PRIVATE)
    scene.call(STEER)
    scene.step(yes("id1", uses=5))
    assert performs(scene.call(STEER))
    assert replies(scene.call(STEER)) == [("pending", "approval_required")]


def test_the_same_call_asks_one_question() -> None:
    scene = Scene()
    scene.call(FETCH)
    scene.call(FETCH)
    assert list(scene.gate.questions) == ["id1"]


def test_a_flood_of_questions_is_refused_unseen() -> None:
    scene = Scene()
    for number in range(40):
        effects = scene.call(replace(FETCH, destination=f"host{number}.example:443"))
    assert replies(effects) == [("denied", "too_many_questions")]
    assert len(scene.gate.questions) == 30


def test_the_budget_ends_it() -> None:
    scene = Scene(budget=2)
    assert performs(scene.call())
    assert performs(scene.call())
    assert replies(scene.call()) == [("denied", "budget")]


def test_egress_beyond_the_policy_is_over_budget() -> None:
    scene = Scene()
    assert replies(scene.call(replace(FETCH, trusted=2), egress_bytes=10_001)) == [("denied", "budget")]


def test_the_deadline_ends_it() -> None:
    scene = Scene()
    scene.now = DEADLINE
    assert replies(scene.call()) == [("denied", "session")]


def test_a_stale_version_is_refused() -> None:
    scene = Scene()
    scene.call()
    assert replies(scene.call(version=0)) == [("denied", "session")]
    assert performs(scene.call(version=1))


def test_lockdown_stops_everything_and_answers_who_waits() -> None:
    scene = Scene()
    scene.call(FETCH, wait=True)
    assert replies(scene.step(LockedDown("owner", 0))) == [("denied", "locked_down")]
    assert replies(scene.call()) == [("denied", "session")]
    assert scene.step(yes("id1")) == ()


def test_a_closed_principal_and_its_children_do_nothing_more() -> None:
    scene = Scene()
    scene.step(Delegated("p", "c", EVERYTHING, 10, DEADLINE, 0, 0))
    scene.step(Closed("p", 0))
    assert replies(scene.call()) == [("denied", "session")]
    assert replies(scene.call(principal="c")) == [("denied", "session")]


def test_an_unknown_principal_is_refused() -> None:
    assert replies(Scene().call(principal="nobody")) == [("denied", "session")]


def test_a_child_has_less_and_its_parent_sees_what_it_sees() -> None:
    scene = Scene(budget=10)
    effects = scene.step(Delegated("p", "c", 0b11, 4, DEADLINE, 0, 0))
    assert replies(effects) == [("delegated", "")]
    assert scene.gate.principals["p"].state.budget == 6
    assert replies(scene.call(FETCH, principal="c")) == [("denied", "capability")]
    assert performs(scene.call(READ, principal="c"))
    assert scene.exposure() == PRIVATE
    assert scene.last("change")["principal"] == "p"


def test_a_child_can_not_have_more_than_is_left() -> None:
    scene = Scene(budget=3)
    assert replies(scene.step(Delegated("p", "c", EVERYTHING, 4, DEADLINE, 0, 0))) == [("denied", "budget")]
    assert "c" not in scene.gate.principals


def test_a_quarantined_child_keeps_what_it_sees_and_hands_out_few_bits() -> None:
    scene = Scene()
    scene.step(Delegated("p", "q", EVERYTHING, 10, DEADLINE, 0, 0, quarantined=True))
    scene.call(READ, principal="q")
    assert scene.exposure("q") == PRIVATE
    assert scene.exposure("p") == 0
    assert replies(scene.step(Declassified("q", 0, "s", 65, 0))) == [("denied", "quarantine_capacity")]
    for _ in range(4):
        assert replies(scene.step(Declassified("q", 0, "s", 64, 0))) == [("declassified", "")]
    assert replies(scene.step(Declassified("q", 0, "s", 1, 0))) == [("denied", "quarantine_capacity")]
    assert scene.last("declassify")["total_bits"] == 256


def test_a_quarantined_child_has_no_sinks_whatever_is_trusted_or_approved() -> None:
    scene = Scene()
    scene.step(Delegated("p", "q", EVERYTHING, 10, DEADLINE, 0, 0, quarantined=True))
    assert replies(scene.call(replace(FETCH, trusted=2), principal="q")) == [("denied", "scope")]
    assert performs(scene.call(replace(FETCH, sink=0, fixed=1), principal="q")), "the owner's exact URL is no sink"


def test_only_a_quarantined_child_declassifies() -> None:
    scene = Scene()
    scene.step(Delegated("p", "c", EVERYTHING, 10, DEADLINE, 0, 0))
    assert replies(scene.step(Declassified("c", 0, "s", 1, 0))) == [("denied", "session")]
    assert replies(scene.step(Declassified("p", 0, "s", 1, 0))) == [("denied", "session")]


def test_a_principal_that_is_opened_again_goes_on_with_what_was_there() -> None:
    """Bug: a second opening under the same name began with a clean exposure and a full budget."""
    scene = Scene()
    scene.call()
    before = scene.gate.principals["p"]
    scene.step(Opened("p", EVERYTHING, 0, 10_000, DEADLINE, 10_000, 0))
    assert scene.gate.principals["p"] == before
    scene.step(Closed("p", 0))
    scene.step(Opened("p", EVERYTHING, 0, 10_000, DEADLINE, 10_000, 0))
    assert scene.gate.principals["p"].closed


def test_a_later_session_of_the_same_principal_only_tightens() -> None:
    scene = Scene(budget=10)
    scene.step(Tightened("p", 0b11 << 2 * READ_FILES, 5, DEADLINE, 0))
    scene.step(Tightened("p", EVERYTHING, 100, 2 * DEADLINE, 0))
    assert scene.gate.principals["p"].state.authority == 0b11
    assert scene.gate.principals["p"].state.budget == 5
    assert scene.gate.principals["p"].deadline == DEADLINE


def test_decisions_with_a_sink_are_on_disk_before_the_effect_and_others_need_not_be() -> None:
    scene = Scene()
    scene.call()
    assert not scene.records[-1].sync
    scene.call(replace(FETCH, trusted=2))
    assert scene.records[-1].sync


def test_an_invalid_exposure_in_a_result_counts_as_everything() -> None:
    scene = Scene()
    (perform,) = performs(scene.call())
    scene.step(Done(perform.number, "ok", 0, "", "", 0, seen=99))
    assert scene.exposure() == ALL_SEEN


def test_no_effect_of_any_step_stands_without_its_decision_record() -> None:
    scene = Scene()
    scene.call()
    scene.call(FETCH, wait=True)
    scene.step(yes("id2"))
    numbers = [effect.number for effect in scene.effects if isinstance(effect, Perform)]
    allowed = [at for at, record in enumerate(scene.records, 1) if record.fields.get("verdict") == "allow"]
    assert numbers == allowed
