"""Reading is the only effect, and nothing is dropped without a trace."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit import discover
from nucleus.audit.engine import audit
from nucleus.audit.project import load, shown_path
from nucleus.audit.settings import Settings
from tests.audit.printed import project_of


def problems(tmp_path: Path) -> list[str]:
    project = load(tmp_path, [tmp_path])
    return [problem.message for document in project.documents for problem in document.problems]


def test_what_is_no_text_is_a_problem(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_bytes(b"\x80\x81\x82")
    assert problems(tmp_path) == ["can't be read: it is no text in UTF-8 or UTF-16 (byte 0)"]


def test_what_is_too_large_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(discover, "MAX_BYTES", 10)
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {}}')
    assert problems(tmp_path) == ["can't be read: it is larger than 10 bytes"]


def test_a_pipe_is_never_opened(tmp_path: Path) -> None:
    """Opening it would hang."""
    os.mkfifo(tmp_path / ".mcp.json")
    assert problems(tmp_path) == ["can't be read: it is not a regular file"]


def test_a_file_with_a_byte_order_mark_and_one_in_utf_16(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_bytes(b'\xef\xbb\xbf{"mcpServers": {"a": {"command": "x"}}}')
    (tmp_path / "mcp.json").write_bytes('{"mcpServers": {"b": {"command": "x"}}}'.encode("utf-16"))
    project = load(tmp_path, [tmp_path])
    assert sorted(server.name for server in project.servers) == ["a", "b"]
    assert problems(tmp_path) == []


def test_a_directory_that_can_not_be_listed_is_a_problem(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "closed").mkdir()
    real = os.scandir

    def closed(path: Path) -> object:
        if Path(path).name == "closed":
            raise PermissionError(13, "Permission denied")
        return real(path)

    monkeypatch.setattr(discover.os, "scandir", closed)
    assert problems(tmp_path) == ["can't be listed: Permission denied"]


def test_a_named_file_is_read_whatever_its_name(tmp_path: Path) -> None:
    place = tmp_path / "anything.json"
    place.write_text('{"mcpServers": {"a": {"command": "x"}}}')
    assert load(tmp_path, [tmp_path]).documents == []
    assert [server.name for server in load(tmp_path, [place]).servers] == ["a"]


def test_a_directory_inside_of_a_clients_directory_is_still_that_clients(tmp_path: Path) -> None:
    (tmp_path / ".claude").mkdir()
    (tmp_path / ".claude" / "settings.json").write_text('{"permissions": {"allow": ["Bash"]}}')
    assert [grant.client for grant in load(tmp_path, [tmp_path / ".claude"]).grants] == ["claude-code"]


def test_a_file_named_twice_is_read_once(tmp_path: Path) -> None:
    place = tmp_path / ".mcp.json"
    place.write_text('{"mcpServers": {"a": {"command": "x"}}}')
    assert len(load(tmp_path, [tmp_path, place]).documents) == 1


def test_a_persons_own_files_are_shown_below_a_tilde(tmp_path: Path) -> None:
    (tmp_path / ".cursor").mkdir()
    (tmp_path / ".cursor" / "mcp.json").write_text('{"mcpServers": {"a": {"command": "x"}}}')
    project = load(tmp_path / "nowhere", [], home=tmp_path)
    assert [(document.path, document.user) for document in project.documents] == [("~/.cursor/mcp.json", True)]


def test_paths_are_shown_relative_to_the_root() -> None:
    assert shown_path(Path("/a"), Path("/a/b/c")) == "b/c"
    assert shown_path(Path("/a"), Path("/x/y")) == "/x/y"


NAMES = [
    ".mcp.json",
    ".claude/settings.json",
    ".codex/config.toml",
    ".github/workflows/a.yml",
    "compose.yml",
    "AGENTS.md",
    "server.py",
    "nucleus.toml",
    ".devcontainer/devcontainer.json",
    "CODEOWNERS",
    ".github/settings.yml",
    "Dockerfile",
    ".codex/rules/a.rules",
    "pod.yaml",
    ".vscode/settings.json",
    "opencode.json",
    "run.sh",
    "index.ts",
]
PIECES = [
    "{",
    "}",
    "[",
    "]",
    '"mcpServers"',
    '"permissions"',
    '"allow"',
    '"hooks"',
    ":",
    ",",
    '"Bash(*)"',
    '"x"',
    "true",
    "\n",
    "on: issues\n",
    "jobs:\n",
    "  a:\n",
    "- uses: x\n",
    "mcp = 1\n",
    "apiVersion: v1\n",
    "kind: Pod\n",
    "\u200b",
    "[a]\n",
    "claude -p x\n",
]


@given(st.sampled_from(NAMES), st.lists(st.sampled_from(PIECES), max_size=12).map("".join) | st.text(max_size=40))
def test_no_content_of_any_file_breaks_a_run(name: str, text: str) -> None:
    """A crash would be an ``internal-error`` finding."""
    result = audit(project_of({name: text}), Settings())
    assert [finding.message for finding in result.findings if finding.rule.id == "internal-error"] == []


SHAPES = st.recursive(
    st.sampled_from(["Bash(*)", "npx", "-y", "x", "http://a.example", "allow", "*", ""])
    | st.booleans()
    | st.none()
    | st.integers(0, 3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                [
                    "mcpServers",
                    "servers",
                    "x",
                    "command",
                    "args",
                    "env",
                    "url",
                    "headers",
                    "permissions",
                    "allow",
                    "deny",
                    "hooks",
                    "PreToolUse",
                    "matcher",
                    "sandbox",
                    "network",
                    "enabled",
                    "permission",
                    "bash",
                    "mcp",
                    "tools",
                    "projects",
                    "trust",
                    "autoApprove",
                    "statusLine",
                    "branches",
                    "rules",
                    "name",
                    "protection",
                    "spec",
                    "containers",
                    "kind",
                    "apiVersion",
                ]
            ),
            inner,
            max_size=4,
        )
    ),
    max_leaves=14,
)


@given(st.sampled_from([name for name in NAMES if name.endswith((".json", ".yml", ".yaml"))]), SHAPES)
def test_no_shape_of_known_keys_breaks_a_run(name: str, value: object) -> None:
    """Every key with every kind of value under it."""
    import json

    result = audit(project_of({name: json.dumps(value)}), Settings())
    assert [finding.message for finding in result.findings if finding.rule.id == "internal-error"] == []
