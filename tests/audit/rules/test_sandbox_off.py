"""sandbox-off: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "sandbox": { "enabled": false }
}
""",
}
PRINTED = """\
high[sandbox-off]: sandbox.enabled is off: commands run outside of the client's sandbox
 --> .claude/settings.json:2:27
  |
2 |   "sandbox": { "enabled": false }
  |                           ^^^^^
  = fix: switch it on (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{ "sandbox": { "enabled": true, "allowUnsandboxedCommands": false } }
""",
}


def test_a_switched_off_sandbox_is_found() -> None:
    """A switched off sandbox is found."""
    assert printed("sandbox-off", FOUND) == PRINTED


def test_switched_on_it_is_not() -> None:
    """Switched on it is not."""
    assert printed("sandbox-off", LEFT_ALONE) == ""
