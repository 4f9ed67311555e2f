"""Who shares a session with whom, seen from real processes of real clients."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.approver import Gates
from nucleus.gate.desk import gates
from nucleus.gate.peers import process_of
from nucleus.gate.protocol import send
from nucleus.gate.sessions import Begun, client_process, find, settle
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED

MEMBER = str(Path(__file__).with_name("member.py"))
OTHER_CLIENT = ["-c", "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))", sys.executable]
"""A client beside this one: whatever it starts is its own."""
READ = {"do": "call", "kind": "tool", "args": {"op": "read_files", "destination": "", "name": "r", "arguments": []}}
POST: dict[str, Any] = {
    "do": "call",
    "kind": "tool",
    "args": {"op": "create_pr", "destination": "chat.example", "name": "p", "arguments": []},
}


class Member:
    def __init__(self, folder: Path, name: str = "", *, own_client: bool = False, profile: str = "release") -> None:
        self.state = folder / "state"
        (folder / "work").mkdir(exist_ok=True)
        (folder / "state").mkdir(mode=0o700, exist_ok=True)
        argv = [MEMBER, str(folder / "state"), str(folder / "work"), name, profile]
        self.process = subprocess.Popen(
            [sys.executable, *(OTHER_CLIENT if own_client else []), *argv],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.opened = self.heard()

    def heard(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        answer: dict[str, Any] = json.loads(self.process.stdout.readline())
        return answer

    def ask(self, fields: dict[str, Any]) -> dict[str, Any]:
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(fields) + "\n")
        self.process.stdin.flush()
        return self.heard()

    def perform(self, fields: dict[str, Any]) -> dict[str, Any]:
        permit = self.ask(fields)
        return self.ask({"do": "done", "number": permit["number"], "ok": True}) if "number" in permit else permit

    def exposure(self) -> int:
        return int(self.ask({"do": "status"})["state"][1])

    def leave(self) -> None:
        if self.process.stdin is not None and not self.process.stdin.closed:
            self.process.stdin.close()
        self.process.wait(60)
        if self.process.stdout is not None:
            self.process.stdout.close()


Start = Callable[..., Member]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    members: list[Member] = []

    def one(name: str = "", **how: Any) -> Member:
        members.append(Member(tmp_path, name, **how))
        return members[-1]

    yield one
    for member in members:
        member.leave()


def test_two_processes_of_one_client_are_one_principal(start: Start) -> None:
    first, second = start(), start()
    assert first.opened["principal"] == second.opened["principal"]
    assert (first.opened["level"], second.opened.get("joined")) == ("mediated", True)
    assert second.exposure() == 0
    assert first.perform(READ)["what"] == "released"
    assert second.exposure() & PRIVATE


def test_two_clients_are_two_principals_and_neither_knows_what_the_other_saw(start: Start) -> None:
    """The negative control: what a session is for is gone when each process is a client of its own."""
    first, second = start(own_client=True), start(own_client=True)
    assert first.opened["principal"] != second.opened["principal"]
    first.perform(READ)
    assert second.exposure() == 0


def test_a_name_makes_one_session_of_two_clients(start: Start) -> None:
    first, second = start("team", own_client=True), start("team", own_client=True)
    assert first.opened["principal"] == second.opened["principal"]
    first.perform(READ)
    assert second.exposure() & PRIVATE


def test_a_client_is_not_in_two_sessions(start: Start) -> None:
    start("one")
    assert "in session one already" in start("two").opened["refused"]
    assert start().opened["joined"]


def test_whoever_opened_it_may_leave_while_others_are_there(start: Start) -> None:
    first, second = start(), start()
    first.perform(READ)
    first.leave()
    assert second.perform(READ)["what"] == "released"
    third = start()
    assert third.opened["principal"] == second.opened["principal"]
    assert third.exposure() & PRIVATE


def test_the_clients_next_session_goes_on_with_what_it_saw(start: Start) -> None:
    first = start()
    first.perform(READ)
    first.leave()
    second = start()
    assert second.opened["principal"] != first.opened["principal"]
    assert second.exposure() & PRIVATE


def test_what_a_newcomer_saw_before_holds_for_all(start: Start, tmp_path: Path) -> None:
    """A client that joins by name brings along what it left at the end of an earlier session."""
    first = start("team", own_client=True)
    earlier = start()
    earlier.perform(READ)
    earlier.leave()
    assert first.exposure() == 0
    assert start("team").opened["joined"]
    assert first.exposure() & PRIVATE
    assert not first.exposure() & UNTRUSTED
    del tmp_path


def test_a_tighter_profile_of_a_later_server_holds_for_all(start: Start) -> None:
    first = start()
    assert first.ask(POST)["what"] == "pending"
    start(profile="read_only")
    refused = first.ask(POST)
    assert (refused["what"], refused["code"]) == ("denied", "capability")


def test_a_stranger_does_not_come_in(start: Start, tmp_path: Path) -> None:
    member = start("team", own_client=True)
    [(entry, _)] = gates(tmp_path / "state")
    assert find(tmp_path / "state", os.getpid()) is None
    found = find(tmp_path / "state", os.getpid(), "team")
    assert found is not None
    me = process_of(os.getpid())
    for who in (
        {},
        {"name": "other", "client": [me.pid, me.start]},
        {"name": "team", "client": entry["clients"][0]},
        {"name": "team", "client": [me.pid, me.start + 1]},
    ):
        sock = socket.socket(socket.AF_UNIX)
        sock.connect(str(found[1]))
        send(sock, {"do": "join", **who})
        with pytest.raises(CannotEnforce, match="can't be joined"):
            settle(Begun(sock.detach(), os.open(tmp_path, os.O_RDONLY), 0))
    assert member.exposure() == 0


def test_a_gate_that_is_killed_denies_everybody_and_the_next_session_starts_at_the_worst(start: Start) -> None:
    first, second = start(), start()
    [(entry, _)] = gates(first.state)
    os.kill(entry["gate"][0], 9)
    for member in (first, second):
        assert member.process.stdin is not None
        member.process.stdin.write(json.dumps(READ) + "\n")
        member.process.stdin.flush()
        assert member.process.wait(60) != 0
    assert start().exposure() == 31


def test_the_client_is_the_nearest_ancestor_that_is_no_launcher() -> None:
    me = process_of(os.getpid())
    for argv in (
        ["sleep", "60"],
        ["sh", "-c", "sleep 60; true"],
        ["timeout", "60", "sh", "-c", "sleep 60; true"],
    ):
        with subprocess.Popen(argv, start_new_session=argv[0] == "sh") as process:
            try:
                assert client_process(_deepest(process.pid)).pid == me.pid
            finally:
                _end(process)


def test_an_interactive_shell_is_a_client_itself() -> None:
    script = "set -m; sleep 60 & wait"
    with subprocess.Popen(["bash", "-c", script], start_new_session=True) as process:
        try:
            assert client_process(_deepest(process.pid)).pid == process.pid
        finally:
            _end(process)


def _deepest(pid: int) -> int:
    """Return the ``sleep`` below a process, once it is there."""
    for _ in range(10_000):
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == "sleep":
                return pid
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:
            break
        pid = int(children[0]) if children else pid
        os.sched_yield()
    raise AssertionError("the process did not start its command")


def _end(process: "subprocess.Popen[bytes]") -> None:
    deepest = _deepest(process.pid)
    process.kill()
    if deepest != process.pid:
        os.kill(deepest, 9)


def test_a_session_that_the_owner_ended_makes_room_for_the_next_which_knows_what_was_seen(
    start: Start, tmp_path: Path
) -> None:
    first = start(own_client=True, name="team")
    first.perform(READ)
    assert Gates(tmp_path / "state").lockdown(retire=True) == 1
    assert first.ask(READ)["code"] == "session"
    second = start(own_client=True, name="team")
    assert second.opened["principal"] != first.opened["principal"]
    assert second.exposure() == 0, "another client: this one has seen nothing"
    mine = start()
    mine.perform(READ)
    mine.leave()
    assert start().exposure() & PRIVATE


def test_after_a_lockdown_alone_the_same_client_gets_nothing_more(start: Start, tmp_path: Path) -> None:
    first = start("team", own_client=True)
    assert Gates(tmp_path / "state").lockdown() == 1
    second = start("team", own_client=True)
    assert second.opened["principal"] == first.opened["principal"]
    assert second.ask(READ)["code"] == "session"


def test_a_lockdown_outlives_the_gate_for_its_name_until_the_owner_asks_for_a_fresh_session(start: Start) -> None:
    """It was over as soon as the last client had left: the next one of the name opened a gate that was not locked."""
    first = start("team", own_client=True)
    assert Gates(first.state).lockdown() == 1
    first.leave()
    assert "locked down" in start("team", own_client=True).opened["refused"]
    assert start("else", own_client=True).opened["what"] == "opened"
    Gates(first.state).lockdown(retire=True)
    assert start("team", own_client=True).opened["what"] == "opened"


def test_a_client_that_was_locked_down_opens_no_other_gate_and_joins_none(start: Start) -> None:
    other = start("team", own_client=True)
    first = start()
    first.ask({"do": "lockdown"})
    first.leave()
    assert "locked down" in start().opened["refused"]
    assert "locked down" in start("team").opened["refused"]
    assert other.perform(READ)["what"] == "released", "whom nobody stopped goes on"


def asked(start: Start, name: str = "team") -> tuple[Member, str]:
    """Let a client ask something and end, as one does that lives for one call; return it and its question's id."""
    client = start(name, own_client=True)
    question = client.ask(POST)
    assert question["what"] == "pending"
    client.leave()
    return client, str(question["id"])


