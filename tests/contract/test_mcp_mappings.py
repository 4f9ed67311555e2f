"""The shipped mappings are of the servers that are pinned here: each entry has the digest of a real definition."""

import json
import subprocess
import tomllib
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nucleus.kernel.facts import ALL_SINKS, CONTROL, EGRESS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK
from nucleus.mcp.mapping import read_mappings, shipped
from nucleus.mcp.pins import Identity, digest_of
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from tests.parts import install, world

SERVERS = {
    "@modelcontextprotocol/server-filesystem": ("server-filesystem", "dist", "index.js"),
    "@modelcontextprotocol/server-memory": ("server-memory", "dist", "index.js"),
    "@modelcontextprotocol/server-everything": ("server-everything", "dist", "index.js"),
    "@playwright/mcp": ("cli.js",),
    "mcp-server-git": ("py",),
    "mcp-server-fetch": ("py",),
    "mcp-server-time": ("py",),
    "mcp-server-sqlite": ("py1",),
}
HELLO = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}


def command(program: str, work: Path) -> list[str]:
    """Return how a server is started."""
    words = SERVERS[program]
    if words[0].startswith("py"):
        more = ["--db-path", str(work / "t.db")] if program.endswith("sqlite") else []
        return [str(world.parts() / words[0] / "bin" / program), *more]
    scope = "@playwright" if program.startswith("@playwright") else "@modelcontextprotocol"
    names = ("mcp", *words) if scope == "@playwright" else words
    more = [str(work)] if program.endswith("filesystem") else ["stdio"] if program.endswith("everything") else []
    return [str(install.node()), world.module(scope, *names), *more]


@cache
def definitions(program: str, work: Path) -> dict[str, Any]:
    """Return the tools that a real server lists in the environment that the mediator gives it, by name."""
    asked: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": HELLO},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list", "params": {}},
    ]
    with subprocess.Popen(
        command(program, work),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=world.server_environment(),
        text=True,
    ) as server:
        assert server.stdin is not None
        assert server.stdout is not None
        found: dict[str, Any] = {}
        for message in asked:
            server.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            server.stdin.flush()
            while "id" in message:
                said = json.loads(server.stdout.readline())
                if said.get("id") == message["id"] and "method" not in said:
                    found = said["result"]
                    break
        server.kill()
    return {tool["name"]: tool for tool in found["tools"]}


def rows(program: str) -> list[dict[str, Any]]:
    """Return the shipped entries of a server."""
    found = tomllib.loads(shipped())["tool"]
    return [
        row for row in found if program in ([row["program"]] if isinstance(row["program"], str) else row["program"])
    ]


def test_every_shipped_entry_is_of_a_server_that_is_tried_here() -> None:
    assert sum(len(rows(program)) for program in SERVERS) == len(tomllib.loads(shipped())["tool"])


@pytest.mark.parametrize("program", SERVERS)
def test_each_entry_has_the_digest_of_a_real_definition_and_names_its_arguments(program: str, tmp_path: Path) -> None:
    real = definitions(program, tmp_path)
    for row in rows(program):
        tool = real[row["name"]]
        assert row["digest"] == digest_of(tool), row["name"]
        named = {*row.get("arguments", ()), *row.get("free", ()), *([row["paths"]] if "paths" in row else ())}
        assert named <= set(tool["inputSchema"].get("properties", {})), row["name"]
        for field in ("path", "destination", "to", "base"):
            assert row.get(field, "") in {"", *named}


CASES: list[tuple[str, str, dict[str, Any], int | None, int]] = [
    ("filesystem", "read_text_file", {"path": "/w/src/a.py"}, SCOPE_ALLOW, 0),
    ("filesystem", "read_text_file", {"path": "/home/u/.ssh/id_ed25519"}, 0, 0),
    ("filesystem", "read_multiple_files", {"paths": ["/w/a", "/w/src/b.py"]}, SCOPE_ALLOW, 0),
    ("filesystem", "read_multiple_files", {"paths": ["/w/a", "/home/u/.ssh/id_ed25519"]}, 0, 0),
    ("filesystem", "read_multiple_files", {"paths": ["/w/a", "b"]}, None, ALL_SINKS),
    ("filesystem", "write_file", {"path": "/w/src/a.py", "content": "x"}, SCOPE_ALLOW, 0),
    ("filesystem", "write_file", {"path": "/home/u/.bashrc", "content": "x"}, 0, 0),
    ("filesystem", "move_file", {"source": "/w/a", "destination": "/w/b"}, SCOPE_ALLOW, IRREVERSIBLE),
    ("filesystem", "move_file", {"source": "/w/a", "destination": "/w/.claude"}, SCOPE_ALLOW, IRREVERSIBLE | CONTROL),
    ("filesystem", "move_file", {"source": "/w/a", "destination": "/home/u/.bashrc"}, 0, IRREVERSIBLE),
    ("git", "git_add", {"repo_path": "/w", "files": ["a", "src/b.py"]}, SCOPE_ALLOW, 0),
    ("git", "git_add", {"repo_path": "/w", "files": ["a", ".env"]}, SCOPE_ASK, 0),
    ("git", "git_add", {"repo_path": "/w", "files": ["a", "../x"]}, 0, 0),
    ("git", "git_add", {"repo_path": "/w", "files": ["*"]}, None, ALL_SINKS),
    ("git", "git_add", {"repo_path": "/w", "files": [":/"]}, None, ALL_SINKS),
    ("git", "git_log", {"repo_path": "/w", "max_count": 5}, SCOPE_ALLOW, 0),
    ("git", "git_commit", {"repo_path": "/w", "message": "x"}, None, ALL_SINKS),
    ("fetch", "fetch", {"url": "https://docs.python.org/3/"}, SCOPE_ALLOW, EGRESS),
    ("sqlite", "read_query", {"query": "SELECT 1"}, SCOPE_ALLOW, 0),
    ("sqlite", "write_query", {"query": "VACUUM INTO '/home/u/.bashrc'"}, None, ALL_SINKS),
    ("memory", "create_entities", {"entities": []}, None, ALL_SINKS),
    ("everything", "get-env", {}, None, ALL_SINKS),
    ("playwright", "browser_snapshot", {}, SCOPE_ALLOW, 0),
    ("playwright", "browser_snapshot", {"filename": "/home/u/.bashrc"}, None, ALL_SINKS),
    ("playwright", "browser_evaluate", {"function": "() => 1"}, None, ALL_SINKS),
]


@pytest.mark.parametrize(("short", "tool", "arguments", "scope", "sink"), CASES)
def test_a_call_of_a_real_tool_is_judged_by_what_it_does(
    short: str, tool: str, arguments: dict[str, Any], scope: int | None, sink: int, tmp_path: Path
) -> None:
    """``None``: nobody reviewed it, so that it is every kind of sink. It may be called, and asks all the same."""
    (program,) = [one for one in SERVERS if short in one]
    policy = 'version = 1\nprofile = "local_dev"\n[allow]\nfetch = ["docs.python.org"]\n[mcp.s]\nallow = ["*"]\n'
    loaded = load_policy([LayerFile("--policy", "p.toml", policy.encode(), trusted=True, why="")], OwnerChoices())
    who = Identity(("/usr/bin/npx", "-y", program))
    call = read_mappings(shipped()).call(who, "s", definitions(program, tmp_path)[tool], arguments, b"{}")
    facts = classify(loaded, call, Context("/w", "/home/u"))
    assert ("op" in call.args) is (scope is not None)
    assert facts.sink == sink
    assert scope is None or facts.scope == scope
