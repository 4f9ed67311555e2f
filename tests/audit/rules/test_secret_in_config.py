"""secret-in-config: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "node", "args": ["s.js"], "env": { "SERVICE_TOKEN": "hunter2-9f3kd82kQ" } }
  }
}
""",
}
PRINTED = """\
high[secret-in-config]: this looks like a secret (SERVICE_TOKEN); revoke it and refer to the environment instead
 --> .mcp.json:3:76
  |
3 |     "x": { "command": "node", "args": ["s.js"], "env": { "SERVICE_TOKEN": "*****************" } }
  |                                                                            ^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "node", "args": ["s.js"], "env": { "A_TOKEN": "${A_TOKEN}", "B_API_KEY": "your-key-here", "MAX_TOKENS": "4096123" } }
  }
}
""",
}


def test_a_value_under_a_promising_name_is_found_and_never_shown() -> None:
    """A value under a promising name is found and never shown."""
    assert printed("secret-in-config", FOUND) == PRINTED


def test_references_and_placeholders_are_not() -> None:
    """References and placeholders are not."""
    assert printed("secret-in-config", LEFT_ALONE) == ""
