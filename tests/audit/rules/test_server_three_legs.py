"""server-three-legs: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "mail": { "command": "npx", "args": ["-y", "some-gmail-server@1.2.3"] }
  }
}
""",
}
PRINTED = """\
medium[server-three-legs]: server 'mail' alone completes the three legs (from its words: mail): it reads private data, reads untrusted content; then it can send data out
 --> .mcp.json:3:48
  |
3 |     "mail": { "command": "npx", "args": ["-y", "some-gmail-server@1.2.3"] }
  |                                                ^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "files": { "command": "npx", "args": ["-y", "server-filesystem@1.2.3", "./src"] }
  }
}
""",
}


def test_a_mail_server_alone_has_the_three_legs() -> None:
    """A mail server alone has the three legs."""
    assert printed("server-three-legs", FOUND) == PRINTED


def test_a_server_of_files_has_one_leg_only() -> None:
    """A server of files has one leg only."""
    assert printed("server-three-legs", LEFT_ALONE) == ""
