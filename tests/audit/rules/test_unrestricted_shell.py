"""unrestricted-shell: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(*)",
      "Read"
    ]
  }
}
""",
}
PRINTED = """\
high[unrestricted-shell]: 'Bash(*)' lets any command run without a question
 --> .claude/settings.json:4:7
  |
4 |       "Bash(*)",
  |       ^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(npm test)",
      "Bash(git diff *)"
    ]
  }
}
""",
}


def test_a_bare_shell_is_found() -> None:
    """A bare shell is found."""
    assert printed("unrestricted-shell", FOUND) == PRINTED


def test_named_commands_are_not() -> None:
    """Named commands are not."""
    assert printed("unrestricted-shell", LEFT_ALONE) == ""
