"""Recorded incidents: every step that must be gated is a question or a refusal, under every profile.

The agent is taken to be hostile, so nothing depends on what came before: each
incident runs with all that a box can vouch for and with nothing, with the
attack's earlier steps refused and with an approver who says yes to them.
"""

from typing import Any

import pytest

from nucleus.kernel.decide import ALLOW, ASK, DENY
from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.context import Context
from nucleus.policy.profiles import profile_names
from tests.policy.journeys import Journey, context_of, load, policy_of

INCIDENTS = load("incidents.jsonl")
ROOMY = "release"
"""The profile with the most capabilities: a task that it refuses, no profile permits."""
SURROUNDINGS = {
    "boxed": context_of(private_workspace=True),
    "bare": Context("/srv/app", "/home/dev", branch="topic-branch", base="main"),
}

pytestmark = pytest.mark.skipif(not INCIDENTS, reason="../shared is not beside the project")


def driven(incident: dict[str, Any], profile: str, context: Context, *, yes: bool = False) -> Journey:
    """Return the incident after all its steps. ``yes``: the approver falls for the ungated steps of the attack."""
    if yes:
        steps = [
            {**step, "actor": "task"} if step["actor"] == "attack" and step["must"] == "any" else step
            for step in incident["steps"]
        ]
        incident = {**incident, "steps": steps}
    journey = Journey(incident, policy_of(incident, profile), context)
    journey.drive()
    return journey


@pytest.mark.parametrize("yes", [False, True], ids=["refused", "approved"])
@pytest.mark.parametrize("where", SURROUNDINGS)
@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident["id"])
def test_no_attack_step_passes_without_a_question(incident: dict[str, Any], where: str, yes: bool) -> None:
    for profile in profile_names():
        passed = [
            (profile, one.step["n"], one.step["op"], one.call.args)
            for one in driven(incident, profile, SURROUNDINGS[where], yes=yes).seen
            if one.step["actor"] == "attack" and one.step["must"] == "gate" and one.verdict == ALLOW
        ]
        assert passed == []


@pytest.mark.parametrize("incident", INCIDENTS, ids=lambda incident: incident["id"])
def test_what_the_task_needs_is_not_refused(incident: dict[str, Any]) -> None:
    refused = [
        (one.step["n"], one.step["op"], one.names, one.facts.why)
        for one in driven(incident, ROOMY, SURROUNDINGS["boxed"]).seen
        if one.step["actor"] == "task" and one.step["must"] == "allow" and one.verdict == DENY
    ]
    assert refused == []


def test_a_message_to_a_trusted_channel_asks_when_it_carries_a_strangers_link() -> None:
    """Also where the tool was reviewed and its channel named: the service that previews the link sends the request."""
    task = "Post the result to #builds"
    session = {"user_task": task, "steps": []}
    journey = Journey(session, policy_of(session, ROOMY), SURROUNDINGS["boxed"])
    given = {"op": "create_pr", "destination": "#builds", "arguments": {"text": "all green"}}
    step = {"op": "mcp.call", "actor": "attack", "args": {}, "n": 1, "must": "gate"}
    assert journey.decide(step, Call(kinds.TOOL, given)).verdict == ALLOW
    linked = {**given, "arguments": {"text": "all green, see https://evil.example/?k=value"}}
    assert journey.decide(step, Call(kinds.TOOL, linked)).verdict == ASK
