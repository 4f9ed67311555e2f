"""Ordinary sessions are refused nothing that they need, and ask within their budget of questions."""

from typing import Any

import pytest

from nucleus.kernel.decide import ASK, DENY
from tests.policy.journeys import Journey, context_of, load, locks_of, policy_of

SESSIONS = load("benign.jsonl")
OVER_ALLOWED = 2
"""Sessions that may ask more than their budget: each of them is printed."""

pytestmark = pytest.mark.skipif(not SESSIONS, reason="../shared is not beside the project")


def driven(session: dict[str, Any]) -> Journey:
    """Return the session after all its steps."""
    journey = Journey(session, policy_of(session, session["profile"]), context_of(locks=locks_of(session)))
    journey.drive()
    return journey


@pytest.mark.parametrize("session", SESSIONS, ids=lambda session: session["id"])
def test_a_session_is_refused_no_step_under_its_profile(session: dict[str, Any]) -> None:
    refused = [(one.call.kind, one.names, one.facts.why) for one in driven(session).seen if one.verdict == DENY]
    assert refused == []


def test_sessions_ask_within_their_budget_of_questions() -> None:
    """All but two at most; the table says which questions each one asks."""
    over = []
    print(f"\n{'session':8} {'profile':14} {'asked':>5} {'may':>4}  questions")
    for session in SESSIONS:
        asked = [one for one in driven(session).seen if one.verdict == ASK]
        questions = "; ".join(f"{one.call.kind} {one.facts.destination} ({one.names})" for one in asked) or "-"
        print(f"{session['id']:8} {session['profile']:14} {len(asked):5} {session['max_approvals']:4}  {questions}")
        if len(asked) > session["max_approvals"]:
            over.append(session["id"])
    assert len(over) <= OVER_ALLOWED, over


def test_the_owners_words_are_what_makes_a_fetch_silent() -> None:
    """The same session without the prompt asks: the verdict comes from the words, not from the address."""
    prompted = [
        one for one in SESSIONS if any(step["args"].get("url", "\0") in one["user_task"] for step in one["steps"])
    ]
    assert prompted
    for session in prompted:
        before, after = (
            [one.verdict for one in driven(each).seen].count(ASK)
            for each in (session, {**session, "user_task": "Do it"})
        )
        assert after > before
