"""The pre-commit hook: its entry is run, on the files that its pattern picks."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.audit.read.yaml_reader import read_yaml

ROOT = Path(__file__).resolve().parents[2]
(HOOKS,) = read_yaml((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8")).roots
HOOK = HOOKS.elements()[0].plain()


def run(folder: Path, *files: str) -> "subprocess.CompletedProcess[str]":
    """Run the hook's entry as pre-commit does: its words, then the files."""
    program, *words = shlex.split(HOOK["entry"])
    command = [str(Path(sys.executable).with_name(program)), *words, *files]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=50)


def test_the_hook_is_installed_from_this_repository_and_runs_once() -> None:
    assert (HOOK["id"], HOOK["language"], HOOK["require_serial"]) == ("nucleus-audit", "python", True)


def test_a_bad_file_fails_the_commit_and_says_where(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {"x": {"url": "http://tools.example.com/mcp"}}}')
    ended = run(tmp_path, ".mcp.json")
    assert ended.returncode == 1
    assert ended.stdout.startswith(".mcp.json:1:30: medium plain-http-remote: ")


def test_low_findings_do_not_stop_a_commit(tmp_path: Path) -> None:
    (tmp_path / ".mcp.json").write_text('{"mcpServers": {"x": {"command": "npx", "args": ["thinking"]}}}')
    assert run(tmp_path, ".mcp.json").returncode == 0


@pytest.mark.parametrize(
    ("path", "picked"),
    [
        (".mcp.json", True),
        ("a/mcp_config.json", True),
        (".claude/settings.json", True),
        ("x/.codex/config.toml", True),
        ("claude_desktop_config.example.json", True),
        ("docs/AGENTS.md", True),
        (".github/workflows/ci.yml", True),
        (".devcontainer/devcontainer.json", True),
        ("compose.prod.yaml", True),
        ("nucleus.toml", True),
        ("src/main.py", False),
        ("package.json", False),
        ("README.md", False),
    ],
)
def test_the_pattern_picks_what_configures_agents(path: str, picked: bool) -> None:
    assert bool(re.search(HOOK["files"], path)) == picked
