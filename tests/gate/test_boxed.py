"""Connections that were handed into a box: what they may ask, and what comes of them."""

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce, Refused
from nucleus.gate import boxed
from nucleus.gate.boxed import KINDS, NOT_IN_A_BOX, VERBS, asks_too_much, enter, hand_over
from nucleus.gate.connection import Connection
from nucleus.gate.spawn import start
from nucleus.policy.classify import CLASSIFIERS
from nucleus.quarantine import boolean
from tests import world


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[tuple[Connection, Connection, Path]]:
    """Open a gate at level contained: the supervisor's connection, one that goes into the box, the workspace."""
    repo = world.repository(tmp_path / "repo")
    spawned = start(["gate"])
    supervisor = Connection(spawned.sock)
    asked: dict[str, Any] = {"profile": "safe_pr_fixer", "workspace": str(repo.clone), "state": str(tmp_path / "state")}
    planned, _ = supervisor.request({"do": "plan", **asked})
    more = {"planned": planned["digest"], "containment": {"network": "none"}}
    opened, _ = supervisor.request({"do": "open", **asked, **more})
    assert opened["level"] == "contained"
    inside, _ = supervisor.branch({"do": "attach", "role": boxed.ROLE})
    yield supervisor, inside, repo.clone
    inside.close()
    spawned.end(10)


def _call(connection: Connection, kind: str, args: dict[str, Any], body: bytes = b"") -> dict[str, Any]:
    return connection.request({"do": "call", "kind": kind, "args": args}, body)[0]


@pytest.mark.parametrize("kind", sorted(set(CLASSIFIERS) - KINDS))
def test_nothing_that_a_worker_does_on_the_host_is_asked_from_inside(
    gate: tuple[Connection, Connection, Path], kind: str
) -> None:
    assert _call(gate[1], kind, {"path": "src/made.py", "argv": ["true"]}) == NOT_IN_A_BOX


def test_the_same_write_from_outside_of_the_box_reaches_the_host(gate: tuple[Connection, Connection, Path]) -> None:
    """What the list above keeps out is real: the supervisor's own connection does it."""
    supervisor, inside, workspace = gate
    assert _call(inside, "fs.write", {"path": "src/made.py"}, b"x") == NOT_IN_A_BOX
    assert not (workspace / "src" / "made.py").exists()
    assert _call(supervisor, "fs.write", {"path": "src/made.py"}, b"x")["what"] == "released"
    assert (workspace / "src" / "made.py").exists()


@pytest.mark.parametrize(
    "verb", ["open", "plan", "watch", "export", "lockdown", "leave", "tools", "surroundings", "", 1]
)
def test_the_supervisor_s_own_rights_are_not_there(gate: tuple[Connection, Connection, Path], verb: object) -> None:
    reply, _ = gate[1].request({"do": verb})
    assert reply.get("what") in {"denied", "cannot"}
    assert gate[0].request({"do": "status"})[0]["closed"] is False


@pytest.mark.parametrize(
    "field", [{"role": "egress"}, {"role": "box"}, {"policies": ["/etc/passwd"]}, {"revision": "x"}]
)
def test_a_branch_gets_no_role_and_names_no_file_of_the_host(
    gate: tuple[Connection, Connection, Path], field: dict[str, Any]
) -> None:
    for verb in ("attach", "delegate"):
        with pytest.raises(Refused) as caught:
            gate[1].branch({"do": verb, **field})
        assert "passwd" not in str(caught.value.to_dict())


def test_what_comes_of_a_connection_in_a_box_is_in_the_box_too(gate: tuple[Connection, Connection, Path]) -> None:
    again, _ = gate[1].branch({"do": "attach"})
    child, _ = again.branch({"do": "delegate", "calls": 3})
    for connection in (again, child):
        assert _call(connection, "fs.write", {"path": "src/made.py"}, b"x") == NOT_IN_A_BOX
        connection.close()


def test_no_quarantine_begins_in_a_box(gate: tuple[Connection, Connection, Path]) -> None:
    """Its child reads untrusted content that the box then knows, and the gate would not count it as seen."""
    schema = boolean().describe()
    empty: dict[str, Any] = {}
    for one in (schema, empty):
        with pytest.raises(Refused) as caught:
            gate[1].branch({"do": "delegate", "calls": 3, "schema": one})
        assert caught.value.code == "capability"
    outside, _ = gate[0].branch({"do": "delegate", "calls": 3, "schema": schema})
    outside.close()


def test_what_leaves_is_asked_for_as_everywhere(gate: tuple[Connection, Connection, Path]) -> None:
    reply = _call(gate[1], "net.fetch", {"url": "https://example.com/"})
    assert (reply["what"], reply["code"]) == ("pending", "approval_required")


def test_lists_are_of_what_may_be() -> None:
    assert asks_too_much({"do": "something new"})
    assert asks_too_much({"do": "call", "kind": "something.new"})
    assert not any(asks_too_much({"do": verb, "kind": next(iter(KINDS))}) for verb in VERBS)


def test_a_process_in_a_box_is_handed_its_connection(gate: tuple[Connection, Connection, Path], tmp_path: Path) -> None:
    door = str(tmp_path / "door")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as listener:
        listener.bind(door)
        listener.listen()

        def supervise() -> None:
            caller, _ = listener.accept()
            with caller:
                made, _ = gate[0].branch({"do": "attach", "role": boxed.ROLE})
                hand_over(caller, made, {"principal": "p", "level": "contained"})
                made.close()

        thread = threading.Thread(target=supervise)
        thread.start()
        connection, opened = enter(door)
        thread.join()
    assert opened["level"] == "contained"
    assert connection.request({"do": "status"})[0]["what"] == "status"
    connection.close()


def test_where_nobody_holds_the_box_that_is_said(tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="the supervisor of this box"):
        enter(str(tmp_path / "none"))
