"""server-listens-everywhere: what is printed, to the letter, and what is left alone."""

from tests.audit.printed import printed

FOUND = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


uvicorn.run(mcp, host="0.0.0.0", port=8001)
""",
}
PRINTED = """\
medium[server-listens-everywhere]: this server answers everybody on the network
 --> server.py:6:23
  |
6 | uvicorn.run(mcp, host="0.0.0.0", port=8001)
  |                       ^^^^^^^^^
"""
LEFT_ALONE = {
    "server.py": """\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


uvicorn.run(mcp, host="127.0.0.1", port=8001)
""",
}


def test_every_interface_is_found() -> None:
    """Every interface is found."""
    assert printed("server-listens-everywhere", FOUND) == PRINTED


def test_loopback_is_not() -> None:
    """Loopback is not."""
    assert printed("server-listens-everywhere", LEFT_ALONE) == ""
