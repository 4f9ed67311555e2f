"""The official TypeScript clients and server over HTTP, directly and through the mediator on either side."""

import json
import os
import re
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from tests.parts import install
from tests.parts.world import environment, module, parts

HERE = Path(__file__).resolve().parent
CLIENT = str(HERE.parent / "parts" / "http_client.mjs")
EVERYTHING = ("@modelcontextprotocol", "server-everything", "dist", "index.js")
KINDS = [("sdk", "handshake"), ("client", "handshake"), ("client", "probe")]
POLICY = 'version = 1\nprofile = "release"\n[mcp.every]\nallow = ["*"]\n'


CALLS = [
    ("echo", {"message": "hi"}),
    ("get-sum", {"a": 1, "b": 2}),
    ("trigger-long-running-operation", {"duration": 0.2, "steps": 2}),
]
MODERN = [("echo", {"message": "hi"}), ("add", {"a": 1, "b": 2})]


def asked(kind: str, era: str, url: str, token: str, home: Path, calls: Any = CALLS) -> dict[str, Any]:
    """Return what one client saw."""
    words = [str(install.node()), CLIENT, str(parts() / "js"), kind, era, json.dumps(calls), url]
    words += [token] if token else []
    done = subprocess.run(
        words, env=environment(home), capture_output=True, text=True, timeout=120, check=False, cwd=home
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)
    return seen


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


@pytest.fixture(scope="module")
def upstream(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Return the URL of the reference server."""
    parts()
    home, port = tmp_path_factory.mktemp("upstream"), free_port()
    with serving(home, port, str(install.node()), module(*EVERYTHING), "streamableHttp") as url:
        yield url


@contextmanager
def serving(home: Path, port: int, *words: str) -> Iterator[str]:
    """Run a server until the context ends; give its URL once it listens."""
    process = subprocess.Popen(
        words,
        env={**environment(home), "PORT": str(port)},
        cwd=home,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    for _ in range(600):
        try:
            socket.create_connection(("127.0.0.1", port)).close()
            break
        except OSError:
            threading.Event().wait(0.05)
    try:
        yield f"http://127.0.0.1:{port}/mcp"
    finally:
        process.kill()
        process.wait()


@pytest.fixture(scope="module")
def direct(upstream: str, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what a client sees without a mediator."""
    return asked("client", "handshake", upstream, "", tmp_path_factory.mktemp("direct"))


class Mediator:
    """``nucleus mcp run --listen`` in front of a server; nobody is asked."""

    def __init__(self, home: Path, *server: str) -> None:
        (home / "work").mkdir()
        (home / "owner.toml").write_text(POLICY)
        words = ["-m", "nucleus", "--state", str(home / "state"), "mcp", "run", "--name", "every", "--observe"]
        words += ["--policy", str(home / "owner.toml"), "--listen", "127.0.0.1:0", *server]
        self.process = subprocess.Popen(
            [sys.executable, *words],
            cwd=home / "work",
            env={"PATH": f"{install.node().parent}:{os.environ['PATH']}"},
            stdin=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stderr is not None
        said = ""
        while "shown once" not in said:
            line = self.process.stderr.readline()
            assert line, said
            said += line
        found = re.search(r"http://\S+", said)
        assert found is not None
        self.url, self.token = found[0], said.split()[-1]

    def end(self) -> tuple[int, str]:
        self.process.terminate()
        return self.process.wait(60), self.process.communicate()[1]


@pytest.mark.parametrize("behind", ["pipes", "url"])
def test_clients_over_http_see_what_they_see_without_a_mediator(
    behind: str, upstream: str, direct: dict[str, Any], tmp_path: Path
) -> None:
    server = ("--url", upstream) if behind == "url" else ("--", str(install.node()), module(*EVERYTHING), "stdio")
    mediator = Mediator(tmp_path, *server)
    try:
        for kind, era in KINDS:
            seen = asked(kind, era, mediator.url, mediator.token, tmp_path)
            assert {tool["name"] for tool in seen["tools"]} == {tool["name"] for tool in direct["tools"]}
            for name in ("calls", "resources"):
                assert seen[name] == direct[name], (kind, era, name)
            assert [one["progress"] for one in seen["progress"]] == [one["progress"] for one in direct["progress"]]
            assert seen["read"]["contents"][0]["uri"] == direct["read"]["contents"][0]["uri"]
    finally:
        status, said = mediator.end()
    assert status == 0, said
    assert "stopped a message" not in said


@pytest.mark.parametrize("behind", ["pipes", "url"])
def test_the_stateless_revision_goes_through_over_http_as_it_is(behind: str, tmp_path: Path) -> None:
    python, port = str(parts() / "py" / "bin" / "python"), free_port()
    script = str(HERE.parent / "parts" / "modern_server.py")
    with serving(tmp_path, port, python, script, "http", str(port)) as url:
        direct = asked("client", "probe", url, "", tmp_path, MODERN)
        assert direct["revision"] == "2026-07-28"
        mediator = Mediator(tmp_path, *(("--url", url) if behind == "url" else ("--", python, script, "stdio")))
        try:
            seen = asked("client", "probe", mediator.url, mediator.token, tmp_path, MODERN)
            assert seen == direct
            old = asked("client", "handshake", mediator.url, mediator.token, tmp_path, MODERN)
            assert old["revision"] == "2025-11-25"
            assert [one["content"] for one in old["calls"]] == [one["content"] for one in direct["calls"]]
        finally:
            status, said = mediator.end()
    assert (status, "withheld" in said, "stopped a message" in said) == (0, False, False), said
