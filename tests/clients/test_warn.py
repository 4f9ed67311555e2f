"""What editing one file does not change is said: servers elsewhere, and approvals of the client's own."""

import json
from pathlib import Path

import pytest

from nucleus.audit.text import Source
from nucleus.clients.places import Place
from nucleus.clients.warn import elsewhere, unasked
from tests.clients.layouts import US, resolve


def place(tmp_path: Path, text: str) -> Place:
    (tmp_path / "mcp.json").write_text(text)
    return Place(tmp_path / "mcp.json", "~/mcp.json", own=True)


def test_servers_that_are_not_behind_the_mediator_are_named_by_file(tmp_path: Path) -> None:
    bare = json.dumps({"mcpServers": {"a": {"command": "x"}, "b\x1b": {"url": "https://h"}}})
    assert elsewhere([place(tmp_path, bare)], US, resolve) == {"~/mcp.json": ["a", "b\N{REPLACEMENT CHARACTER}"]}
    behind = json.dumps({"mcpServers": {"a": {"command": US.words[0], "args": ["mcp", "run", "--", "x"]}}})
    assert elsewhere([place(tmp_path, behind)], US, resolve) == {}


def test_a_file_that_can_not_be_read_is_no_file_without_servers(tmp_path: Path) -> None:
    assert elsewhere([place(tmp_path, "{")], US, resolve) == {"~/mcp.json": ["?"]}


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        ("mcp.json", '{"mcpServers": {"a": {"command": "x", "alwaysAllow": ["send"]}}}', "tool 'send' of server 'a'"),
        (".kiro/settings/mcp.json", '{"mcpServers": {"a": {"command": "x", "autoApprove": ["*"]}}}', "tool '*'"),
        (".gemini/settings.json", '{"mcpServers": {"a": {"command": "x", "trust": true}}}', "every tool of server 'a'"),
        (".claude/settings.json", '{"enableAllProjectMcpServers": true}', "started without asking"),
        (".claude/settings.json", '{"permissions": {"allow": ["mcp__a"]}}', "every tool of server 'a'"),
        (".vscode/settings.json", '{"chat.tools.global.autoApprove": true}', "do not ask"),
        (".gemini/settings.json", '{"general": {"defaultApprovalMode": "yolo"}}', "no tool asks"),
        (
            ".codex/config.toml",
            'sandbox_mode = "danger-full-access"\napproval_policy = "never"\n',
            "without a question",
        ),
    ],
)
def test_each_way_to_switch_questions_off_is_told_with_its_line(path: str, text: str, words: str) -> None:
    (line,) = unasked({path: Source(path, text)})
    assert line.startswith(f"{path}:1: ")
    assert words in line


def test_a_file_without_such_settings_is_silent() -> None:
    assert unasked({".mcp.json": Source(".mcp.json", '{"mcpServers": {"a": {"command": "x"}}}')}) == []
