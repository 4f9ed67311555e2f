"""tool-reflects-input: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.resource("notes://{user}")
def notes(user: str) -> str:
    \"\"\"Notes of a user.\"\"\"
    return f"No notes for {user}"
""",
}
PRINTED = """\
low[tool-reflects-input]: 'notes' repeats its argument in what it returns
 --> server.py:9:5
  |
9 |     return f"No notes for {user}"
  |     ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.resource("notes://{user}")
def notes(user: str) -> str:
    \"\"\"Notes of a user.\"\"\"
    return "not found"
""",
}


def test_a_repeated_argument_is_found() -> None:
    """A repeated argument is found."""
    assert printed("tool-reflects-input", FOUND) == PRINTED


def test_fixed_words_are_not() -> None:
    """Fixed words are not."""
    assert printed("tool-reflects-input", LEFT_ALONE) == ""
