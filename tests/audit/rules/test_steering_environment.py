"""steering-environment: what is printed, to the letter, and what is left alone."""

# ruff: noqa: E501  printed text is not wrapped

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "node", "args": ["s.js"], "env": { "NODE_OPTIONS": "--require ./patch.js", "PYTHONPATH": "src" } }
  }
}
""",
}
PRINTED = """\
high[steering-environment]: NODE_OPTIONS makes server 'x' load code that no command line names
 --> .mcp.json:3:58
  |
3 |     "x": { "command": "node", "args": ["s.js"], "env": { "NODE_OPTIONS": "--require ./patch.js", "PYTHONPATH": "src" } }
  |                                                          ^^^^^^^^^^^^^^

low[steering-environment]: PYTHONPATH makes server 'x' load code that no command line names
 --> .mcp.json:3:98
  |
3 |     "x": { "command": "node", "args": ["s.js"], "env": { "NODE_OPTIONS": "--require ./patch.js", "PYTHONPATH": "src" } }
  |                                                                                                  ^^^^^^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "x": { "command": "node", "args": ["s.js"], "env": { "NODE_ENV": "production", "NODE_OPTIONS": "--max-old-space-size=512" } }
  }
}
""",
}


def test_an_entry_that_loads_code_is_found() -> None:
    """An entry that loads code is found."""
    assert printed("steering-environment", FOUND) == PRINTED


def test_plain_settings_are_not() -> None:
    """Plain settings are not."""
    assert printed("steering-environment", LEFT_ALONE) == ""
