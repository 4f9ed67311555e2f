"""A real client process, a real gate, a real server process, judged at what each of them got."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.protocol import send
from nucleus.mcp.pins import digest_of
from nucleus.mcp.stdio import GATE_GONE, Pump
from tests.mcp.world import met

SERVER = str(Path(__file__).with_name("server.py"))
POLICY = 'version = 1\nprofile = "release"\n[mcp.t]\nallow = ["echo", "env"]\n'
COMMAND = [sys.executable, "-m", "nucleus"]


def mappings() -> str:
    rows = [{"name": name, "inputSchema": {"type": "object"}} for name in ("echo", "env")]
    return "".join(
        f'[[tool]]\nprogram = "server.py"\nname = "{row["name"]}"\ndigest = "{digest_of(row)}"\n'
        'op = "read_files"\narguments = ["text"]\nlongest = 1000000\n'
        for row in rows
    )


OTHER_CLIENT = [sys.executable, "-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"]


class Client:
    """A client that speaks to a mediated server over pipes."""

    def __init__(
        self, home: Path, mode: str = "", options: tuple[str, ...] = (), *, mapped: bool = True, own: bool = False
    ) -> None:
        """Start it. ``own``: the client is a process beside this one, so that this one may answer its questions."""
        self.state = home / "state"
        (self.state / "mcp").mkdir(mode=0o700, parents=True)
        self.state.chmod(0o700)
        if mapped:
            (self.state / "mcp" / "mappings.toml").write_text(mappings())
        (home / "owner.toml").write_text(POLICY)
        (home / "work").mkdir()
        argv = [
            *COMMAND,
            "-q",
            "--state",
            str(self.state),
            "mcp",
            "run",
            "--name",
            "t",
            "--policy",
            str(home / "owner.toml"),
        ]
        self.process = subprocess.Popen(
            [*(OTHER_CLIENT if own else []), *argv, *options, "--", sys.executable, "-I", SERVER, mode],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=home / "work",
            env={"PATH": os.environ["PATH"], "GITHUB_TOKEN": "canary", "TOKEN": "copied"},
        )
        self.number = 0

    def send(self, method: str, **params: Any) -> None:
        assert self.process.stdin is not None
        self.number += 1
        fields = {"jsonrpc": "2.0", "id": self.number, "method": method, "params": params}
        self.process.stdin.write(json.dumps(fields).encode() + b"\n")
        self.process.stdin.flush()

    def receive(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, method: str, **params: Any) -> dict[str, Any]:
        self.send(method, **params)
        return self.receive()

    def meet(self) -> None:
        self.ask("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "c", "version": "1"})
        self.ask("tools/list")

    def leave(self) -> tuple[int, str]:
        """Close the pipes and return the status and what was said to the person."""
        _, said = self.process.communicate(timeout=60)
        return self.process.returncode, said.decode()

    def records(self) -> list[dict[str, Any]]:
        [trace] = [path for path in (self.state / "traces").glob("*.jsonl") if path.name != "ledger.jsonl"]
        return [json.loads(line) for line in trace.read_text().splitlines()]


@pytest.fixture
def started(tmp_path: Path) -> Iterator[list[Client]]:
    clients: list[Client] = []
    yield clients
    for client in clients:
        if client.process.poll() is None:
            client.process.kill()
            client.process.communicate()


def test_a_mapped_call_goes_through_and_is_on_record(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path, options=("--server-env", "TOKEN", "--server-env", "LANGUAGE=en"))
    started.append(client)
    client.meet()
    answer = client.ask("tools/call", name="echo", arguments={"text": "hello"})
    assert answer["result"] == {"content": [{"type": "text", "text": "hello"}]}
    got = json.loads(client.ask("tools/call", name="env", arguments={})["result"]["content"][0]["text"])
    assert (got["TOKEN"], got["LANGUAGE"]) == ("copied", "en")
    assert "GITHUB_TOKEN" not in got
    refused = client.ask("tools/call", name="echo", arguments={"text": "x", "other": 1})
    assert "approval required" in refused["error"]["message"]
    assert client.leave() == (0, "")
    records = client.records()
    verdicts = [record["verdict"] for record in records if record["type"] == "decision"]
    assert verdicts == ["allow", "allow", "ask"]
    assert [record["outcome"] for record in records if record["type"] == "result"] == ["ok", "ok"]
    assert [record["type"] for record in records].count("close") == 1
    assert "hello" not in json.dumps(records)


def test_without_the_mediator_the_server_has_every_variable_and_answers_twice(tmp_path: Path) -> None:
    """The negative control: the same server, spoken to directly."""
    call = {"jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": {"name": "env"}}
    done = subprocess.run(
        [sys.executable, "-I", SERVER, "twice"],
        input=json.dumps(call).encode() + b"\n",
        env={"GITHUB_TOKEN": "canary"},
        capture_output=True,
        check=True,
    )
    first, second = (json.loads(line) for line in done.stdout.splitlines())
    assert "canary" in first["result"]["content"][0]["text"]
    assert second["result"]["content"][0]["text"] == "forged"


def test_noise_and_second_answers_are_stopped_and_recorded(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path, "twice")
    started.append(client)
    client.meet()
    first = client.ask("tools/call", name="echo", arguments={"text": "one"})
    second = client.ask("tools/call", name="echo", arguments={"text": "two"})
    texts = [one["result"]["content"][0]["text"] for one in (first, second)]
    assert texts == ["one", "two"]
    status, said = client.leave()
    assert status == 0
    assert "stopped a message of the server" in said
    denied = [record for record in client.records() if record.get("verdict") == "deny"]
    assert len(denied) >= 3
    assert {record["args"]["tool"] for record in denied} == {"server"}


def test_an_unmapped_tool_asks(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path, "noise", mapped=False)
    started.append(client)
    client.meet()
    answer = client.ask("tools/call", name="echo", arguments={"text": "x"})
    assert "approval required" in answer["error"]["message"]
    assert "stopped a message of the server" in client.leave()[1]


def gate_of(client: Client) -> int:
    """Return the process number of a client's gate."""
    children = Path(f"/proc/{client.process.pid}/task/{client.process.pid}/children").read_text().split()
    return next(int(one) for one in children if b"privileged.py" in Path(f"/proc/{one}/cmdline").read_bytes())


