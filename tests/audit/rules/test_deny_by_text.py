"""deny-by-text: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Read"
    ],
    "deny": [
      "Bash(rm -rf *)",
      "Bash(sudo *)"
    ]
  }
}
""",
}
PRINTED = """\
info[deny-by-text]: 'Bash(rm -rf *)' stops one spelling of this; another spelling passes
 --> .claude/settings.json:7:7
  |
7 |       "Bash(rm -rf *)",
  |       ^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Read"
    ],
    "deny": [
      "Read(./.env)"
    ]
  }
}
""",
}


def test_a_deny_rule_on_text_is_named_once() -> None:
    """A deny rule on text is named once."""
    assert printed("deny-by-text", FOUND) == PRINTED


def test_a_deny_rule_on_paths_is_not() -> None:
    """A deny rule on paths is not."""
    assert printed("deny-by-text", LEFT_ALONE) == ""
