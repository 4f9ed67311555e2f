"""secret-in-argument: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "npx", "args": ["-y", "server@1.0.0", "--access-token", "hunter2-9f3kd82kQ"] }
  }
}
""",
}
PRINTED = """\
high[secret-in-argument]: server 'x' gets a secret on its command line, where every process can read it
 --> .mcp.json:3:80
  |
3 |     "x": { "command": "npx", "args": ["-y", "server@1.0.0", "--access-token", "*****************"] }
  |                                                                                ^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "npx", "args": ["-y", "server@1.0.0", "--access-token", "${TOKEN}"] }
  }
}
""",
}


def test_a_token_on_a_command_line_is_found_and_never_shown() -> None:
    """A token on a command line is found and never shown."""
    assert printed("secret-in-argument", FOUND) == PRINTED


def test_a_reference_is_not() -> None:
    """A reference is not."""
    assert printed("secret-in-argument", LEFT_ALONE) == ""
