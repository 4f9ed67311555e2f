"""``--listen`` and ``--url``, one behind the other: a client over pipes, two mediators, HTTP between them."""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.desk import gates
from tests.mcp.test_stdio import COMMAND, OTHER_CLIENT, POLICY, SERVER, mappings

HANDSHAKE = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "c", "version": "1"}}


class Listening:
    """A mediator that serves HTTP."""

    def __init__(self, home: Path) -> None:
        self.home = home
        (home / "state" / "mcp").mkdir(mode=0o700, parents=True)
        (home / "state").chmod(0o700)
        (home / "state" / "mcp" / "mappings.toml").write_text(mappings())
        (home / "owner.toml").write_text(POLICY)
        (home / "work").mkdir()
        self.process = self.start("--listen", "127.0.0.1:0", "--", sys.executable, "-I", SERVER)
        assert self.process.stderr is not None
        said = ""
        while "shown once" not in said:
            said += self.process.stderr.readline()
        self.url = re.search(r"http://\S+", said)[0]  # type: ignore[index]
        self.token = said.split()[-1]
        self.port = int(self.url.split(":")[2].partition("/")[0])

    def start(self, *words: str, **environment: str) -> "subprocess.Popen[str]":
        argv = [*COMMAND, "--state", str(self.home / "state"), "mcp", "run", "--name", "t"]
        return subprocess.Popen(
            [*argv, "--policy", str(self.home / "owner.toml"), *words],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            cwd=self.home / "work",
            env={"PATH": os.environ["PATH"], **environment},
        )

    def post(self, session: str = "", **fields: Any) -> tuple[int, str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        headers = {
            "Content-Type": "application/json",
            "Accept": "application/json, text/event-stream",
            "Authorization": f"Bearer {self.token}",
        }
        if session:
            headers["Mcp-Session-Id"] = session
        connection.request("POST", "/mcp", json.dumps({"jsonrpc": "2.0", **fields}), headers)
        response = connection.getresponse()
        body = response.read()
        connection.close()
        return response.status, response.getheader("Mcp-Session-Id") or "", json.loads(body) if body else None

    def meet(self) -> str:
        _, session, _ = self.post(id=1, method="initialize", params=HANDSHAKE)
        self.post(session, id=2, method="tools/list")
        return session

    def end(self) -> tuple[int, str]:
        self.process.terminate()
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said


@pytest.fixture
def listening(tmp_path: Path) -> Iterator[Listening]:
    one = Listening(tmp_path)
    yield one
    if one.process.poll() is None:
        one.process.kill()
        one.process.communicate()


def call(text: str) -> dict[str, Any]:
    return {"name": "echo", "arguments": {"text": text}}


def test_two_clients_have_a_server_each_and_one_exposure(listening: Listening) -> None:
    first, second = listening.meet(), listening.meet()
    assert first != second
    for session in (first, second):
        _, _, answer = listening.post(session, id=7, method="tools/call", params=call("hi"))
        assert answer["result"]["content"][0]["text"] == "hi"
    [(entry, _)] = gates(listening.home / "state")
    children = Path(f"/proc/{listening.process.pid}/task/{listening.process.pid}/children").read_text().split()
    assert len(children) == 3, "a gate, and a server for each session"
    status, _ = listening.end()
    assert status == 0
    traces = [path for path in (listening.home / "state" / "traces").glob("*.jsonl") if path.name != "ledger.jsonl"]
    [records] = [[json.loads(line) for line in trace.read_text().splitlines()] for trace in traces]
    decided = [record for record in records if record["type"] == "decision"]
    assert {record["principal"] for record in decided} == {entry["principal"]}
    assert [record["verdict"] for record in decided] == ["allow", "allow"]


def test_a_client_over_pipes_reaches_it_through_a_second_mediator(listening: Listening) -> None:
    words = ("--url", listening.url, "--header", "Authorization")
    client = listening.start(*words, NUCLEUS_HEADER_Authorization=f"Bearer {listening.token}")
    assert client.stdin is not None
    assert client.stdout is not None
    for number, (method, params) in enumerate(
        (("initialize", HANDSHAKE), ("tools/list", {}), ("tools/call", call("x" * 100_000)))
    ):
        client.stdin.write(json.dumps({"jsonrpc": "2.0", "id": number, "method": method, "params": params}) + "\n")
        client.stdin.flush()
        answer = json.loads(client.stdout.readline())
        assert answer["id"] == number
        assert "result" in answer or "approval required" in answer["error"]["message"]
    _, said = client.communicate(timeout=60)
    assert client.returncode == 0, said
    assert listening.token not in Path(f"/proc/{listening.process.pid}/cmdline").read_text()


def test_a_gate_that_is_gone_ends_it(listening: Listening) -> None:
    session = listening.meet()
    [(entry, _)] = gates(listening.home / "state")
    os.kill(entry["gate"][0], signal.SIGKILL)
    assert listening.process.wait(60) == 1
    assert "the gate is gone" in listening.process.communicate()[1]
    with pytest.raises(OSError, match=r"."):
        listening.post(session, id=3, method="tools/call", params=call("x"))


def test_a_server_that_can_not_be_reached_answers_every_request_with_an_error(listening: Listening) -> None:
    listening.end()
    client = listening.start("--url", listening.url)
    line = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "initialize", "params": HANDSHAKE}) + "\n"
    out, _ = client.communicate(line, timeout=60)
    assert json.loads(out)["error"]["code"] == -32603


@pytest.mark.parametrize("words", [("--url", "http://example.org/"), ("--listen", "0.0.0.0:1", "--", "true"), ()])
def test_what_can_not_be_is_said(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "work").mkdir()
    argv = [*OTHER_CLIENT, *COMMAND, "--state", str(tmp_path / "s"), "mcp", "run", *words]
    done = subprocess.run(argv, cwd=tmp_path / "work", capture_output=True, text=True, input="", check=False)
    assert done.returncode in {1, 2}
    assert "Traceback" not in done.stderr
    assert any(word in done.stderr for word in ("plain http", "loopback", "name one server"))
