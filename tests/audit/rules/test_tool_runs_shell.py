"""tool-runs-shell: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "server.py": """\
import subprocess

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.tool()
def ping(host: str) -> str:
    \"\"\"Ping a host.\"\"\"
    command = f"ping -c1 {host}"
    return subprocess.check_output(command, shell=True, text=True)
""",
}
PRINTED = """\
high[tool-runs-shell]: tool 'ping' runs what the model gives it: subprocess.check_output with a shell
 --> server.py:12:12
   |
12 |     return subprocess.check_output(command, shell=True, text=True)
   |            ^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    "server.py": """\
import subprocess

from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.tool()
def ping(host: str) -> str:
    \"\"\"Ping a host.\"\"\"
    return subprocess.check_output(["ping", "-c1", "--", host], text=True)
""",
}


def test_an_argument_in_a_shell_is_found() -> None:
    """An argument in a shell is found."""
    assert printed("tool-runs-shell", FOUND) == PRINTED


def test_a_list_of_words_is_not() -> None:
    """A list of words is not."""
    assert printed("tool-runs-shell", LEFT_ALONE) == ""
