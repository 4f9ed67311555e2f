"""home-or-root-scope: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "files": { "command": "npx", "args": ["-y", "server-filesystem@1.0.0", "/Users/me"] }
  }
}
""",
    ".codex/config.toml": """\
[projects."/home/me"]
trust_level = "trusted"
""",
}
PRINTED = """\
high[home-or-root-scope]: server 'files' is given /Users/me: keys, credentials and agent settings are inside
 --> .mcp.json:3:76
  |
3 |     "files": { "command": "npx", "args": ["-y", "server-filesystem@1.0.0", "/Users/me"] }
  |                                                                            ^^^^^^^^^^^

medium[home-or-root-scope]: everything below /home/me is trusted: any project there may bring its own settings
 --> .codex/config.toml:1:11
  |
1 | [projects."/home/me"]
  |           ^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "files": { "command": "npx", "args": ["-y", "server-filesystem@1.0.0", "/Users/me/project"] }
  }
}
""",
}


def test_the_home_directory_as_scope_is_found() -> None:
    """The home directory as scope is found."""
    assert printed("home-or-root-scope", FOUND) == PRINTED


def test_a_project_directory_is_not() -> None:
    """A project directory is not."""
    assert printed("home-or-root-scope", LEFT_ALONE) == ""
