"""sandbox-network-open: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".codex/config.toml": """\
sandbox_mode = "workspace-write"

[sandbox_workspace_write]
network_access = true
""",
}
PRINTED = """\
medium[sandbox-network-open]: sandboxed commands reach every host: what they can read they can send
 --> .codex/config.toml:4:18
  |
4 | network_access = true
  |                  ^^^^
  = fix: close the network (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".codex/config.toml": """\
[sandbox_workspace_write]
network_access = false
""",
}


def test_the_open_network_is_found() -> None:
    """The open network is found."""
    assert printed("sandbox-network-open", FOUND) == PRINTED


def test_closed_it_is_not() -> None:
    """Closed it is not."""
    assert printed("sandbox-network-open", LEFT_ALONE) == ""
