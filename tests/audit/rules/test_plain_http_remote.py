"""plain-http-remote: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".cursor/mcp.json": """\
{
  "mcpServers": {
    "tools": { "url": "http://tools.example.com/mcp" }
  }
}
""",
}
PRINTED = """\
medium[plain-http-remote]: calls to server 'tools' can be read and changed on their way to tools.example.com
 --> .cursor/mcp.json:3:23
  |
3 |     "tools": { "url": "http://tools.example.com/mcp" }
  |                       ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
  = fix: use https (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".cursor/mcp.json": """\
{
  "mcpServers": {
    "a": { "url": "http://127.0.0.1:3000/mcp" },
    "b": { "url": "https://tools.example.com/mcp" }
  }
}
""",
}


def test_plain_http_to_a_public_host_is_found() -> None:
    """Plain HTTP to a public host is found."""
    assert printed("plain-http-remote", FOUND) == PRINTED


def test_loopback_and_tls_are_not() -> None:
    """Loopback and TLS are not."""
    assert printed("plain-http-remote", LEFT_ALONE) == ""
