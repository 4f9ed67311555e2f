"""destructive-verb-allowed: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(git push:*)",
      "Bash(rm:*)",
      "Bash(gh api:*)"
    ]
  }
}
""",
}
PRINTED = """\
medium[destructive-verb-allowed]: 'Bash(git push:*)' publishes commits without a question
 --> .claude/settings.json:4:7
  |
4 |       "Bash(git push:*)",
  |       ^^^^^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

medium[destructive-verb-allowed]: 'Bash(rm:*)' deletes files without a question
 --> .claude/settings.json:5:7
  |
5 |       "Bash(rm:*)",
  |       ^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

medium[destructive-verb-allowed]: 'Bash(gh api:*)' calls the code host's API in your name without a question
 --> .claude/settings.json:6:7
  |
6 |       "Bash(gh api:*)"
  |       ^^^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(gh pr view:*)",
      "Bash(git status:*)"
    ]
  }
}
""",
}


def test_effects_that_stay_are_found() -> None:
    """Effects that stay are found."""
    assert printed("destructive-verb-allowed", FOUND) == PRINTED


def test_reading_sub_commands_are_not() -> None:
    """Reading sub-commands are not."""
    assert printed("destructive-verb-allowed", LEFT_ALONE) == ""
