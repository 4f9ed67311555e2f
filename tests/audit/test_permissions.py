"""Permission rules of all clients, in one shape."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.node import STRING, Node
from nucleus.audit.permissions import Grant, exec_rules, rule_list, rule_of_text
from nucleus.audit.text import Source
from tests.audit.printed import project_of

SOURCE = Source("x", "")
HERE = Node(STRING, "", 0, 0)


def rule(text: str) -> Grant:
    return rule_of_text(SOURCE, "claude-code", "allow", HERE, text)


@pytest.mark.parametrize(
    ("text", "tool", "verb", "open_ended", "whole"),
    [
        ("Bash", "shell", "", True, True),
        ("Bash(*)", "shell", "", True, True),
        ("Bash(git push:*)", "shell", "git", True, False),
        ("Bash(git push *)", "shell", "git", True, False),
        ("Bash(npm test)", "shell", "npm", False, False),
        ("Bash(timeout 30 node:*)", "shell", "node", True, False),
        ("Bash(A=1 sudo -E rm *)", "shell", "rm", True, False),
        ("PowerShell(Get-Process)", "shell", "get-process", False, False),
        ("Shell(curl)", "shell", "curl", False, False),
        ("Read(./.env)", "read", "", False, False),
        ("WebFetch(domain:*)", "fetch", "", True, True),
        ("MultiEdit", "write", "", True, True),
        ("mcp__x__y", "mcp", "", True, True),
        ("@x/y", "mcp", "", True, True),
        ("Something(else)", "other", "", False, False),
    ],
)
def test_a_rule_is_taken_apart(text: str, tool: str, verb: str, open_ended: bool, whole: bool) -> None:
    grant = rule(text)
    assert grant.tool == tool
    if tool == "shell":
        assert (grant.verb(), grant.open_ended()) == (verb, open_ended)
    assert grant.whole() == whole


@pytest.mark.parametrize(
    ("text", "server"),
    [
        ("mcp__github__get_issue", ("github", "get_issue")),
        ("mcp__github", ("github", "")),
        ("mcp__*", ("*", "")),
        ("@github/get_issue", ("github", "get_issue")),
        ("Mcp(github:*)", ("github", "*")),
    ],
)
def test_rules_of_servers_name_server_and_tool(text: str, server: tuple[str, str]) -> None:
    assert rule(text).server() == server


@pytest.mark.parametrize(
    ("path", "content", "expected"),
    [
        (
            ".claude/settings.json",
            {"permissions": {"allow": ["Bash(ls *)"], "deny": ["Read(x)"]}},
            "allow shell, deny read",
        ),
        (
            "opencode.json",
            {"permission": {"bash": {"ls *": "allow", "*": "ask"}, "edit": "deny"}},
            "allow shell, ask shell, deny write",
        ),
        (".gemini/settings.json", {"tools": {"allowed": ["run_shell_command(git)"]}}, "allow shell"),
        (
            ".vscode/settings.json",
            {"chat.tools.terminal.autoApprove": {"ls": True, "/^git (log|show)/": True, "rm": False}},
            "allow shell, allow shell, deny shell",
        ),
        (
            ".cursor/cli.json",
            {"permissions": {"allow": ["Shell(ls)"], "deny": ["Write(**/*.env)"]}},
            "allow shell, deny write",
        ),
        (
            ".kiro/agents/a.json",
            {
                "allowedTools": ["fs_read", "execute_bash"],
                "toolsSettings": {"execute_bash": {"allowedCommands": ["git .*"]}},
            },
            "allow read, allow shell",
        ),
    ],
)
def test_every_clients_spelling(path: str, content: object, expected: str) -> None:
    grants = project_of({path: json.dumps(content)}).grants
    assert ", ".join(f"{grant.action} {grant.tool}" for grant in grants) == expected


def test_prefix_rules_of_codex() -> None:
    text = 'prefix_rule(pattern = ["git", "push"], decision = "forbidden")\nprefix_rule(pattern=["ls"])\n'
    assert [(g.action, g.spec) for g in exec_rules(Source("x.rules", text))] == [
        ("deny", "git push *"),
        ("allow", "ls *"),
    ]


def test_a_list_is_split_outside_of_brackets_only() -> None:
    found = rule_list(SOURCE, "workflow", HERE, "Read,Bash(gh pr:*, x) WebFetch")
    assert [grant.text for grant in found] == ["Read", "Bash(gh pr:*, x)", "WebFetch"]


@given(st.text(max_size=40))
def test_any_text_is_a_rule(text: str) -> None:
    grant = rule(text)
    grant.words(), grant.verb(), grant.open_ended(), grant.whole(), grant.server()
