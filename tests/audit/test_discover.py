"""Paths alone say whose file it is."""

from pathlib import Path

import pytest

from nucleus.audit.discover import CONFIG, INSTRUCTIONS, Kind, classify, named, user_files, walk


@pytest.mark.parametrize(
    ("path", "client", "form"),
    [
        (".mcp.json", "claude-code", "config"),
        ("a/b/.mcp.windows.json", "claude-code", "config"),
        (".claude/settings.local.json", "claude-code", "config"),
        ("ops/managed-settings.json", "claude-code", "config"),
        ("claude_desktop_config.example.json", "claude-desktop", "config"),
        (".cursor/mcp.json", "cursor", "config"),
        (".cursor/hooks.json", "cursor", "config"),
        (".cursor/rules/style.mdc", "cursor", "instructions"),
        (".vscode/mcp.json", "vscode", "config"),
        (".vscode/settings.json", "vscode", "config"),
        ("x.code-workspace", "vscode", "config"),
        (".codex/config.toml", "codex", "config"),
        (".codex/rules/default.rules", "codex", "exec-rules"),
        (".gemini/settings.json", "gemini", "config"),
        (".codeium/windsurf/mcp_config.json", "windsurf", "config"),
        (".antigravity/mcp_config.json", "antigravity", "config"),
        (".zed/settings.json", "zed", "config"),
        ("opencode.jsonc", "opencode", "config"),
        (".kiro/settings/mcp.json", "kiro", "config"),
        (".kiro/steering/tech.md", "kiro", "instructions"),
        (".roo/mcp.json", "roo", "config"),
        ("tools/mcp.json", "mcp", "config"),
        ("tools/mcp-servers.yaml", "mcp", "config"),
        ("AGENTS.md", "agents", "instructions"),
        ("sub/CLAUDE.md", "claude-code", "instructions"),
        (".claude/skills/x/SKILL.md", "agents", "instructions"),
        (".claude/commands/fix.md", "claude-code", "instructions"),
        (".github/copilot-instructions.md", "copilot", "instructions"),
        (".github/prompts/a.prompt.md", "copilot", "instructions"),
        (".github/workflows/ci.yml", "github", "workflow"),
        (".github/settings.yml", "github", "repository"),
        (".github/CODEOWNERS", "github", "codeowners"),
        ("docker-compose.dev.yml", "container", "compose"),
        (".devcontainer/devcontainer.json", "devcontainer", "devcontainer"),
        ("nucleus.toml", "nucleus", "policy"),
        ("policies/ci.nucleus.toml", "nucleus", "policy"),
        ("README.md", "prose", "prose"),
        ("server.py", "server", "source?"),
        ("k8s/pod.yaml", "container", "pod?"),
    ],
)
def test_a_path_says_whose_file_it_is(path: str, client: str, form: str) -> None:
    assert classify(path) == Kind(client, form)


@pytest.mark.parametrize("path", ["src/main.rs", "package.json", "data.json", "notes.txt", "docs/guide.md"])
def test_other_files_are_nothing_to_us(path: str) -> None:
    assert classify(path) is None


def test_a_file_that_a_person_named_is_always_read() -> None:
    assert named("data.json").form == CONFIG
    assert named("whatever.txt").form == "prose"


def test_a_tree_is_walked_in_order_without_dependencies_and_links(tmp_path: Path) -> None:
    for path in ("b/.mcp.json", "a/CLAUDE.md", "node_modules/x/.mcp.json", "a/data.bin"):
        place = tmp_path / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("{}")
    (tmp_path / "AGENTS.md").symlink_to("a/CLAUDE.md")
    skipped: list[tuple[str, str]] = []
    assert [path for path, _ in walk(tmp_path, skipped)] == ["a/CLAUDE.md", "b/.mcp.json"]
    assert [path for path, _ in skipped] == ["AGENTS.md", "node_modules"]


def test_a_persons_own_files_are_found_below_the_home_directory(tmp_path: Path) -> None:
    for path in (".cursor/mcp.json", ".codex/AGENTS.md"):
        place = tmp_path / path
        place.parent.mkdir(parents=True)
        place.write_text("{}")
    assert dict(user_files(tmp_path)) == {
        ".cursor/mcp.json": Kind("cursor", CONFIG),
        ".codex/AGENTS.md": Kind("codex", INSTRUCTIONS),
    }
