"""Hooks and helpers of all clients, in one shape."""

import json

import pytest

from tests.audit.printed import project_of

COMMAND = {"type": "command", "command": "x"}


@pytest.mark.parametrize(
    ("path", "content", "event"),
    [
        (".claude/settings.json", {"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [COMMAND]}]}}, "PreToolUse"),
        (
            ".cursor/hooks.json",
            {"version": 1, "hooks": {"beforeShellExecution": [{"command": "x"}]}},
            "beforeShellExecution",
        ),
        (".gemini/settings.json", {"hooks": {"BeforeTool": [{"hooks": [COMMAND]}]}}, "BeforeTool"),
        (".windsurf/hooks.json", {"hooks": {"pre_run_command": [{"command": "x"}]}}, "pre_run_command"),
        (".github/hooks/a.json", {"hooks": {"preToolUse": [{"type": "command", "bash": "x"}]}}, "preToolUse"),
        (".kiro/agents/a.json", {"hooks": {"agentSpawn": [{"command": "x"}]}}, "agentSpawn"),
        (".kiro/hooks/a.kiro.hook", {"when": {"type": "fileEdited"}, "then": {"command": "x"}}, "fileEdited"),
    ],
)
def test_every_clients_spelling_is_one_hook(path: str, content: object, event: str) -> None:
    (hook,) = project_of({path: json.dumps(content)}).hooks
    assert (hook.event, hook.command) == (event, "x")


def test_only_events_before_an_effect_can_guard() -> None:
    events = ["PreToolUse", "beforeReadFile", "UserPromptSubmit", "PermissionRequest", "PostToolUse", "Stop"]
    content = {"hooks": {event: [{"hooks": [{"command": "./guard.sh"}]}] for event in events}}
    hooks = project_of({".claude/settings.json": json.dumps(content)}).hooks
    assert [hook.event for hook in hooks if hook.means_to_block()] == events[:4]


def test_commands_that_settings_name_are_helpers() -> None:
    claude = {"apiKeyHelper": "a", "statusLine": {"type": "command", "command": "b"}}
    servers = {"mcpServers": {"s": {"url": "https://x.example", "headersHelper": "c"}}}
    project = project_of(
        {
            ".claude/settings.json": json.dumps(claude),
            ".mcp.json": json.dumps(servers),
            ".codex/config.toml": 'notify = ["d", "e"]\n',
        }
    )
    assert [(helper.event, helper.command) for helper in project.helpers] == [
        ("apiKeyHelper", "a"),
        ("statusLine", "b"),
        ("headersHelper", "c"),
        ("notify", "d e"),
    ]
