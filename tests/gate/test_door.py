"""The door of a session: who is told apart by what, without any process that plays along."""

import os
import socket
import stat
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.board import boot_ns
from nucleus.gate.desk import FOLDER
from nucleus.gate.door import Door, client_of, door_of, name_of, newcomer
from nucleus.gate.loop import Link, Loop
from nucleus.gate.peers import Process, process_of
from nucleus.gate.protocol import receive, send


def me() -> list[int]:
    process = process_of(os.getpid())
    return [process.pid, process.start]


def test_whoever_connects_is_known_before_the_first_frame(tmp_path: Path) -> None:
    (tmp_path / FOLDER).mkdir()
    loop, heard = Loop(boot_ns), []
    came: list[Link] = []

    def asked(link: Link, fields: dict[str, object], _body: bytes) -> None:
        heard.append((came == [link], door.peer(link)))
        link.send({"got": fields["do"]})

    door = Door(loop, tmp_path, "p1", asked, lambda link, _why: came.remove(link))
    door.begin(came.append)
    path = door_of(tmp_path, "p1")
    assert stat.S_IMODE(path.stat().st_mode) & 0o077 == 0
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(str(path))
        loop.turn()
        send(sock, {"do": "join"})
        loop.turn()
        assert receive(sock)[0] == {"got": "join"}
        [(known, peer)] = heard
        assert known
        assert peer is not None
        assert (peer.pid, peer.uid) == (os.getpid(), os.getuid())
    loop.turn()
    assert came == []
    door.close()
    assert not path.exists()
    loop.close()


def test_a_door_that_can_not_be_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="nobody could join"):
        Door(Loop(boot_ns), tmp_path, "p1/p2", lambda *_: None, lambda *_: None)


@pytest.mark.parametrize("name", [1, None, "a b", "x" * 65, "\u00e9", "a\n"])
def test_a_name_is_short_and_plain(name: object) -> None:
    with pytest.raises(CannotEnforce):
        name_of({"name": name})
    assert name_of({"name": "team-1"}) == "team-1"
    assert name_of({}) == ""


def test_a_client_is_named_by_number_and_start_time_and_must_be_an_ancestor() -> None:
    pid, start = me()
    assert client_of({"client": [pid, start]}, pid).pid == pid
    for named in ([pid, start + 1], [pid], [str(pid), start], [True, start], None):
        with pytest.raises(CannotEnforce):
            client_of({"client": named}, pid)


def test_a_newcomer_says_the_name() -> None:
    pid, _ = me()
    assert newcomer("team", {"name": "team", "client": me()}, pid).pid == pid
    for session, name in (("", ""), ("team", ""), ("team", "other")):
        with pytest.raises(CannotEnforce):
            newcomer(session, {"name": name, "client": me()}, pid)


def test_without_the_look_at_ancestors_anybody_is_anybodys_client(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off."""
    somebody = process_of(os.getppid())
    monkeypatch.setattr("nucleus.gate.door.descends_from", lambda *_: True)
    assert client_of({"client": [somebody.pid, somebody.start]}, 1) == Process(somebody.pid, 0, somebody.start)
