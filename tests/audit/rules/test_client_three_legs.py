"""client-three-legs: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "files": { "command": "npx", "args": ["-y", "server-filesystem@1.2.3", "./src"] },
    "fetch": { "command": "uvx", "args": ["mcp-server-fetch@1.2.3"] }
  }
}
""",
}
PRINTED = """\
medium[client-three-legs]: together these servers complete the three legs: 'files' reads private data; 'fetch' reads untrusted content, can send data out
 --> .mcp.json:3:5
  |
3 |     "files": { "command": "npx", "args": ["-y", "server-filesystem@1.2.3", "./src"] },
  |     ^^^^^^^
  = and: .mcp.json:4:5: reads untrusted content, can send data out
"""
LEFT_ALONE = {
    ".cursor/mcp.json": """\
{
  "mcpServers": {
    "files": { "command": "npx", "args": ["-y", "server-filesystem@1.2.3", "./src"] },
    "fetch": { "command": "uvx", "args": ["mcp-server-fetch@1.2.3"], "disabled": true }
  }
}
""",
}


def test_files_and_fetch_together_have_the_three_legs() -> None:
    """Files and fetch together have the three legs."""
    assert printed("client-three-legs", FOUND) == PRINTED


def test_a_disabled_server_completes_nothing() -> None:
    """A disabled server completes nothing."""
    assert printed("client-three-legs", LEFT_ALONE) == ""


FILES = '{"mcpServers": {"files": {"command": "npx", "args": ["server-filesystem@1.0.0", "./src"]}}}'
FETCH = '{"mcpServers": {"fetch": {"command": "uvx", "args": ["mcp-server-fetch@1.0.0"]}}}'


def test_the_files_of_one_client_in_one_project_count_together() -> None:
    """And those of other clients and projects do not."""
    assert printed("client-three-legs", {"a/.cursor/mcp.json": FILES, "a/.cursor/settings.json": FETCH})
    assert printed("client-three-legs", {"a/.cursor/mcp.json": FILES, "~/.cursor/mcp.json": FETCH})
    assert not printed("client-three-legs", {"a/.cursor/mcp.json": FILES, "b/.cursor/mcp.json": FETCH})
    assert not printed("client-three-legs", {"a/.cursor/mcp.json": FILES, "a/.kiro/settings/mcp.json": FETCH})
