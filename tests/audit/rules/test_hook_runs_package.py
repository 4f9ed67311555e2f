"""hook-runs-package: what is printed, to the letter, and what is left alone."""

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
            "command": "npx eslint --fix ."
          }
        ]
      }
    ]
  }
}
""",
}
PRINTED = """\
medium[hook-runs-package]: the PostToolUse hook runs whatever version of 'eslint' is newest, by itself
 --> .claude/settings.json:9:24
  |
9 |             "command": "npx eslint --fix ."
  |                        ^^^^^^^^^^^^^^^^^^^^
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
            "command": "npx eslint@9.1.0 --fix . && npx --no prettier ."
          }
        ]
      }
    ]
  }
}
""",
}


def test_a_floating_package_in_a_hook_is_found() -> None:
    """A floating package in a hook is found."""
    assert printed("hook-runs-package", FOUND) == PRINTED


def test_exact_and_installed_ones_are_not() -> None:
    """Exact and installed ones are not."""
    assert printed("hook-runs-package", LEFT_ALONE) == ""