def yes(state: Path, *ids: str) -> list[str]:
    return Gates(state).answer(list(ids), allow=True, bounds={})


def test_an_answer_counts_for_the_next_client_of_a_named_session_and_once(start: Start) -> None:
    first, id_ = asked(start)
    assert yes(first.state, id_) == [id_]
    second = start("team", own_client=True)
    assert second.opened["principal"] == first.opened["principal"]
    assert second.perform(POST)["what"] == "released"
    assert second.ask(POST)["what"] == "pending"
    Gates(first.state).lockdown()


def test_without_a_name_the_next_client_is_another_principal_and_no_answer_counts_for_it(start: Start) -> None:
    """The negative control, and what holds where nobody names a session."""
    first, id_ = asked(start, "")
    assert yes(first.state, id_) == []
    second = start(own_client=True)
    assert second.opened["principal"] != first.opened["principal"]
    assert second.ask(POST)["what"] == "pending"


@pytest.mark.parametrize(
    "other",
    [
        {**POST, "args": {**POST["args"], "destination": "else.example"}},
        {**POST, "args": {**POST["args"], "arguments": ["y"]}},
        {**POST, "args": {**POST["args"], "name": "q"}},
        {**POST, "args": {**POST["args"], "act": "destroy"}},
    ],
)
def test_the_next_client_gets_exactly_the_call_that_was_answered(start: Start, other: dict[str, Any]) -> None:
    first, id_ = asked(start)
    yes(first.state, id_)
    second = start("team", own_client=True)
    assert second.ask(other)["what"] == "pending"
    assert second.perform(POST)["what"] == "released"
    Gates(first.state).lockdown()


