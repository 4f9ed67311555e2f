"""The approver's door: who may come in, and what dead gates leave behind."""

import json
import os
import socket
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.board import boot_ns
from nucleus.gate.desk import FOLDER, Desk, ancestor_gate, gates
from nucleus.gate.loop import Loop
from nucleus.gate.peers import Process, process_of
from nucleus.gate.protocol import receive, send


def answer(fields: dict[str, object], by: str) -> dict[str, object]:
    return {"got": fields.get("do"), "by": by}


def desk(state: Path, client: Process) -> tuple[Loop, Desk]:
    loop = Loop(boot_ns)
    return loop, Desk(loop, state, "p1", client, answer)


def stranger() -> tuple["subprocess.Popen[bytes]", Process]:
    """Return a process from which this test does not descend: some other gate's client."""
    other = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    return other, process_of(other.pid)


def test_somebody_else_than_the_client_is_let_in(tmp_path: Path) -> None:
    other, client = stranger()
    loop, door = desk(tmp_path, client)
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(tmp_path / FOLDER / "p1.sock"))
        send(sock, {"do": "list"})
        loop.turn()
        loop.turn()
        fields, _ = receive(sock)
    assert fields["got"] == "list"
    assert str(os.getpid()) in fields["by"]
    door.close()
    loop.close()
    other.communicate()


def test_the_client_and_its_children_are_not(tmp_path: Path) -> None:
    loop, door = desk(tmp_path, process_of(os.getpid()))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.settimeout(10)
        sock.connect(str(tmp_path / FOLDER / "p1.sock"))
        loop.turn()
        assert sock.recv(1) == b""
    door.close()
    loop.close()


def test_without_the_check_the_client_would_answer_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off."""
    monkeypatch.setattr("nucleus.gate.desk.descends_from", lambda *_: False)
    loop, door = desk(tmp_path, process_of(os.getpid()))
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(tmp_path / FOLDER / "p1.sock"))
        send(sock, {"do": "answer"})
        loop.turn()
        loop.turn()
        assert receive(sock)[0]["got"] == "answer"
    door.close()
    loop.close()


def test_the_socket_is_the_owners_alone_and_goes_away_with_the_gate(tmp_path: Path) -> None:
    loop, door = desk(tmp_path, process_of(os.getpid()))
    assert stat.S_IMODE((tmp_path / FOLDER / "p1.sock").stat().st_mode) & 0o077 == 0
    assert stat.S_IMODE((tmp_path / FOLDER).stat().st_mode) == 0o700
    assert [entry["principal"] for entry, _ in gates(tmp_path)] == ["p1"]
    door.close()
    loop.close()
    assert list(gates(tmp_path)) == []


def test_entries_of_dead_gates_are_taken_away(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    me = process_of(os.getpid())
    (folder / "dead.json").write_text(json.dumps({"principal": "x", "client": [1, 1], "gate": [me.pid, me.start + 1]}))
    (folder / "dead.sock").write_text("")
    (folder / "odd.json").write_text("not json")
    assert list(gates(tmp_path)) == []
    assert list(folder.iterdir()) == []


def test_a_client_and_its_children_find_the_gate_that_they_have(tmp_path: Path) -> None:
    me = process_of(os.getpid())
    loop, door = desk(tmp_path, me)
    child, other = stranger()
    assert ancestor_gate(tmp_path, other) == "p1"
    assert ancestor_gate(tmp_path, me) == "p1"
    child.communicate()
    door.close()
    assert ancestor_gate(tmp_path, me) == ""
    loop.close()


def test_a_deep_state_directory_is_no_hindrance(tmp_path: Path) -> None:
    """unix(7) allows 107 bytes of a path; homes are sometimes longer."""
    deep = tmp_path / ("x" * 120) / ("y" * 120)
    loop, door = desk(deep, process_of(os.getpid()))
    assert [entry["principal"] for entry, _ in gates(deep)] == ["p1"]
    door.close()
    loop.close()


def test_a_state_directory_that_can_not_be_written_is_refused_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    (tmp_path / FOLDER / "p1.sock").write_text("in the way")
    with pytest.raises(CannotEnforce, match="nobody could answer") as error:
        desk(tmp_path, process_of(os.getpid()))
    assert "--state" in error.value.fix
