"""duplicate-key: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    ".mcp.json": """\
{
  "mcpServers": {
    "check": { "command": "./a" },
    "check": { "command": "./b" }
  }
}
""",
}
PRINTED = """\
medium[duplicate-key]: 'check' stands here a second time; clients differ in which one they take
 --> .mcp.json:4:5
  |
4 |     "check": { "command": "./b" }
  |     ^^^^^^^
"""
LEFT_ALONE = {
    ".mcp.json": """\
{
  "mcpServers": {
    "a": { "command": "./a" },
    "b": { "command": "./b" }
  }
}
""",
}


def test_the_second_of_two_equal_keys_is_found() -> None:
    """The second of two equal keys is found."""
    assert printed("duplicate-key", FOUND) == PRINTED


def test_different_keys_are_not() -> None:
    """Different keys are not."""
    assert printed("duplicate-key", LEFT_ALONE) == ""
