"""whole-server-allowed: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "mcp__github",
      "mcp__*"
    ]
  }
}
""",
}
PRINTED = """\
high[whole-server-allowed]: 'mcp__*' lets every tool of every MCP server run without a question, also those it does not have yet
 --> .claude/settings.json:5:7
  |
5 |       "mcp__*"
  |       ^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)

medium[whole-server-allowed]: 'mcp__github' lets every tool of server 'github' run without a question, also those it does not have yet
 --> .claude/settings.json:4:7
  |
4 |       "mcp__github",
  |       ^^^^^^^^^^^^^
  = fix: take the rule out (--fix --unsafe-fixes)
"""
LEFT_ALONE = {
    ".claude/settings.json": """\
{
  "permissions": {
    "allow": [
      "mcp__github__get_issue"
    ]
  }
}
""",
}


def test_a_server_and_all_servers_are_found() -> None:
    """A server and all servers are found."""
    assert printed("whole-server-allowed", FOUND) == PRINTED


def test_named_tools_are_not() -> None:
    """Named tools are not."""
    assert printed("whole-server-allowed", LEFT_ALONE) == ""
