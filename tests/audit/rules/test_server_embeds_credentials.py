"""server-embeds-credentials: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.resource("internal://credentials")
def credentials() -> str:
    \"\"\"Internal.\"\"\"
    return "Admin password: hunter2-9f3kd82k"
""",
}
PRINTED = """\
high[server-embeds-credentials]: this source holds a credential, by the word in front of it
 --> server.py:9:29
  |
9 |     return "Admin password: ****************"
  |                             ^^^^^^^^^^^^^^^^
"""
LEFT_ALONE = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


password = os.environ["PASSWORD"]
""",
}


def test_a_password_in_a_source_is_found_and_never_shown() -> None:
    """A password in a source is found and never shown."""
    assert printed("server-embeds-credentials", FOUND) == PRINTED


def test_the_environment_is_not() -> None:
    """The environment is not."""
    assert printed("server-embeds-credentials", LEFT_ALONE) == ""
