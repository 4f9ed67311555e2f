"""hook-path-missing: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Bash",
        "hooks": [
          {
            "type": "command",
            "command": "node .claude/hooks/guard.js"
          }
        ]
      }
    ]
  }
}
""",
}
PRINTED = """\
medium[hook-path-missing]: the PreToolUse hook runs .claude/hooks/guard.js, which is not here; a missing guard allows
 --> .claude/settings.json:9:24
  |
9 |             "command": "node .claude/hooks/guard.js"
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Bash",
        "hooks": [
          {
            "type": "command",
            "command": "echo ok"
          }
        ]
      }
    ]
  }
}
""",
}


def test_a_missing_guard_is_found() -> None:
    """A missing guard is found."""
    assert printed("hook-path-missing", FOUND) == PRINTED


def test_an_inline_command_is_not() -> None:
    """An inline command is not."""
    assert printed("hook-path-missing", LEFT_ALONE) == ""
