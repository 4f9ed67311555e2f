"""Questions as approvers see them: the whole bytes, all reasons, and bounds that are whole numbers."""

import json
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import ApprovalRequired
from nucleus.gate.board import Settings
from nucleus.gate.connection import Connection
from nucleus.gate.server import Server
from nucleus.policy import call as kinds
from tests import world


@pytest.fixture
def asked(tmp_path: Path) -> Iterator[tuple[Server, Connection, str]]:
    repo = world.repository(tmp_path / "repo")
    ours, theirs = socket.socketpair()
    server, client = Server(theirs, Settings()), Connection(ours)
    thread = threading.Thread(target=server.run)
    thread.start()
    client.request(
        {"do": "open", "profile": "safe_pr_fixer", "workspace": str(repo.clone), "state": str(tmp_path / "state")}
    )
    with pytest.raises(ApprovalRequired) as error:
        client.mediate(kinds.WRITE, {"path": "CLAUDE.md"}, b"obey\x1b[2J\n" * 3)
    yield server, client, error.value.id
    client.close()
    thread.join()


def handle(server: Server, **fields: Any) -> dict[str, Any]:
    return server._desk._handler(fields, "owner")  # type: ignore[union-attr]


def test_a_question_shows_everything(asked: tuple[Server, Connection, str]) -> None:
    server, _, id_ = asked
    (shown,) = handle(server, do="list")["questions"]
    assert shown["id"] == id_
    assert shown["body"] == "obey\x1b[2J\n" * 3, "the bytes themselves; whoever prints them escapes"
    assert "control" in shown["reasons"]
    json.dumps(shown)


def test_an_unknown_id_is_not_answered(asked: tuple[Server, Connection, str]) -> None:
    assert handle(asked[0], do="answer", ids=["nope"], allow=True) == {"answered": []}


def test_yes_lets_exactly_this_write_through(asked: tuple[Server, Connection, str], tmp_path: Path) -> None:
    server, client, id_ = asked
    assert handle(server, do="answer", ids=[id_], allow=True) == {"answered": [id_]}
    with pytest.raises(ApprovalRequired):
        client.mediate(kinds.WRITE, {"path": "CLAUDE.md"}, b"something else")
    client.mediate(kinds.WRITE, {"path": "CLAUDE.md"}, b"obey\x1b[2J\n" * 3)
    assert (tmp_path / "repo" / "clone" / "CLAUDE.md").read_bytes() == b"obey\x1b[2J\n" * 3


def test_status_and_lockdown_are_for_approvers(asked: tuple[Server, Connection, str]) -> None:
    server, client, _ = asked
    assert handle(server, do="status")["principals"][0]["pending"]
    assert handle(server, do="lockdown") == {"locked": True}
    assert client.request({"do": "status"})[0]["closed"] is True
