"""floating-image: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "docker", "args": ["run", "-i", "--rm", "example/mcp-server:latest"] }
  }
}
""",
}
PRINTED = """\
low[floating-image]: 'example/mcp-server:latest' can be another image tomorrow; name it by digest: @sha256:...
 --> .mcp.json:3:63
  |
3 |     "x": { "command": "docker", "args": ["run", "-i", "--rm", "example/mcp-server:latest"] }
  |                                                               ^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "docker", "args": ["run", "-i", "example/mcp@sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] }
  }
}
""",
}


def test_an_image_by_tag_is_found() -> None:
    """An image by tag is found."""
    assert printed("floating-image", FOUND) == PRINTED


def test_an_image_by_digest_is_not() -> None:
    """An image by digest is not."""
    assert printed("floating-image", LEFT_ALONE) == ""
