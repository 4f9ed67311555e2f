"""The process that serves a box: handed a gate and its tasks, reached by a socket. More: cli/test_run_servers.py."""

import json
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.connection import Connection
from nucleus.gate.spawn import Spawned, start
from nucleus.mcp.behind import begin
from nucleus.mcp.launch import identity
from nucleus.mcp.mediate import Task
from tests.mcp.test_stdio import SERVER

HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[tuple[Spawned, Connection, dict[str, str]]]:
    (tmp_path / "work").mkdir()
    spawned = start(["gate"])
    connection = Connection(spawned.sock)
    fields = {"profile": "release", "workspace": str(tmp_path / "work"), "state": str(tmp_path / "s")}
    opened, _ = connection.request({"do": "open", **fields})
    yield spawned, connection, opened
    connection.close()
    spawned.end(10)


def task(folder: Path, name: str = "t") -> Task:
    command = identity([sys.executable, "-I", SERVER], "").command
    return Task(name, command, {}, {"state": str(folder / "s"), "workspace": str(folder / "work")})


def post(place: Path, target: str, **fields: object) -> bytes:
    body = json.dumps({"jsonrpc": "2.0", **fields}).encode()
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(60)
        sock.connect(str(place))
        head = f"POST {target} HTTP/1.1\r\nHost: mcp\r\nConnection: close\r\nContent-Type: application/json\r\n"
        head += f"Accept: application/json, text/event-stream\r\nContent-Length: {len(body)}\r\n\r\n"
        sock.sendall(head.encode() + body)
        answer = b""
        while chunk := sock.recv(4096):
            answer += chunk
    return answer


def test_each_server_has_its_path_and_the_socket_is_the_owners(
    tmp_path: Path, gate: tuple[Spawned, Connection, dict[str, str]]
) -> None:
    place = tmp_path / "mcp.sock"
    served = begin(place, [task(tmp_path, "a"), task(tmp_path, "b")], gate[1], gate[2])
    assert place.stat().st_mode & 0o077 == 0
    for target in ("/mcp/a", "/mcp/b"):
        assert b'"protocolVersion":"2025-06-18"' in post(place, target, id=1, method="initialize", params=HANDSHAKE)
    assert post(place, "/mcp/c", id=1, method="initialize").startswith(b"HTTP/1.1 404")
    served.end(30)
    assert served.process.returncode == 0
    assert not place.exists()


def test_a_gate_that_is_gone_ends_it(tmp_path: Path, gate: tuple[Spawned, Connection, dict[str, str]]) -> None:
    served = begin(tmp_path / "mcp.sock", [task(tmp_path)], gate[1], gate[2])
    gate[0].process.kill()
    assert served.process.wait(60) == 0
    served.end(1)


def test_what_can_not_be_served_is_an_error_and_no_process(
    tmp_path: Path, gate: tuple[Spawned, Connection, dict[str, str]]
) -> None:
    (tmp_path / "s" / "mcp").mkdir(parents=True, exist_ok=True)
    (tmp_path / "s" / "mcp" / "mappings.toml").write_text("[[tool]]\nname = 1\n")
    with pytest.raises(CannotEnforce, match="could not be served"):
        begin(tmp_path / "mcp.sock", [task(tmp_path)], gate[1], gate[2])
