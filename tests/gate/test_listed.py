"""Names that two servers share, and tools that are never allowed, asked over a gate's own connection."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.connection import Connection
from nucleus.gate.spawn import Spawned, start

POLICY = 'version = 1\nprofile = "doc_editor"\n[mcp.notes]\nallow = ["read_*"]\ndeny = ["read_all"]\n'


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Spawned]:
    spawned = start(["gate"])
    yield spawned
    spawned.end(10)


def opened(gate: Spawned, folder: Path) -> Connection:
    (folder / "owner.toml").write_text(POLICY)
    (folder / "work").mkdir()
    connection = Connection(gate.sock)
    fields = {"policies": [str(folder / "owner.toml")], "workspace": str(folder / "work"), "state": str(folder / "s")}
    assert connection.request({"do": "open", **fields})[0]["what"] == "opened"
    return connection


def listed(connection: Connection, **fields: Any) -> tuple[list[str], list[str]]:
    reply = connection.request({"do": "tools", "name": "notes", "first": True, **fields})[0]
    return reply["equal"], reply["never"]


def test_a_tool_of_which_no_call_is_ever_allowed_is_named(gate: Spawned, tmp_path: Path) -> None:
    """doc_editor reads and asks before it pushes; it has no shell, so what nobody reviewed is never allowed."""
    connection = opened(gate, tmp_path)
    tools = {
        "read_one": ["read_files"],
        "read_all": ["read_files"],
        "read_any": [],
        "send": ["create_pr"],
        "run": ["run_bash"],
        "both": ["run_bash", "read_files"],
    }
    assert listed(connection, server="a", tools=tools) == ([], ["read_all", "read_any", "run"])
    connection.close()


def test_names_that_another_connection_lists_are_equal_unless_it_is_the_same_server(
    gate: Spawned, tmp_path: Path
) -> None:
    first = opened(gate, tmp_path)
    second, _ = first.branch({"do": "attach"})
    assert listed(first, server="a", tools={"x": ["read_files"]})[0] == []
    assert listed(first, server="a", tools={"y": ["read_files"]}, first=False)[0] == []
    assert listed(second, server="b", tools={"x": ["read_files"], "y": ["read_files"], "z": []})[0] == ["x", "y"]
    assert listed(second, server="a", tools={"x": ["read_files"]})[0] == []
    first.request({"do": "tools", "server": "a", "name": "notes", "tools": {}, "first": True})
    assert listed(second, server="b", tools={"x": ["read_files"]})[0] == []
    for connection in (first, second):
        connection.close()


@pytest.mark.parametrize("tools", [None, ["x"], {"x": None}, {"x": ["no_such_op"]}])
def test_a_frame_of_another_shape_lists_nothing(gate: Spawned, tmp_path: Path, tools: object) -> None:
    connection = opened(gate, tmp_path)
    assert listed(connection, server="a", tools=tools) == ([], [])
    connection.close()
