"""guard-fails-open: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Bash",
        "hooks": [
          {
            "type": "command",
            "command": "./guard.sh || true"
          }
        ]
      }
    ]
  }
}
""",
    ".gemini/settings.json": """\
{
  "hooks": {
    "BeforeTool": [
      {
        "matcher": "Bash",
        "hooks": [
          {
            "type": "command",
            "command": "check || exit 1"
          }
        ]
      }
    ]
  }
}
""",
    ".codex/hooks.json": """\
{
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Bash",
        "hooks": [
          {
            "type": "command",
            "command": "[ -x ./guard.sh ] && exec ./guard.sh; exit 0"
          }
        ]
      }
    ]
  }
}
""",
}
PRINTED = """\
medium[guard-fails-open]: the PreToolUse guard fails open: its failure is swallowed
 --> .claude/settings.json:9:24
  |
9 |             "command": "./guard.sh || true"
  |                        ^^^^^^^^^^^^^^^^^^^^
  = fix: let the failure count (--fix --unsafe-fixes)

medium[guard-fails-open]: the PreToolUse guard fails open: without its script it allows
 --> .codex/hooks.json:9:24
  |
9 |             "command": "[ -x ./guard.sh ] && exec ./guard.sh; exit 0"
  |                        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

medium[guard-fails-open]: the BeforeTool guard fails open: status 1 stops nothing; the client wants 2
 --> .gemini/settings.json:9:24
  |
9 |             "command": "check || exit 1"
  |                        ^^^^^^^^^^^^^^^^^
  = fix: let the failure count (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "hooks": {
    "PreToolUse": [
      {
        "matcher": "Bash",
        "hooks": [
          {
            "type": "command",
            "command": "./guard.sh || exit 2"
          }
        ]
      }
    ]
  }
}
""",
}


def test_swallowed_failures_and_wrong_statuses_are_found() -> None:
    """Swallowed failures and wrong statuses are found."""
    assert printed("guard-fails-open", FOUND) == PRINTED


def test_a_guard_that_counts_is_not() -> None:
    """A guard that counts is not."""
    assert printed("guard-fails-open", LEFT_ALONE) == ""
