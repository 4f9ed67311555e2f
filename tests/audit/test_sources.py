"""What sources of MCP servers declare. They are parsed, never imported."""

import pytest

from nucleus.audit.sources import is_server, server_source
from nucleus.audit.text import Source
from tests.audit.printed import project_of

PYTHON = '''\
from mcp.server.fastmcp import FastMCP

mcp = FastMCP("x")


@mcp.tool()
def add(a: int, b: int) -> int:
    """Add \u00e9."""
    return a + b


@mcp.resource("x://{y}")
async def read(y: str) -> str:
    return y


TOOLS = [Tool(name="other", description="Other words.")]
'''
SCRIPT = """\
import { McpServer } from "@modelcontextprotocol/sdk/server/mcp.js";
server.tool("add", "Add two numbers", {}, run);
server.registerTool("sub", { description: `Subtract` }, run);
"""


def test_tools_and_their_descriptions_are_found_in_python() -> None:
    found = server_source(Source("server.py", PYTHON))
    assert [function.name for function in found.functions] == ["add", "read"]
    for description in found.descriptions:
        assert PYTHON[description.start : description.end].strip('"') in {"Add \u00e9.", "Other words."}
    assert len(found.descriptions) == 2


def test_descriptions_are_found_in_scripts() -> None:
    found = server_source(Source("server.ts", SCRIPT))
    assert [description.text for description in found.descriptions] == ["Add two numbers", "Subtract"]


@pytest.mark.parametrize(
    ("path", "text"), [("a.py", "print('mcp')"), ("a.py", "import os"), ("a.ts", "const mcp = 1;")]
)
def test_other_sources_are_none(path: str, text: str) -> None:
    assert not is_server(path, text)


def test_a_source_of_another_python_is_a_problem_and_no_crash() -> None:
    project = project_of({"server.py": "from mcp.server import x\nprint 'old'\n"})
    assert [problem.offset for document in project.documents for problem in document.problems] == [25]
    assert project.sources == []
