"""unmediated-server: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "db": { "command": "node", "args": ["server.js"] },
    "other": { "command": "node", "args": ["other.js"] }
  }
}
""",
}
PRINTED = """\
info[unmediated-server]: server 'db' and 1 more runs without a mediator; in front of it: nucleus mcp wrap
 --> .mcp.json:3:5
  |
3 |     "db": { "command": "node", "args": ["server.js"] },
  |     ^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "db": { "command": "nucleus", "args": ["mcp", "run", "--name", "db", "--", "node", "server.js"] }
  }
}
""",
}


def test_a_bare_server_is_named_once_for_each_file() -> None:
    """A bare server is named once for each file."""
    assert printed("unmediated-server", FOUND) == PRINTED


def test_a_wrapped_server_is_left_alone() -> None:
    """A wrapped server is left alone."""
    assert printed("unmediated-server", LEFT_ALONE) == ""
