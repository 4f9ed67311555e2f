"""Servers of all clients, in one shape."""

import json

import pytest

from nucleus.audit.read.json_reader import read_json
from nucleus.audit.servers import Server, servers_of
from nucleus.audit.text import Source
from tests.audit.printed import project_of


def servers(client: str, content: object) -> list[Server]:
    text = json.dumps(content)
    return servers_of(Source("x.json", text), client, read_json(text).roots)


ENTRY = {"command": "node", "args": ["s.js"]}


@pytest.mark.parametrize(
    ("client", "content"),
    [
        ("claude-code", {"mcpServers": {"s": ENTRY}}),
        ("claude-code", {"projects": {"/p": {"mcpServers": {"s": ENTRY}}}}),
        ("vscode", {"servers": {"s": ENTRY}}),
        ("vscode", {"mcp": {"servers": {"s": ENTRY}}}),
        ("zed", {"context_servers": {"s": {"command": {"path": "node", "args": ["s.js"]}}}}),
        ("opencode", {"mcp": {"s": {"type": "local", "command": ["node", "s.js"]}}}),
        ("codex", {"mcp_servers": {"s": ENTRY}}),
        ("amp", {"amp.mcpServers": {"s": ENTRY}}),
        ("goose", {"extensions": {"s": {"cmd": "node", "args": ["s.js"]}}}),
        ("continue", {"mcpServers": [{"name": "s", **ENTRY}]}),
        ("mcp", {"s": ENTRY}),
        ("cursor", {"mcpServers": {"s": {"command": "node s.js"}}}),
    ],
)
def test_every_clients_spelling_is_one_server(client: str, content: object) -> None:
    (server,) = servers(client, content)
    assert (server.name, [word.text() for word in server.words]) == ("s", ["node", "s.js"])


@pytest.mark.parametrize("key", ["url", "serverUrl", "httpUrl"])
def test_every_spelling_of_a_url(key: str) -> None:
    (server,) = servers("gemini", {"mcpServers": {"s": {key: "https://x.example/mcp", "headers": {"A": "b"}}}})
    assert server.url is not None
    assert (server.url.text(), len(server.headers)) == ("https://x.example/mcp", 1)


def test_approvals_limits_and_switches() -> None:
    (server,) = servers(
        "kiro",
        {"mcpServers": {"s": {**ENTRY, "autoApprove": ["a"], "trust": True, "includeTools": ["b"], "disabled": True}}},
    )
    assert [node.text() for node in server.approved] == ["a"]
    assert server.trust is not None
    assert (server.tools, server.disabled) == (["b"], True)


def test_a_limit_to_everything_is_no_limit() -> None:
    (server,) = servers("gemini", {"mcpServers": {"s": {**ENTRY, "includeTools": ["*"]}}})
    assert server.tools is None


def test_variables_are_read_from_maps_and_lists() -> None:
    for environment in ({"A": "b"}, ["A=b"]):
        (server,) = servers("opencode", {"mcp": {"s": {"command": ["x"], "environment": environment}}})
        assert [(key.value, value.value) for key, value in server.env] == [("A", "b")]


def test_toml_and_yaml_give_the_same_server() -> None:
    toml = project_of({".codex/config.toml": '[mcp_servers.s]\ncommand = "node"\nargs = ["s.js"]\n'})
    yaml = project_of({".continue/config.yaml": "mcpServers:\n  - name: s\n    command: node\n    args: [s.js]\n"})
    for project in (toml, yaml):
        assert [(s.name, s.launch.target) for s in project.servers] == [("s", "s.js")]


def test_what_starts_nothing_is_no_server() -> None:
    assert servers("mcp", {"mcpServers": {"note": {"text": "x"}, "bad": 1}}) == []