def test_an_answer_does_not_count_once_a_later_client_has_seen_more_than_was_shown(start: Start) -> None:
    first, id_ = asked(start)
    yes(first.state, id_)
    start("team", own_client=True).perform(READ)
    assert start("team", own_client=True).ask(POST)["what"] == "pending"
    Gates(first.state).lockdown()


def test_a_tighter_policy_of_the_next_client_voids_the_answer(start: Start) -> None:
    first, id_ = asked(start)
    yes(first.state, id_)
    assert start("team", own_client=True, profile="safe_pr_fixer").ask(POST)["what"] == "pending"
    Gates(first.state).lockdown()


def test_a_no_holds_for_the_next_client_of_a_named_session_too(start: Start) -> None:
    first, id_ = asked(start)
    assert Gates(first.state).answer([id_], allow=False, bounds={}) == [id_]
    assert start("team", own_client=True).ask(POST)["code"] == "refused_by_owner"
    Gates(first.state).lockdown()


def test_what_asked_and_ended_is_not_waited_for(start: Start) -> None:
    """The client's leave does not take until the question's end; the gate goes when nothing is open any more."""
    first, _ = asked(start)
    assert len(list(gates(first.state))) == 1
    assert Gates(first.state).lockdown() == 1
    for _ in range(100_000):
        if not list(gates(first.state)):
            return
        os.sched_yield()
    raise AssertionError("the gate did not end")


def test_what_one_client_of_a_named_session_read_counts_when_the_next_one_sends(start: Start) -> None:
    """Clients that live for one call each do not split the three legs."""
    first = start("team", own_client=True)
    first.perform(READ)
    first.leave()
    second = start("team", own_client=True)
    assert second.opened["principal"] != first.opened["principal"]
    assert second.exposure() & PRIVATE


def test_the_owner_lets_a_named_session_start_anew(start: Start) -> None:
    first = start("team", own_client=True)
    first.perform(READ)
    first.leave()
    assert Gates(first.state).lockdown(retire=True) == 0
    assert start("team", own_client=True).exposure() == 0


def test_a_named_session_whose_gate_was_killed_goes_on_at_the_worst(start: Start) -> None:
    first = start("team", own_client=True)
    [(entry, _)] = gates(first.state)
    os.kill(entry["gate"][0], 9)
    first.leave()
    assert start("team", own_client=True).exposure() == 31


def test_the_sdk_of_a_process_that_the_client_started_joins(start: Start, tmp_path: Path) -> None:
    first = start()
    code = (
        "from nucleus import Session; from nucleus.tools import fs\n"
        f"with Session(profile='release', state={str(tmp_path / 'state')!r}) as s:\n"
        "    fs.read('README.md'); print(s.principal, s.level, s.exposure)"
    )
    (tmp_path / "work" / "README.md").write_text("x")
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path / "work", capture_output=True, text=True, check=False
    )
    assert done.stdout.split()[:2] == [first.opened["principal"], "mediated"], done.stderr
    assert first.exposure() == int(done.stdout.split()[2]) != 0


def test_a_session_is_listed_with_its_name_and_its_clients(start: Start, tmp_path: Path) -> None:
    first, second = start("team", own_client=True), start("team", own_client=True)
    [status] = Gates(tmp_path / "state").status()
    assert (status["name"], status["level"]) == ("team", "mediated")
    assert sorted(status["clients"]) == sorted(member.process.pid for member in (first, second))
    words = [sys.executable, "-m", "nucleus", "--state", str(tmp_path / "state"), "session"]
    listed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    assert f"{first.opened['principal']}  mediated team of process {first.process.pid}, {second.process.pid}" in listed
