"""Clients' files of MCP servers, read strictly."""

import json
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.mcp.configured import Server, read_servers


def read(folder: Path, value: Any) -> list[Server]:
    file = folder / "mcp.json"
    file.write_text(value if isinstance(value, str) else json.dumps(value))
    return read_servers(file)


def test_commands_and_urls_are_read_and_what_is_disabled_is_left_out(tmp_path: Path) -> None:
    entries = {
        "time": {"command": "mcp-server-time", "args": ["--utc"], "env": {"TZ": "UTC"}, "type": "stdio"},
        "web": {"type": "http", "url": "https://example.org/mcp", "headers": {"Authorization": "x"}},
        "off": {"command": "x", "disabled": True},
    }
    for key in ("mcpServers", "servers"):
        assert read(tmp_path, {key: entries, "other": 1}) == [
            Server("time", ("mcp-server-time", "--utc"), {"TZ": "UTC"}),
            Server("web", (), {}, "https://example.org/mcp", {"Authorization": "x"}),
        ]


@pytest.mark.parametrize(
    "value",
    [
        "{",
        "[]",
        '{"mcpServers": {}, "mcpServers": {}}',
        {},
        {"mcpServers": {}, "servers": {}},
        {"mcpServers": []},
        *(
            {"mcpServers": {name: entry}}
            for name, entry in (
                ("../x", {"command": "x"}),
                ("", {"command": "x"}),
                ("a", "x"),
                ("a", {}),
                ("a", {"command": "x", "url": "https://example.org"}),
                ("a", {"command": "x", "args": "y"}),
                ("a", {"command": "x", "args": [1]}),
                ("a", {"command": "x\0"}),
                ("a", {"command": "x", "env": {"A": 1}}),
                ("a", {"command": "x", "cwd": "/"}),
                ("a", {"type": "sse", "url": "https://example.org"}),
            )
        ),
    ],
)
def test_whatever_is_not_understood_is_refused_with_the_file(tmp_path: Path, value: Any) -> None:
    with pytest.raises(CannotEnforce, match=r"mcp\.json"):
        read(tmp_path, value)
