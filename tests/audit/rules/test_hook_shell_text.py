"""hook-shell-text: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "hooks": {
    "PostToolUse": [
      {
        "matcher": "Edit",
        "hooks": [
          {
            "type": "command",
            "command": "prettier --write $CLAUDE_FILE_PATHS"
          }
        ]
      }
    ]
  }
}
""",
}
PRINTED = """\
high[hook-shell-text]: $CLAUDE_FILE_PATHS comes from the agent and is read as shell text in the PostToolUse hook
 --> .claude/settings.json:9:24
  |
9 |             "command": "prettier --write $CLAUDE_FILE_PATHS"
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "hooks": {
    "PostToolUse": [
      {
        "matcher": "Edit",
        "hooks": [
          {
            "type": "command",
            "command": "prettier --write \\"$CLAUDE_FILE_PATHS\\""
          }
        ]
      }
    ]
  }
}
""",
}


def test_a_variable_of_the_agent_outside_of_quotes_is_found() -> None:
    """A variable of the agent outside of quotes is found."""
    assert printed("hook-shell-text", FOUND) == PRINTED


def test_quoted_it_is_not() -> None:
    """Quoted it is not."""
    assert printed("hook-shell-text", LEFT_ALONE) == ""
