"""ignored-configuration: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "claude_desktop_config.json": """\
{
  "mcp_servers": { "mail": { "command": "uv", "args": ["run", "server.py"] } }
}
""",
    ".claude/settings.json": """\
{ "mcpServers": {} }
""",
}
PRINTED = """\
low[ignored-configuration]: Claude Code does not read MCP servers from settings files; use .mcp.json
 --> .claude/settings.json:1:3
  |
1 | { "mcpServers": {} }
  |   ^^^^^^^^^^^^

low[ignored-configuration]: this client reads 'mcpServers'; what stands here is ignored
 --> claude_desktop_config.json:2:3
  |
2 |   "mcp_servers": { "mail": { "command": "uv", "args": ["run", "server.py"] } }
  |   ^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    "claude_desktop_config.json": """\
{ "mcpServers": { "mail": { "command": "uv", "args": ["run", "server.py"] } } }
""",
}


def test_a_table_that_no_client_reads_is_found() -> None:
    """A table that no client reads is found."""
    assert printed("ignored-configuration", FOUND) == PRINTED


def test_the_right_name_is_not() -> None:
    """The right name is not."""
    assert printed("ignored-configuration", LEFT_ALONE) == ""
