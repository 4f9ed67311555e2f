"""foreign-index: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "uvx", "args": ["--extra-index-url", "https://packages.example.com/simple", "internal-mcp==1.0"] }
  }
}
""",
}
PRINTED = """\
medium[foreign-index]: server 'x' takes packages from an index of its own
 --> .mcp.json:3:39
  |
3 |     "x": { "command": "uvx", "args": ["--extra-index-url", "https://packages.example.com/simple", "internal-mcp==1.0"] }
  |                                       ^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "uvx", "args": ["internal-mcp==1.0"] }
  }
}
""",
}


def test_an_extra_package_index_is_found() -> None:
    """An extra package index is found."""
    assert printed("foreign-index", FOUND) == PRINTED


def test_a_server_without_one_is_not() -> None:
    """A server without one is not."""
    assert printed("foreign-index", LEFT_ALONE) == ""