def test_a_gate_that_is_gone_leaves_nothing_allowed(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path)
    started.append(client)
    client.meet()
    os.kill(gate_of(client), signal.SIGKILL)
    client.process.wait(60)  # it ends by itself: whoever leaves first only sees its own leaving
    status, said = client.leave()
    assert (status, "the gate is gone" in said) == (1, True)


def test_a_result_waits_for_no_answer_of_the_gate_that_was_told_of_it(tmp_path: Path, started: list[Client]) -> None:
    """The server stops the gate before it answers: what it answers has joined already, and the gate hears of it."""
    client = Client(tmp_path, "freezes")
    started.append(client)
    client.meet()
    gate = gate_of(client)
    assert "content" in client.ask("tools/call", name="echo", arguments={"text": str(gate)})["result"]
    client.send("tools/call", name="env", arguments={})
    os.kill(gate, signal.SIGCONT)
    assert "content" in client.receive()["result"]
    assert client.leave()[0] == 0
    calls = [one for one in client.records() if one["type"] in {"decision", "result", "change"}]
    assert [one["type"] for one in calls] == ["decision", "result", "decision", "result"]
    assert [one["outcome"] for one in calls if one["type"] == "result"] == ["ok", "ok"]
    # The exposure after a decision is what its result can show; no record after it adds any.
    exposures = [one["state"][1] for one in calls if one["type"] == "decision"]
    assert exposures[0] != 0
    assert exposures[0] == exposures[1]


def test_a_result_is_released_to_nobody_where_the_gate_was_gone_before_it(
    tmp_path: Path, started: list[Client]
) -> None:
    client = Client(tmp_path, "kills")
    started.append(client)
    client.meet()
    answer = client.ask("tools/call", name="echo", arguments={"text": str(gate_of(client))})
    assert answer["error"]["message"] == "the gate is gone; nothing can be allowed any more"
    client.process.wait(60)
    assert client.leave()[0] == 1


def test_a_gate_that_goes_while_a_result_comes_ends_the_mediator_in_good_order() -> None:
    """Both are seen in one turn: the result finds the gate gone, and its end is heard of after that."""
    ours, gate = socket.socketpair()
    pipes = [os.pipe() for _ in range(4)]
    (client_in, client), (answers, client_out), (server_out, server), (requests, server_in) = pipes

    def both() -> None:
        gate.close()
        os.write(server, b'{"jsonrpc":"2.0","id":3,"result":{"secret":1}}\n')

    steps: list[Callable[[], None]] = [lambda: send(gate, {"what": "perform", "number": 5}), both]

    class Turns(AbstractContextManager[None]):
        def __exit__(self, *_why: object) -> None:
            if steps:
                steps.pop(0)()

    pump = Pump(
        met().mediator, (client_in, client_out), (server_out, server_in), ours, lambda: None, lambda _: None, Turns()
    )
    os.write(client, b'{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"echo"}}\n')
    thread = threading.Thread(target=pump.run)
    thread.start()
    thread.join(20)
    said = json.loads(os.read(answers, 1 << 16))
    assert (said["id"], said["error"]["message"], pump.why) == (1, GATE_GONE, GATE_GONE)
    assert b'"id":3' in os.read(requests, 1 << 16), "it was with the server"
    ours.close()
    for end in (end for pipe in pipes for end in pipe):
        os.close(end)


