"""approval-residue: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(git status)",
      "Bash(kill 48213)",
      "Bash(done)",
      "Bash(python3 -c \\"print(1)\\")"
    ]
  }
}
""",
}
PRINTED = """\
low[approval-residue]: 3 allowed commands were an answer to one question, not a rule
 --> .claude/settings.json:5:7
  |
5 |       "Bash(kill 48213)",
  |       ^^^^^^^^^^^^^^^^^^
  = fix: take out one-time answers (--fix)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(git status)",
      "Bash(npm run build)"
    ]
  }
}
""",
}


def test_answers_to_one_question_are_found() -> None:
    """Answers to one question are found."""
    assert printed("approval-residue", FOUND) == PRINTED


def test_rules_are_not() -> None:
    """Rules are not."""
    assert printed("approval-residue", LEFT_ALONE) == ""
