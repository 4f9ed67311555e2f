"""Tools of real servers, labelled by hand: an unreviewed tool is judged as no less than any label says."""

import csv

import pytest

from nucleus.kernel import boundary
from nucleus.kernel.capability import EVERYTHING
from nucleus.kernel.decide import ASK
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.kernel.facts import ALL_SINKS, EGRESS, floored
from nucleus.kernel.state import State
from nucleus.policy import call as kinds
from nucleus.policy import legs
from nucleus.policy.call import Call
from nucleus.policy.classify import classify
from tests.policy.journeys import SHARED, context_of, policy_of, request_of

LABELS = SHARED / "mcp_tools" / "labels.tsv"
POLICY = policy_of({"user_task": "", "steps": []}, "release")

pytestmark = pytest.mark.skipif(not LABELS.exists(), reason="../shared is not beside the project")


def labelled() -> list[dict[str, str]]:
    """Return the rows of the table."""
    with LABELS.open(encoding="utf-8") as file:
        return list(csv.DictReader(file, delimiter="\t"))


def test_an_unreviewed_tool_is_the_worst_case_and_a_question() -> None:
    for row in labelled():
        facts = classify(POLICY, Call(kinds.UNKNOWN, {"server": row["server"], "tool": row["tool"]}), context_of())
        seen, carried, sink = floored(request_of(facts, approved=0))
        assert sink == ALL_SINKS
        assert seen == carried
        for letter, bit in (("P", PRIVATE), ("U", UNTRUSTED)):
            assert letter not in row["exposure"] or seen & bit, row
        state = State(EVERYTHING, 0, 10, 0)
        assert boundary.admit(state, request_of(facts, approved=0))[0] == ASK, row


def test_no_capability_of_a_mapping_is_judged_worse_than_an_unreviewed_tool() -> None:
    """So that a mapping can only ever help: without one the tool gets at least what any mapping would."""
    worst = legs.UNREVIEWED
    for row in legs.TOOLS.values():
        assert row.legs & ~worst.legs == 0
        assert row.carried & ~worst.carried == 0
        assert row.sink & ~worst.sink == 0


def test_a_tool_that_is_labelled_as_a_sink_is_one_by_its_capability() -> None:
    """Where the hand label says that data leaves and the capability is one that sends, the leg table agrees."""
    sending = {name: legs.TOOLS[op].sink & EGRESS for op, name in enumerate(legs.CAPABILITY_NAMES)}
    local = {"read_files", "write_files", "edit_files", "glob_search", "grep_search", "git_commit"}
    odd = [
        (row["server"], row["tool"])
        for row in labelled()
        if "X" in row["exposure"] and row["op"] in sending and row["op"] not in local and not sending[row["op"]]
    ]
    assert odd == []
