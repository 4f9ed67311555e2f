"""Declared functions are at least their capability's floor; the unreviewed are the worst case."""

import pytest

from nucleus.kernel import capability as cap
from nucleus.kernel.decide import ASK, decide
from nucleus.kernel.exposure import FOREIGN, PRIVATE, UNTRUSTED
from nucleus.kernel.facts import (
    ALL_SINKS,
    CONTROL,
    EGRESS,
    IRREVERSIBLE,
    SCOPE_ALLOW,
    SCOPE_ASK,
    SCOPE_DENY,
    TRUSTED_NO,
    TRUSTED_YES,
    floored,
)
from nucleus.kernel.state import State
from nucleus.policy import call as kinds
from nucleus.policy import legs
from nucleus.policy.functions import GRAVE
from tests.policy.journeys import request_of
from tests.policy.surroundings import facts, policy

OWNER = """
[allow]
channels = ["#builds", "bob@example.org"]
fetch = ["api.example.org"]
services = ["own", "database:main"]
"""
RELEASE = policy("release", OWNER, "and tell carol@example.org")


@pytest.mark.parametrize("name", legs.CAPABILITY_NAMES)
def test_a_tool_is_at_least_the_floor_of_its_capability(name: str) -> None:
    one = facts(kinds.TOOL, {"op": name, "destination": ""})
    row = legs.TOOLS[legs.CAPABILITY_NAMES.index(name)]
    seen, carried, sink = floored(request_of(one, approved=0))
    assert one.op == row.op
    assert (seen, sink) == (row.legs, row.sink)
    assert carried & row.carried == row.carried


@pytest.mark.parametrize("op", ["", "admin", None, -1, 12, True, 1.5, []])
def test_a_tool_without_a_known_capability_is_refused(op: object) -> None:
    one = facts(kinds.TOOL, {"op": op})
    assert (one.scope, one.sink) == (SCOPE_DENY, ALL_SINKS)


@pytest.mark.parametrize("destination", ["#builds", "bob@example.org", "carol@example.org", "acme/app"])
def test_a_named_destination_is_trusted(destination: str) -> None:
    given = {"op": "create_pr", "destination": destination, "arguments": {"text": "done"}}
    one = facts(kinds.TOOL, given, under=RELEASE)
    assert (one.trusted, one.scope) == (TRUSTED_YES, SCOPE_ALLOW)


@pytest.mark.parametrize(
    "destination", ["#other", "mallory@evil.example", "bob@example.org.evil.example", "", "mallory/loot"]
)
def test_any_other_destination_is_a_question(destination: str) -> None:
    one = facts(kinds.TOOL, {"op": "create_pr", "destination": destination, "arguments": {}}, under=RELEASE)
    assert (one.trusted, one.scope) == (TRUSTED_NO, SCOPE_ASK)


@pytest.mark.parametrize("field", ["text", "bcc", "attachment"])
def test_an_address_anywhere_in_the_arguments_counts(field: str) -> None:
    given = {"op": "create_pr", "destination": "#builds", "arguments": {"nested": [{field: "https://evil.example/x"}]}}
    assert facts(kinds.TOOL, given, under=RELEASE).trusted == TRUSTED_NO
    assert facts(kinds.TOOL, {**given, "arguments": {}}, b"see evil.example/x", under=RELEASE).trusted == TRUSTED_NO


@pytest.mark.parametrize("act", [*sorted(GRAVE), "something new"])
def test_a_grave_act_is_trusted_by_policy_only(act: str) -> None:
    def trust(destination: str) -> int:
        given = {"op": "create_pr", "destination": destination, "act": act, "arguments": {}}
        known = frozenset({"dave@example.org"})
        one = facts(kinds.TOOL, given, under=RELEASE, directory=known)
        assert one.sink & IRREVERSIBLE
        return one.trusted

    assert trust("bob@example.org") == TRUSTED_YES
    assert trust("carol@example.org") == TRUSTED_NO
    assert trust("dave@example.org") == TRUSTED_NO


def test_an_upload_of_a_package_always_asks_where_the_profile_says_so() -> None:
    given = {"op": "create_pr", "destination": "bob@example.org", "act": "publish", "arguments": {}}
    assert facts(kinds.TOOL, given, under=RELEASE).scope == SCOPE_ASK


def test_a_directory_vouches_for_who_a_message_goes_to() -> None:
    given = {"op": "create_pr", "destination": "dave@example.org", "act": "send", "arguments": {"amount": "100 EUR"}}
    assert facts(kinds.TOOL, given, under=RELEASE, directory=frozenset({"dave@example.org"})).trusted == TRUSTED_YES
    assert facts(kinds.TOOL, given, under=RELEASE).trusted == TRUSTED_NO


def test_reading_a_service_is_foreign_and_untrusted() -> None:
    named = facts(kinds.TOOL, {"op": "read_files", "destination": "database:main"}, under=RELEASE)
    other = facts(kinds.TOOL, {"op": "read_files", "destination": "database:prod"}, under=RELEASE)
    assert named.legs == other.legs == PRIVATE | FOREIGN | UNTRUSTED
    assert (named.scope, other.scope) == (SCOPE_ALLOW, SCOPE_ASK)


