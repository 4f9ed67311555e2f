"""A server of the official Python SDK, of the stateless revision too: ``modern_server.py http PORT``, or ``stdio``."""

import sys

from mcp.server import MCPServer

app = MCPServer("modern")


@app.tool()
def add(a: int, b: int) -> int:
    """Return the sum."""
    return a + b


@app.tool()
def echo(message: str) -> str:
    """Return what was said."""
    return message


@app.resource("demo://one")
def one() -> str:
    """Return one."""
    return "one"


if __name__ == "__main__":
    if sys.argv[1] == "http":
        app.run(transport="streamable-http", port=int(sys.argv[2]))
    else:
        app.run(transport="stdio")
