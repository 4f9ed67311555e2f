"""tool-unconfined-path: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.tool()
def read_file(name: str) -> str:
    \"\"\"Read a file.\"\"\"
    with open(name) as file:
        return file.read()
""",
}
PRINTED = """\
high[tool-unconfined-path]: tool 'read_file' opens whatever path the model gives it
 --> server.py:9:10
  |
9 |     with open(name) as file:
  |          ^^^^^^^^^^
"""
LEFT_ALONE = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.tool()
def read_file(name: str) -> str:
    \"\"\"Read a file.\"\"\"
    path = (BASE / name).resolve()
    if not path.is_relative_to(BASE):
        raise ValueError
    return path.read_text()
""",
}


def test_an_unchecked_path_is_found() -> None:
    """An unchecked path is found."""
    assert printed("tool-unconfined-path", FOUND) == PRINTED


def test_a_compared_path_is_not() -> None:
    """A compared path is not."""
    assert printed("tool-unconfined-path", LEFT_ALONE) == ""
