"""Which edits are made, and what is shown of them."""

import json

import pytest

from nucleus.audit.engine import audit
from nucleus.audit.fixes import Change, changes
from nucleus.audit.model import Persona
from nucleus.audit.settings import Settings
from tests.audit.printed import project_of

SETTINGS = """\
{
  // my settings
  "enableAllProjectMcpServers": true, // start everything
  "permissions": {
    "defaultMode": "bypassPermissions",
    "allow": [
      "Bash(*)", // all of them
      "Read",
      "Bash(kill 48213)"
    ]
  }
}
"""


def made(files: dict[str, str], *, unsafe: bool = False) -> list[Change]:
    project = project_of(files)
    return changes(audit(project, Settings(persona=Persona.REGULAR)).findings, project, unsafe=unsafe)


def test_safe_fixes_keep_comments_and_order() -> None:
    (change,) = made({".claude/settings.json": SETTINGS})
    assert change.text == SETTINGS.replace("true, // start", "false, // start").replace(
        '"bypassPermissions"', '"default"'
    ).replace(
        '      "Read",\n      "Bash(kill 48213)"\n    ]\n',
        '      "Read"\n    ],\n    "deny": ["Read(./.env)", "Read(./.env.*)", "Read(./secrets/**)", '
        '"Read(~/.ssh/**)", "Read(~/.aws/**)"]\n',
    )


def test_unsafe_fixes_are_made_only_when_asked_for() -> None:
    (safe,) = made({".claude/settings.json": SETTINGS})
    (unsafe,) = made({".claude/settings.json": SETTINGS}, unsafe=True)
    assert '"Bash(*)"' in safe.text
    assert '"Bash(*)"' not in unsafe.text


@pytest.mark.parametrize("unsafe", [False, True])
def test_a_fixed_file_has_nothing_more_to_fix(unsafe: bool) -> None:
    (change,) = made({".claude/settings.json": SETTINGS}, unsafe=unsafe)
    assert made({".claude/settings.json": change.text}, unsafe=unsafe) == []


def test_a_diff_shows_lines_and_no_secret() -> None:
    token = "hunter2-9f3kd82kQ"
    text = json.dumps(
        {"mcpServers": {"x": {"url": "http://tools.example.com/mcp", "headers": {"X-Token": token}}}}, indent=2
    )
    (change,) = made({".mcp.json": text + "\n"}, unsafe=True)
    diff = change.diff()
    assert '-      "url": "http://tools.example.com/mcp",\n+      "url": "https://tools.example.com/mcp",\n' in diff
    assert token in change.text
    assert token not in diff


def test_line_endings_and_encoding_stay() -> None:
    (change,) = made({".claude/settings.json": '{\r\n  "enableAllProjectMcpServers": true\r\n}\r\n'})
    assert change.text == '{\r\n  "enableAllProjectMcpServers": false\r\n}\r\n'
