"""Each client's documented hook input becomes the calls that its tool would make; anything else asks or is refused.

The events in ``hooks/`` are recordings of Claude Code 2.1.197, Codex 0.169, Gemini CLI 0.61 and Copilot CLI 1.0.102
(paths made plain), and the shapes that clients document: the schema in Codex's program, the tool types in Claude Code's
package, the references of Gemini CLI, Cursor and Copilot.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.kernel.facts import SCOPE_ALLOW
from nucleus.mcp.hooktools import CLIENTS, calls_of, read_clients
from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.classify import classify
from nucleus.policy.client_tools import INNER, inner
from nucleus.policy.context import Context
from nucleus.policy.load import OwnerChoices, load_policy

FOLDER = Path(__file__).parent / "hooks"
EVENTS = {
    client: [json.loads(line) for line in (FOLDER / f"{client}.jsonl").read_text().splitlines()] for client in CLIENTS
}
NONE: list[Any] = []
EXPECTED: dict[str, list[list[Any]]] = {
    "claude-code": [
        [(kinds.READ, "/w/src/app.py")],
        [(kinds.WRITE, "/w/src/new.py")],
        [(kinds.EDIT, "/w/src/app.py")],
        [(kinds.GLOB, "/w")],
        [(kinds.GREP, "/w/src")],
        [(kinds.RUN, "git status")],
        [(kinds.FETCH, "https://docs.python.org/3/")],
        [(kinds.TOOL, "api.anthropic.com")],
        [(kinds.MCP, "github create_issue")],
        NONE,
        [(kinds.UNKNOWN, "claude-code CronCreate")],
        [(kinds.READ, "/w/README.md")],
        [(kinds.EDIT, "/w/README.md")],
        [(kinds.FETCH, "https://example.com/")],
        NONE,
        [(kinds.READ, "/w/README.md")],
        [(kinds.FETCH, "https://example.com/")],
    ],
    "codex": [
        [(kinds.RUN, "rg main src")],
        [(kinds.EDIT, "/w/src/app.py"), (kinds.WRITE, "/w/src/new.py"), (kinds.DELETE, "/w/old.py")],
        [(kinds.MCP, "docs search")],
        [(kinds.UNKNOWN, "codex new_tool")],
        [(kinds.RUN, "touch /w/CRAN2")],
        [(kinds.READ, "/w/x.png")],
    ],
    "gemini": [
        [(kinds.READ, "/w/README.md")],
        [(kinds.EDIT, "/w/a.py")],
        [(kinds.RUN, "make test")],
        [(kinds.TOOL, "generativelanguage.googleapis.com")],
        [(kinds.MCP, "db query")],
        [(kinds.UNKNOWN, "gemini save_memory")],
        [(kinds.READ, "/w/README.md")],
        [(kinds.RUN, "touch /w/GRAN")],
        [(kinds.WRITE, "/w/src/g.py")],
        [(kinds.LIST, "/w")],
        [(kinds.GLOB, "/w")],
        [(kinds.GREP, "/w")],
        [(kinds.TOOL, "generativelanguage.googleapis.com")],
    ],
    "cursor": [
        [(kinds.RUN, "npm test")],
        [(kinds.MCP, " query")],
        [(kinds.READ, "/w/src/app.py")],
        [(kinds.WRITE, "/w/src/new.py")],
        NONE,
        NONE,
    ],
    "copilot": [
        [(kinds.RUN, "ls")],
        [(kinds.WRITE, "/w/src/new.py")],
        [(kinds.FETCH, "https://example.com/")],
        [(kinds.READ, "/w/README.md")],
        [(kinds.UNKNOWN, "copilot github-mcp-server-create_issue")],
        NONE,
        [(kinds.READ, "/w/README.md")],
        [(kinds.WRITE, "/w/src/p.py")],
        [(kinds.GLOB, "/w")],
        [(kinds.GREP, "/w")],
        NONE,
    ],
}
PRE: dict[str, Any] = {"hook_event_name": "PreToolUse", "cwd": "/w"}


def told(call: Call) -> tuple[str, str]:
    """Return what a call does, and to what."""
    args = call.args
    server = f"{args['server']} {args['tool']}" if "server" in args else ""
    return args["does"], server or args.get("path") or args.get("text") or args.get("url") or args["destination"]


@pytest.mark.parametrize(
    ("client", "event", "expected"),
    [
        pytest.param(client, event, expected, id=f"{client}-{number}")
        for client in CLIENTS
        for number, (event, expected) in enumerate(zip(EVENTS[client], EXPECTED[client], strict=True))
    ],
)
def test_a_documented_event_becomes_its_calls(client: str, event: dict[str, Any], expected: list[Any]) -> None:
    calls = calls_of(client, event)
    assert [told(call) for call in calls] == expected
    assert all(call.kind == kinds.CLIENT and call.args["client"] == client for call in calls)


def test_the_same_tool_call_is_the_same_call_when_it_is_made_again() -> None:
    """An answer is bound to the call: nothing of a session, a turn or a time may stand in it."""
    event = EVENTS["claude-code"][5]
    again = {**event, "session_id": "other", "tool_use_id": "toolu_99", "permission_mode": "plan"}
    assert calls_of("claude-code", event) == calls_of("claude-code", again)


def test_the_whole_input_stands_in_the_body_so_that_a_person_sees_it() -> None:
    (call,) = calls_of("claude-code", EVENTS["claude-code"][1])
    assert json.loads(call.body) == {"file_path": "/w/src/new.py", "content": "x = 1\n"}


@pytest.mark.parametrize(
    "extra", [{"dangerouslyDisableSandbox": True}, {"sandbox": "off"}, {"": ""}, {"Command": "rm"}]
)
def test_an_argument_that_nobody_reviewed_makes_it_the_worst_case(extra: dict[str, Any]) -> None:
    event = {**PRE, "tool_name": "Bash", "tool_input": {"command": "ls", **extra}}
    (call,) = calls_of("claude-code", event)
    assert call.args["does"] == kinds.UNKNOWN


@pytest.mark.parametrize(
    ("client", "event"),
    [
        ("nobody", PRE),
        ("claude-code", {}),
        ("claude-code", {**PRE, "hook_event_name": "PostToolUse", "tool_name": "Read", "tool_input": {}}),
        ("claude-code", {**PRE, "tool_input": {}}),
        ("claude-code", {**PRE, "tool_name": 3, "tool_input": {}}),
        ("claude-code", {**PRE, "tool_name": "Read", "tool_input": []}),
        ("claude-code", {**PRE, "tool_name": "Read", "tool_input": {}}),
        ("claude-code", {**PRE, "tool_name": "Read", "tool_input": {"file_path": ["x"]}}),
        ("copilot", {"toolName": "bash", "toolArgs": "{"}),
        ("copilot", {"toolName": "bash", "toolArgs": '{"command":"a","command":"b"}'}),
        ("gemini", {**PRE, "tool_name": "read_file", "tool_input": {"file_path": "a"}}),
    ],
)
def test_an_event_of_a_shape_that_nobody_knows_is_refused(client: str, event: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r".+"):
        calls_of(client, event)


def test_a_server_behind_the_mediator_is_decided_there_and_not_twice() -> None:
    def mediated(server: str, command: str) -> bool:
        return server == "github" or command == "npx -y db-server"

    assert calls_of("claude-code", EVENTS["claude-code"][8], mediated) == ()
    assert calls_of("codex", EVENTS["codex"][2], mediated) != ()
    assert calls_of("cursor", EVENTS["cursor"][1], mediated) == ()
    assert calls_of("gemini", EVENTS["gemini"][4], mediated) == ()


def test_a_servers_resources_are_the_servers_too() -> None:
    event = {**PRE, "tool_name": "ReadMcpResourceTool", "tool_input": {"server": "db", "uri": "x://y"}}
    assert calls_of("claude-code", event, lambda server, _command: server == "db") == ()
    assert [told(call) for call in calls_of("claude-code", event)] == [(kinds.MCP, "db ReadMcpResourceTool")]
    for odd in ({"uri": "x://y"}, {"server": 3}, {"server": "db", "more": 1}):
        (call,) = calls_of("claude-code", {**event, "tool_input": odd}, lambda _server, _command: True)
        assert call.args["does"] == kinds.UNKNOWN


def test_a_link_in_the_workspace_is_judged_as_the_place_that_it_leads_to(tmp_path: Path) -> None:
    (tmp_path / "notes").symlink_to("/etc")
    event = {**PRE, "cwd": str(tmp_path), "tool_name": "Read", "tool_input": {"file_path": "notes/passwd"}}
    (call,) = calls_of("claude-code", event)
    assert call.args["path"] == "/etc/passwd"


def test_with_links_taken_for_what_they_are_called_the_read_would_be_silent(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(os.path, "realpath", lambda path: path)
    (tmp_path / "notes").symlink_to("/etc")
    event = {**PRE, "cwd": str(tmp_path), "tool_name": "Read", "tool_input": {"file_path": "notes/passwd"}}
    policy = load_policy([], OwnerChoices(profile="local_dev"))
    facts = classify(policy, calls_of("claude-code", event)[0], Context(str(tmp_path), "/home/u"))
    assert facts.scope == SCOPE_ALLOW


@pytest.mark.parametrize(
    "patch",
    [
        "",
        "*** Begin Patch\n*** End Patch\n",
        "*** Begin Patch\n*** Rename File: a\n*** End Patch",
        "*** Begin Patch\n*** Update File: \n*** End Patch",
        "*** Begin Patch\n*** Update File: a\n*** Copy to: b\n*** End Patch",
    ],
)
def test_a_patch_that_is_not_understood_whole_is_the_worst_case(patch: str) -> None:
    (call,) = calls_of("codex", {**PRE, "tool_name": "apply_patch", "tool_input": {"command": patch}})
    assert call.args["does"] == kinds.UNKNOWN


def test_a_patch_that_moves_a_file_writes_to_both_places() -> None:
    patch = "*** Begin Patch\r\n*** Update File: a.py\r\n*** Move to: .claude/settings.json\r\n@@\r\n*** End Patch"
    calls = calls_of("codex", {**PRE, "tool_name": "apply_patch", "tool_input": {"command": patch}})
    assert [told(call) for call in calls] == [(kinds.EDIT, "/w/a.py"), (kinds.WRITE, "/w/.claude/settings.json")]


def test_each_tool_of_the_tables_is_something_that_policies_know() -> None:
    for client in CLIENTS.values():
        for tool in (*client.tools.values(), *client.event_tools.values()):
            assert tool.does in {*INNER, "nothing", "patch", "search", "fetch", "server"}
            assert tool.does == "nothing" or tool.where or tool.at


def test_several_places_are_several_calls() -> None:
    event = {"cwd": "/w", "toolName": "grep", "toolArgs": {"pattern": "x", "paths": ["a", "/etc"]}}
    assert [told(call) for call in calls_of("copilot", event)] == [(kinds.GREP, "/w/a"), (kinds.GREP, "/etc")]
    with pytest.raises(ValueError, match="no text"):
        calls_of("copilot", {**event, "toolArgs": {"pattern": "x", "paths": ["a", 3]}})


def test_a_word_that_nobody_knows_in_a_table_is_an_error() -> None:
    with pytest.raises(ValueError, match="nobody knows"):
        read_clients('[x]\nevents = [""]\nname = "a"\ninput = "b"\n[x.tool]\nT = { does = "nothing", wth = [] }\n')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner_: st.lists(inner_, max_size=3) | st.dictionaries(st.text(max_size=6), inner_, max_size=3),
    max_leaves=6,
)


@given(st.data(), st.sampled_from(sorted(CLIENTS)))
def test_any_event_is_refused_or_classified_and_an_unknown_tool_never_silent(data: st.DataObject, client: str) -> None:
    names = [*CLIENTS[client].tools, "mcp__a__b", "Other"]
    event = {
        **data.draw(st.sampled_from(EVENTS[client])),
        **data.draw(st.dictionaries(st.sampled_from(["cwd", "tool_input", "toolArgs", "command"]), JSON, max_size=2)),
    }
    name = data.draw(st.sampled_from(names))
    for field in ("tool_name", "toolName"):
        if field in event:
            event[field] = name
    try:
        calls = calls_of(client, event)
    except ValueError:
        return
    policy = load_policy([], OwnerChoices(profile="local_dev"))
    for call in calls:
        facts = classify(policy, call, Context("/w", "/home/u"))
        if inner(call).kind == kinds.UNKNOWN:
            assert facts.scope < SCOPE_ALLOW
