"""private-network-remote: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "lab": { "url": "http://10.0.0.44:8000/mcp", "headers": { "X-User": "me" } }
  }
}
""",
}
PRINTED = """\
high[private-network-remote]: server 'lab' trusts everybody on a private network and sends a credential
 --> .mcp.json:3:21
  |
3 |     "lab": { "url": "http://10.0.0.44:8000/mcp", "headers": { "X-User": "me" } }
  |                     ^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "lab": { "url": "http://tools.example.com/mcp" }
  }
}
""",
}


def test_a_private_address_with_a_credential_is_found() -> None:
    """A private address with a credential is found."""
    assert printed("private-network-remote", FOUND) == PRINTED


def test_a_public_host_is_left_to_the_other_rule() -> None:
    """A public host is left to the other rule."""
    assert printed("private-network-remote", LEFT_ALONE) == ""
