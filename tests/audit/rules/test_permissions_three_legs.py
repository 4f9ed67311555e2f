"""permissions-three-legs: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Read",
      "WebSearch",
      "Bash(curl:*)"
    ]
  }
}
""",
}
PRINTED = """\
high[permissions-three-legs]: no question is asked on the whole way: 'Read' reads private data; 'WebSearch' reads untrusted content, can send data out; 'Bash(curl:*)' reads untrusted content, can send data out
 --> .claude/settings.json:6:7
  |
6 |       "Bash(curl:*)"
  |       ^^^^^^^^^^^^^^
  = and: .claude/settings.json:4:7: reads private data
  = and: .claude/settings.json:5:7: reads untrusted content, can send data out
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Read",
      "Edit",
      "Bash(git status *)"
    ]
  }
}
""",
}


def test_rules_that_complete_the_legs_are_found() -> None:
    """Rules that complete the legs are found."""
    assert printed("permissions-three-legs", FOUND) == PRINTED


def test_rules_without_a_way_out_are_not() -> None:
    """Rules without a way out are not."""
    assert printed("permissions-three-legs", LEFT_ALONE) == ""
