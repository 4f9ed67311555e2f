"""secrets-readable: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Read",
      "Bash(cat:*)"
    ]
  }
}
""",
}
PRINTED = """\
medium[secrets-readable]: 'Read' also reads .env and key files; no rule denies them
 --> .claude/settings.json:4:7
  |
4 |       "Read",
  |       ^^^^^^
  = fix: deny the usual secret files (--fix)
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


def test_reading_everything_without_a_deny_rule_is_found() -> None:
    """Reading everything without a deny rule is found."""
    assert printed("secrets-readable", FOUND) == PRINTED


def test_a_denied_secret_path_is_enough() -> None:
    """A denied secret path is enough."""
    assert printed("secrets-readable", LEFT_ALONE) == ""
