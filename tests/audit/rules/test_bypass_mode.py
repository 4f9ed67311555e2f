"""bypass-mode: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": { "defaultMode": "bypassPermissions" }
}
""",
    ".codex/config.toml": """\
approval_policy = "never"
sandbox_mode = "danger-full-access"
""",
    "run.sh": """\
#!/bin/sh
claude --dangerously-skip-permissions -p "fix"
""",
    ".gemini/settings.json": """\
{ "autoAccept": true }
""",
}
PRINTED = """\
high[bypass-mode]: defaultMode = bypassPermissions: no tool asks before it runs
 --> .claude/settings.json:2:35
  |
2 |   "permissions": { "defaultMode": "bypassPermissions" }
  |                                   ^^^^^^^^^^^^^^^^^^^
  = fix: ask again (--fix)

high[bypass-mode]: commands run outside of any sandbox and without a question
 --> .codex/config.toml:2:16
  |
2 | sandbox_mode = "danger-full-access"
  |                ^^^^^^^^^^^^^^^^^^^^

high[bypass-mode]: --dangerously-skip-permissions switches every question off
 --> run.sh:2:8
  |
2 | claude --dangerously-skip-permissions -p "fix"
  |        ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^

medium[bypass-mode]: autoAccept is on: tools that the client takes for safe do not ask
 --> .gemini/settings.json:1:17
  |
1 | { "autoAccept": true }
  |                 ^^^^
  = fix: ask again (--fix)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{ "permissions": { "defaultMode": "acceptEdits" } }
""",
    ".codex/config.toml": """\
approval_policy = "on-request"
sandbox_mode = "workspace-write"
""",
}


def test_modes_and_flags_that_ask_nothing_are_found() -> None:
    """Modes and flags that ask nothing are found."""
    assert printed("bypass-mode", FOUND) == PRINTED


def test_default_modes_are_not() -> None:
    """Default modes are not."""
    assert printed("bypass-mode", LEFT_ALONE) == ""
