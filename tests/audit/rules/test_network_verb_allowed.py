"""network-verb-allowed: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(curl:*)",
      "Bash(curl https://example.com/:*)",
      "Bash(dig:*)"
    ]
  }
}
""",
}
PRINTED = """\
high[network-verb-allowed]: 'Bash(curl:*)' can send any file to any host without a question
 --> .claude/settings.json:4:7
  |
4 |       "Bash(curl:*)",
  |       ^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

medium[network-verb-allowed]: 'Bash(curl https://example.com/:*)' can send any file to any host without a question
 --> .claude/settings.json:5:7
  |
5 |       "Bash(curl https://example.com/:*)",
  |       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

low[network-verb-allowed]: 'Bash(dig:*)' can leak data in the names that it looks up without a question
 --> .claude/settings.json:6:7
  |
6 |       "Bash(dig:*)"
  |       ^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(curl -s http://localhost:5173)"
    ]
  }
}
""",
}


def test_programs_that_send_are_found() -> None:
    """Programs that send are found."""
    assert printed("network-verb-allowed", FOUND) == PRINTED


def test_one_whole_command_is_not() -> None:
    """One whole command is not."""
    assert printed("network-verb-allowed", LEFT_ALONE) == ""
