"""interpreter-wildcard: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(python3:*)",
      "Bash(timeout 60 npx *)",
      "Bash(node -e:*)",
      "Bash(make:*)"
    ]
  }
}
""",
}
PRINTED = """\
high[interpreter-wildcard]: 'Bash(python3:*)' runs any code without a question; name the script or the arguments
 --> .claude/settings.json:4:7
  |
4 |       "Bash(python3:*)",
  |       ^^^^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

high[interpreter-wildcard]: 'Bash(timeout 60 npx *)' runs any code without a question; name the script or the arguments
 --> .claude/settings.json:5:7
  |
5 |       "Bash(timeout 60 npx *)",
  |       ^^^^^^^^^^^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

high[interpreter-wildcard]: 'Bash(node -e:*)' runs any code without a question; name the script or the arguments
 --> .claude/settings.json:6:7
  |
6 |       "Bash(node -e:*)",
  |       ^^^^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

medium[interpreter-wildcard]: 'Bash(make:*)' can start other programs without a question; name the script or the arguments
 --> .claude/settings.json:7:7
  |
7 |       "Bash(make:*)"
  |       ^^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "Bash(python3 scripts/check.py *)",
      "Bash(npx tsc --noEmit)",
      "Bash(ls:*)"
    ]
  }
}
""",
}


def test_interpreters_launchers_and_their_wrappers_are_found() -> None:
    """Interpreters, launchers and their wrappers are found."""
    assert printed("interpreter-wildcard", FOUND) == PRINTED


def test_a_named_script_is_not() -> None:
    """A named script is not."""
    assert printed("interpreter-wildcard", LEFT_ALONE) == ""
