"""What a client's own dialog may answer, and what never."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.connection import Connection
from nucleus.gate.peers import process_of
from nucleus.gate.spawn import Spawned, start

POLICY = """
version = 1
profile = "doc_editor"
[allow]
channels = ["#team"]
"""


@pytest.fixture(params=["mediated"])
def gate(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Connection]:
    spawned: Spawned = start(["gate"])
    (tmp_path / "owner.toml").write_text(POLICY)
    (tmp_path / "work").mkdir()
    fields = {"policies": [str(tmp_path / "owner.toml")], "workspace": str(tmp_path / "work")}
    me = process_of(os.getpid())
    session = {"session": {"name": "", "client": [me.pid, me.start]}} if request.param == "mediated" else {}
    connection = Connection(spawned.sock)
    opened = connection.request({"do": "open", **fields, **session, "state": str(tmp_path / "s")})[0]
    assert opened["level"] == request.param, opened
    yield connection
    connection.close()
    spawned.end(10)


def call(gate: Connection, op: str, destination: str = "") -> dict[str, Any]:
    args = {"op": op, "destination": destination, "name": op, "arguments": []}
    reply = gate.request({"do": "call", "kind": "tool", "args": args})[0]
    if reply["what"] == "perform":
        gate.request({"do": "done", "number": reply["number"], "ok": True})
    return reply


def asked(gate: Connection, id_: str, **more: Any) -> tuple[bool, bool]:
    reply = gate.request({"do": "asked", "id": id_, **more})[0]
    return reply["open"], reply["ok"]


def test_a_question_with_another_reason_is_not_answered_by_a_dialog(gate: Connection) -> None:
    pending = call(gate, "create_pr", "#elsewhere")
    assert "destination" in pending["rules"]
    assert asked(gate, pending["id"]) == (True, False)
    assert asked(gate, pending["id"], accept=True) == (True, False)
    assert call(gate, "create_pr", "#elsewhere")["what"] == "pending"
    assert asked(gate, "no such id", accept=True) == (False, False)


def test_low_risk_alone_is_answered_once(gate: Connection) -> None:
    """doc_editor sends at low_risk: to a trusted destination it asks for that reason only, once it saw U."""
    branch, _ = gate.branch({"do": "attach"})
    absorb = {
        "do": "call",
        "kind": "tool",
        "args": {"op": "create_pr", "destination": "#team", "name": "p", "arguments": []},
    }
    pending = gate.request({**absorb, "seen": 2})[0]
    assert (pending["what"], pending["rules"]) == ("pending", ["low_risk"])
    assert asked(branch, pending["id"], accept="yes") == (True, False)
    assert asked(branch, pending["id"], accept=True) == (False, True)
    assert gate.request({**absorb, "seen": 2})[0]["what"] == "perform"
    assert gate.request({**absorb, "seen": 2})[0]["what"] == "pending"
    branch.close()


@pytest.mark.parametrize("gate", ["cooperative"], indirect=True)
def test_at_another_level_not_even_that_is_answered(gate: Connection) -> None:
    """An agent that uses the SDK speaks on its own connection: its yes is its own."""
    post = {
        "do": "call",
        "kind": "tool",
        "args": {"op": "create_pr", "destination": "#team", "name": "p", "arguments": []},
    }
    pending = gate.request({**post, "seen": 2})[0]
    assert pending["rules"] == ["low_risk"]
    assert asked(gate, pending["id"], accept=True) == (True, False)
    assert gate.request({**post, "seen": 2})[0]["what"] == "pending"