def test_an_approved_call_goes_through_once_when_it_is_made_again(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path, mapped=False, own=True)
    started.append(client)
    client.meet()
    call = {"name": "echo", "arguments": {"text": "x", "number": 1.5}}
    asked = client.ask("tools/call", **call)["error"]["message"]
    question = asked.partition(", id ")[2].partition(":")[0]
    answered = subprocess.run(
        [*COMMAND, "--state", str(client.state), "approve", question], capture_output=True, check=False
    )
    assert answered.returncode == 0, answered.stderr
    other = {"name": "echo", "arguments": {"text": "y", "number": 1.5}}
    assert "approval required" in client.ask("tools/call", **other)["error"]["message"]
    assert client.ask("tools/call", **call)["result"] == {"content": [{"type": "text", "text": "x"}]}
    assert "error" in client.ask("tools/call", **call)
    assert client.leave()[0] == 0


def test_the_client_does_not_answer_its_own_question(tmp_path: Path, started: list[Client]) -> None:
    """This process started the mediator: it is the client, whichever process the mediator is."""
    client = Client(tmp_path, mapped=False)
    started.append(client)
    client.meet()
    asked = client.ask("tools/call", name="echo", arguments={"text": "x"})["error"]["message"]
    question = asked.partition(", id ")[2].partition(":")[0]
    answer = [*COMMAND, "--state", str(client.state), "approve", question]
    assert subprocess.run(answer, capture_output=True, check=False).returncode == 1
    assert client.leave()[0] == 0


def test_a_server_that_dies_leaves_no_call_without_an_answer(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path, "dies")
    started.append(client)
    client.meet()
    answer = client.ask("tools/call", name="echo", arguments={"text": "x"})
    assert answer["error"]["message"] == "the server is gone"
    status, said = client.leave()
    assert (status, "the server is gone" in said) == (1, True)


def test_a_mediator_that_is_asked_to_end_ends_its_server_too(tmp_path: Path, started: list[Client]) -> None:
    """Clients send SIGTERM and, two seconds later, SIGKILL. This server would go on after its input ended."""
    client = Client(tmp_path, "lingers")
    started.append(client)
    client.meet()
    server = int(client.ask("tools/call", name="echo", arguments={})["result"]["content"][0]["text"])
    began = time.monotonic()
    client.process.terminate()
    client.process.communicate(timeout=60)
    assert time.monotonic() - began < 20
    assert not Path(f"/proc/{server}").exists()


def test_a_client_that_left_is_not_waited_for_where_the_server_stays_silent(
    tmp_path: Path, started: list[Client]
) -> None:
    client = Client(tmp_path, "mute")
    started.append(client)
    client.meet()
    client.send("tools/call", name="echo", arguments={"text": "x"})
    assert client.leave()[0] == 0


def test_sixteen_large_calls_at_once_all_come_back(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path)
    started.append(client)
    client.meet()
    for number in range(16):
        client.send("tools/call", name="echo", arguments={"text": str(number) * 50_000})
    answers = [client.receive() for _ in range(16)]
    assert [len(one["result"]["content"][0]["text"]) for one in answers] == [50_000] * 10 + [100_000] * 6
    assert client.leave()[0] == 0


def test_piped_input_that_ends_at_once_is_answered_still(tmp_path: Path, started: list[Client]) -> None:
    client = Client(tmp_path)
    started.append(client)
    client.send("initialize", protocolVersion="2025-06-18", capabilities={}, clientInfo={"name": "c", "version": "1"})
    out, _ = client.process.communicate(timeout=60)
    assert json.loads(out)["result"]["protocolVersion"] == "2025-06-18"
    assert client.process.returncode == 0


def test_nothing_is_started_where_the_policy_is_none(tmp_path: Path) -> None:
    policy = tmp_path / "bad.toml"
    policy.write_text("version = 1\nprofle = 'x'\n")
    marker = tmp_path / "started"
    (tmp_path / "work").mkdir()
    done = subprocess.run(
        [*COMMAND, "--state", str(tmp_path / "s"), "mcp", "run", "--policy", str(policy), "--", "touch", str(marker)],
        cwd=tmp_path / "work",
        input=b"",
        capture_output=True,
        check=False,
    )
    assert done.returncode != 0
    assert b"bad.toml" in done.stderr
    assert b"Traceback" not in done.stderr
    assert not marker.exists()
