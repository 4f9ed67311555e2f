"""sandbox-way-around: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "sandbox": {
    "enabled": true,
    "excludedCommands": ["docker"],
    "enableWeakerNestedSandbox": true,
    "network": { "allowUnixSockets": ["/var/run/docker.sock"] }
  }
}
""",
}
PRINTED = """\
high[sandbox-way-around]: the socket /var/run/docker.sock is open inside of the sandbox: it can start containers on the host
 --> .claude/settings.json:6:39
  |
6 |     "network": { "allowUnixSockets": ["/var/run/docker.sock"] }
  |                                       ^^^^^^^^^^^^^^^^^^^^^^

medium[sandbox-way-around]: 'docker' always runs outside of the sandbox
 --> .claude/settings.json:4:26
  |
4 |     "excludedCommands": ["docker"],
  |                          ^^^^^^^^

medium[sandbox-way-around]: the weaker nested mode does not keep processes apart
 --> .claude/settings.json:5:34
  |
5 |     "enableWeakerNestedSandbox": true,
  |                                  ^^^^

low[sandbox-way-around]: allowUnsandboxedCommands is on by default: the agent may run a command again without the sandbox
 --> .claude/settings.json:3:16
  |
3 |     "enabled": true,
  |                ^^^^
  = fix: no commands outside (--fix)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{ "sandbox": { "enabled": true, "allowUnsandboxedCommands": false } }
""",
}


def test_ways_around_a_sandbox_are_found() -> None:
    """Ways around a sandbox are found."""
    assert printed("sandbox-way-around", FOUND) == PRINTED


def test_a_closed_one_is_not() -> None:
    """A closed one is not."""
    assert printed("sandbox-way-around", LEFT_ALONE) == ""
