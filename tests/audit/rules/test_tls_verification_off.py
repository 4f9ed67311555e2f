"""tls-verification-off: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "node", "args": ["server.js"], "env": { "NODE_TLS_REJECT_UNAUTHORIZED": "0" } }
  }
}
""",
}
PRINTED = """\
high[tls-verification-off]: server 'x' takes any certificate
 --> .mcp.json:3:63
  |
3 |     "x": { "command": "node", "args": ["server.js"], "env": { "NODE_TLS_REJECT_UNAUTHORIZED": "0" } }
  |                                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "node", "args": ["server.js"], "env": { "NODE_EXTRA_CA_CERTS": "ca.pem" } }
  }
}
""",
}


def test_switched_off_certificate_checks_are_found() -> None:
    """Switched off certificate checks are found."""
    assert printed("tls-verification-off", FOUND) == PRINTED


def test_an_added_authority_is_not() -> None:
    """An added authority is not."""
    assert printed("tls-verification-off", LEFT_ALONE) == ""