def test_writing_here_is_judged_by_its_path() -> None:
    under = policy("local_dev")
    assert facts(kinds.TOOL, {"op": "write_files", "destination": "src/a.py"}, under=under).sink == 0
    assert facts(kinds.TOOL, {"op": "write_files", "destination": "CLAUDE.md"}, under=under).sink == CONTROL
    assert facts(kinds.TOOL, {"op": "write_files", "destination": "/etc/x"}, under=under).scope == SCOPE_DENY
    assert facts(kinds.TOOL, {"op": "write_files", "destination": "a\0"}, under=under).scope == SCOPE_DENY


@pytest.mark.parametrize("destination", ["api.example.org", "https://api.example.org/v1"])
def test_a_host_is_judged_like_a_fetch(destination: str) -> None:
    one = facts(kinds.TOOL, {"op": "web_fetch", "destination": destination, "arguments": {}}, under=RELEASE)
    assert (one.trusted, one.scope, one.sink) == (TRUSTED_YES, SCOPE_ALLOW, EGRESS)


@pytest.mark.parametrize("destination", ["localhost", "http://127.0.0.1/", "a b", "https://u@api.example.org/"])
def test_a_private_or_ambiguous_host_is_refused(destination: str) -> None:
    assert facts(kinds.TOOL, {"op": "web_fetch", "destination": destination}, under=RELEASE).scope == SCOPE_DENY


def test_a_remote_is_named_by_the_policy() -> None:
    assert facts(kinds.TOOL, {"op": "git_push", "destination": "origin"}, under=RELEASE).trusted == TRUSTED_YES
    assert facts(kinds.TOOL, {"op": "git_push", "destination": "other"}, under=RELEASE).trusted == TRUSTED_NO


def test_an_unreviewed_tool_is_a_shell_under_another_name() -> None:
    one = facts(kinds.UNKNOWN, {"server": "notes", "tool": "get"}, under=RELEASE)
    assert (one.op, one.sink, one.scope, one.trusted) == (cap.RUN_BASH, ALL_SINKS, SCOPE_ASK, TRUSTED_NO)
    assert one.legs == one.carried == PRIVATE | FOREIGN | UNTRUSTED


def test_the_owner_can_deny_a_tool_and_only_a_mapping_makes_it_silent() -> None:
    under = policy("release", '[mcp.notes]\nallow = ["get"]\ndeny = ["drop"]')
    assert facts(kinds.UNKNOWN, {"server": "notes", "tool": "drop"}, under=under).scope == SCOPE_DENY
    named = facts(kinds.UNKNOWN, {"server": "notes", "tool": "get"}, under=under)
    assert named.scope == SCOPE_ALLOW
    assert decide(State(under.authority, 0, 10, 0), request_of(named, approved=0))[0] == ASK
    assert facts(kinds.UNKNOWN, {"server": "notes", "tool": "put"}, under=under).scope == SCOPE_ASK


@pytest.mark.parametrize("args", [{}, {"server": 1, "tool": 2}, {"server": None}, {"tool": ""}])
def test_an_unreviewed_tool_of_any_name_is_a_question(args: dict[str, object]) -> None:
    assert facts(kinds.UNKNOWN, args).scope == SCOPE_ASK


def test_a_message_to_an_mcp_server_without_a_mapping_is_an_unreviewed_tool() -> None:
    args = {"server": "notes", "tool": "get"}
    assert facts(kinds.MCP, args, under=RELEASE) == facts(kinds.UNKNOWN, args, under=RELEASE)


def test_a_mapping_counts_only_for_a_server_and_tool_that_the_owner_named() -> None:
    under = policy("release", '[mcp.notes]\nallow = ["get"]\ndeny = ["drop"]')
    args = {"server": "notes", "op": "read_files"}
    named = facts(kinds.MCP, {**args, "tool": "get"}, under=under)
    assert (named.scope, named.sink, named.legs) == (SCOPE_ALLOW, 0, PRIVATE | FOREIGN | UNTRUSTED)
    assert facts(kinds.MCP, {**args, "tool": "get", "echoes": False}, under=under).legs == PRIVATE
    put = facts(kinds.MCP, {**args, "tool": "put"}, under=under)
    assert (put.scope, put.next_step) == (SCOPE_ASK, "[mcp.notes] allow = ['put'] in a trusted policy")
    assert facts(kinds.MCP, {**args, "tool": "drop"}, under=under).scope == SCOPE_DENY
    assert facts(kinds.MCP, {**args, "tool": "get", "server": "other"}, under=under).scope == SCOPE_ASK
    assert facts(kinds.MCP, {**args, "tool": ""}, under=under).scope == SCOPE_DENY
    assert facts(kinds.MCP, {**args, "tool": "get", "server": 5}, under=under).scope == SCOPE_ASK


def test_a_violation_of_the_protocol_is_refused_whoever_is_named() -> None:
    under = policy("release", '[mcp.notes]\nallow = ["get"]')
    args = {"server": "notes", "tool": "get", "op": "read_files", "violation": "a forged response"}
    assert facts(kinds.MCP, args, under=under).scope == SCOPE_DENY


def test_spawning_controls_and_sends() -> None:
    one = facts(kinds.SPAWN, {"name": "worker"})
    assert (one.op, one.sink) == (cap.MANAGE_PODS, CONTROL | EGRESS)
