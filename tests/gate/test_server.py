"""A whole gate in a thread of the test: hostile frames, a full disk, a clock that steps, workers that die."""

import contextlib
import json
import os
import signal
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import ApprovalRequired, BudgetExceeded, CannotEnforce, PolicyDenied, StateBlocked, TraceError
from nucleus.gate import lineage
from nucleus.gate.approver import Gates
from nucleus.gate.board import Settings, boot_ns
from nucleus.gate.connection import Connection, refusal
from nucleus.gate.events import QUESTION_SECONDS
from nucleus.gate.peers import process_of
from nucleus.gate.server import Server
from nucleus.policy import call as kinds
from tests import world

Frame = dict[str, Any]


class Running:
    """A gate in a thread, its client's connection, and a clock that the test can move."""

    def __init__(self, folder: Path, **settings: Any) -> None:
        self.ahead = 0
        self.branches: list[Connection] = []
        self.repo = world.repository(folder / "repo")
        self.state = folder / "state"
        ours, theirs = socket.socketpair()
        self.client = Connection(ours)
        self.server = Server(theirs, Settings(clock=lambda: boot_ns() + self.ahead, **settings))
        self.thread = threading.Thread(target=self.server.run)
        self.thread.start()

    def open(self, profile: str = "safe_pr_fixer", **more: Any) -> Frame:
        """Open the principal."""
        fields = {"do": "open", "profile": profile, "workspace": str(self.repo.clone), "state": str(self.state)}
        return self.client.request({**fields, **more})[0]

    def records(self) -> list[Frame]:
        """Return what is in the trace."""
        (path,) = [one for one in (self.state / "traces").glob("*.jsonl") if one.name != "ledger.jsonl"]
        return [json.loads(line) for line in path.read_text().splitlines()]

    def readme(self) -> str:
        """Return what is in the workspace's README."""
        return (self.repo.clone / "README.md").read_text()

    def branch(self, fields: Frame, of: Connection | None = None) -> Connection:
        """Return another connection that the gate makes for ``fields``. It ends with this one."""
        branch, _ = (of or self.client).branch(fields)
        self.branches.append(branch)
        return branch

    def close(self) -> None:
        """Close the client and wait for the gate's end."""
        for one in (*self.branches, self.client):
            one.close()
        self.thread.join(20)
        assert not self.thread.is_alive()


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[Callable[..., Running]]:
    with contextlib.ExitStack() as stack:

        def start(**settings: Any) -> Running:
            running = Running(tmp_path, **settings)
            stack.callback(running.close)
            return running

        yield start


@pytest.fixture
def opened(gate: Callable[..., Running]) -> Running:
    running = gate()
    assert running.open()["what"] == "opened"
    return running


@pytest.mark.parametrize(
    "frame",
    [
        {},
        {"do": "nothing known"},
        {"do": "call"},
        {"do": "call", "kind": 1, "args": {}},
        {"do": "call", "kind": "fs.read", "args": []},
        {"do": "call", "kind": "fs.read", "args": {}, "seen": "x"},
        {"do": "call", "kind": "fs.read", "args": {}, "wait": "x"},
        {"do": "call", "kind": "fs.read", "args": {}, "version": None},
        {"do": "done", "number": 1},
        {"do": "done", "number": "x"},
        {"do": "delegate", "calls": -1},
        {"do": "delegate", "calls": 1, "schema": {"text": True}},
        {"do": "delegate", "calls": 1, "schema": 7},
    ],
)
def test_a_frame_that_is_no_request_is_denied_and_the_gate_goes_on(opened: Running, frame: Frame) -> None:
    reply, _ = opened.client.request(frame)
    assert (reply["what"], reply["code"]) == ("denied", "malformed")
    assert opened.client.mediate(kinds.READ, {"path": "README.md"}).body == b"# App\n"


@pytest.mark.parametrize(
    "args", [{}, {"path": 7}, {"path": "\0"}, {"path": "../x"}, {"path": ""}, {"path": "x" * 9000}]
)
def test_odd_arguments_are_refused_or_fail_and_nothing_else(opened: Running, args: Frame) -> None:
    with pytest.raises((PolicyDenied, ApprovalRequired, OSError, ValueError)):
        opened.client.mediate(kinds.READ, args)
    assert opened.client.request({"do": "status"})[0]["closed"] is False


@pytest.mark.parametrize(
    "kind", ["", "fs", "fs.format", "shell", "unknown", "net.", "proc.run.x", "tool", "spawn", "apply"]
)
def test_a_kind_that_nothing_knows_never_happens(opened: Running, kind: str) -> None:
    with pytest.raises((PolicyDenied, ApprovalRequired)):
        opened.client.mediate(kind, {"path": "README.md"})


def test_the_gate_itself_checks_what_leaves_a_quarantine(opened: Running) -> None:
    """A client's word on schema and bits counts for nothing."""
    child, _ = opened.client.branch({"do": "delegate", "calls": 3, "schema": {"choice": ["yes", "no"]}})
    assert child.request({"do": "declassify", "value": "yes"})[0]["what"] == "declassified"
    assert child.request({"do": "declassify", "value": "a secret", "bits": 1})[0]["code"] == "malformed"
    assert opened.client.request({"do": "declassify", "value": "yes"})[0]["code"] == "session"
    assert [r["bits"] for r in opened.records() if r["type"] == "declassify"] == [1]
    child.close()


def test_before_it_is_opened_everything_is_refused(gate: Callable[..., Running]) -> None:
    running = gate()
    with pytest.raises(StateBlocked):
        running.client.mediate(kinds.READ, {"path": "README.md"})
    assert running.open(profile="no_such_profile")["kind"] == "PolicyError"
    assert running.open(profile="read_only")["what"] == "opened"
    with pytest.raises(StateBlocked):
        raise refusal(running.open())


def test_resolved_arguments_of_the_caller_never_get_through(opened: Running) -> None:
    (opened.repo.clone / "src" / ".env").write_text("TOKEN=canary")
    found = opened.client.mediate(kinds.GREP, {"path": ".", "pattern": "canary", "glob": "**", "hidden": []})
    assert b"canary" not in found.body


def test_a_trace_that_can_not_be_written_stops_everything(opened: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_: object, records: list[Frame]) -> None:
        raise TraceError("can't write: No space left on device")

    monkeypatch.setattr("nucleus.trace.writer.TraceWriter.append_all", full)
    with pytest.raises(StateBlocked) as blocked:
        opened.client.mediate(kinds.WRITE, {"path": "README.md"}, b"unrecorded")
    assert blocked.value.code == "trace"
    assert "No space" in blocked.value.next_step
    monkeypatch.undo()
    with pytest.raises(StateBlocked):
        opened.client.mediate(kinds.WRITE, {"path": "README.md"}, b"unrecorded")
    assert opened.readme() == "# App\n"
    assert opened.client.request({"do": "status"})[0]["closed"] is True


def test_a_result_that_can_not_be_recorded_is_not_released(opened: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    append = type(opened.server._board.opening.writer).append_all  # type: ignore[union-attr]

    def full(writer: Any, records: list[Frame]) -> object:
        if any(record["type"] == "result" for record in records):
            raise TraceError("can't write")
        return append(writer, records)

    monkeypatch.setattr("nucleus.trace.writer.TraceWriter.append_all", full)
    with pytest.raises(StateBlocked):
        opened.client.mediate(kinds.READ, {"path": "README.md"})


def test_a_read_only_state_directory_opens_nothing(gate: Callable[..., Running], tmp_path: Path) -> None:
    running = gate()
    (tmp_path / "file").write_text("")
    reply = running.open(state=str(tmp_path / "file" / "state"))
    error = refusal(reply)
    assert isinstance(error, CannotEnforce)
    assert error.fix


def test_a_clock_that_steps_past_the_deadline_ends_the_principal(opened: Running) -> None:
    opened.ahead = 3 * 3600 * 10**9
    with pytest.raises(StateBlocked):
        opened.client.mediate(kinds.READ, {"path": "README.md"})


@pytest.mark.parametrize("seconds", [QUESTION_SECONDS, 86_400])
def test_a_named_session_stays_for_an_answer_and_no_longer_than_its_question(
    gate: Callable[..., Running], seconds: int
) -> None:
    running, me = gate(), process_of(os.getpid())
    session = {"name": "team", "client": [me.pid, me.start], "observe": False}
    running.open("release", session=session)
    with pytest.raises(ApprovalRequired):
        running.client.mediate(kinds.TOOL, {"op": "create_pr", "destination": "chat.example"})
    running.client.close()
    running.thread.join(0.3)
    assert running.thread.is_alive()
    running.ahead = seconds * 1_000_000_000
    with contextlib.suppress(CannotEnforce):
        Gates(running.state).status()  # it looks at the clock whenever somebody knocks
    running.thread.join(20)
    assert not running.thread.is_alive()


def moved(asker: Connection, running: Running) -> Frame:
    here = str(running.repo.clone)
    args = {"client": "x", "tool": "Move", "does": "fs.move", "path": f"{here}/README.md", "to": f"{here}/docs/b.md"}
    return asker.request({"do": "call", "kind": kinds.CLIENT, "args": args})[0]


def test_a_move_is_never_where_a_principals_own_levels_say_never_of_writing(opened: Running) -> None:
    """It is a look, too. The level that counts is the principal's, not that of the policy which it was given with."""
    child = opened.branch({"do": "delegate", "levels": {"write_files": "never"}, "calls": 9})
    assert moved(child, opened)["code"] == "capability"
    assert moved(opened.client, opened)["code"] == "approval_required"


@pytest.mark.parametrize("capped", [True, False])
def test_what_an_earlier_gate_left_counts_for_a_move_and_would_not_by_the_policys_own_levels(
    gate: Callable[..., Running], monkeypatch: pytest.MonkeyPatch, *, capped: bool
) -> None:
    if not capped:
        monkeypatch.setattr("nucleus.gate.opening.capped", lambda policy, _levels: policy)
    running = gate()
    running.state.mkdir(mode=0o700)
    lineage.leave(running.state, (process_of(os.getpid()),), [0b11 | 0b1111 << 8, 0, 10**12, 0])
    assert running.open()["what"] == "opened"
    assert moved(running.client, running)["code"] == ("capability" if capped else "approval_required")


def test_a_worker_that_dies_leaves_the_outcome_unknown_and_the_next_call_gets_a_new_one(opened: Running) -> None:
    opened.client.mediate(kinds.READ, {"path": "README.md"})
    worker = opened.server._calls._workers._workers["fs"]  # type: ignore[union-attr]
    os.kill(worker.spawned.pid, signal.SIGSTOP)
    timer = threading.Timer(0.3, lambda: os.kill(worker.spawned.pid, signal.SIGKILL))
    timer.start()
    with pytest.raises(OSError, match="outcome is unknown"):
        opened.client.mediate(kinds.READ, {"path": "README.md"})
    timer.join()
    assert opened.client.mediate(kinds.READ, {"path": "README.md"}).body == b"# App\n"
    assert [r["outcome"] for r in opened.records() if r["type"] == "result"] == ["ok", "unknown", "ok"]


def test_the_calls_of_the_budget_run_out(gate: Callable[..., Running], tmp_path: Path) -> None:
    policy = tmp_path / "policy.toml"
    policy.write_text('version = 1\nprofile = "read_only"\n[budget]\ncalls = 2\n')
    running = gate()
    running.open(profile="", policies=[str(policy)])
    for _ in range(2):
        running.client.mediate(kinds.READ, {"path": "README.md"})
    with pytest.raises(BudgetExceeded):
        running.client.mediate(kinds.READ, {"path": "README.md"})


def test_a_batch_is_answered_at_once_and_each_call_only_once(opened: Running) -> None:
    urls = [f"https://host{number}.example/" for number in range(3)]
    ids = []
    for url in urls:
        with pytest.raises(ApprovalRequired) as asked:
            opened.client.mediate(kinds.FETCH, {"url": url})
        ids.append(asked.value.id)
    questions = opened.server._desk._handler  # type: ignore[union-attr]
    shown = questions({"do": "list"}, "owner")["questions"]
    assert [one["args"]["url"] for one in shown] == urls
    assert questions({"do": "answer", "ids": [*ids, "unknown", 7], "allow": True}, "owner") == {"answered": ids}
    assert "error" in questions({"do": "answer", "ids": ids, "allow": 1}, "owner")
    assert "error" in questions({"do": "answer", "ids": ids, "allow": True, "uses": "x"}, "owner")
    assert "error" in questions({"do": "something"}, "owner")


def test_the_trace_of_a_whole_session_verifies_and_replays(opened: Running) -> None:
    from nucleus.trace.replay import replay
    from nucleus.trace.verify import verify

    opened.client.mediate(kinds.READ, {"path": "README.md"})
    opened.client.mediate(kinds.WRITE, {"path": "README.md"}, b"new\n")
    with contextlib.suppress(ApprovalRequired):
        opened.client.mediate(kinds.FETCH, {"url": "https://example.com/"})
    child, _ = opened.client.branch({"do": "delegate", "calls": 3})
    child.mediate(kinds.READ, {"path": "src/app.py"})
    child.close()
    opened.close()
    (path,) = [one for one in (opened.state / "traces").glob("*.jsonl") if one.name != "ledger.jsonl"]
    verify(path)
    replay(path)


def test_contents_are_kept_only_if_asked_for_and_never_exported(gate: Callable[..., Running]) -> None:
    from nucleus.trace.content import read_content

    running = gate()
    running.open(record_content=True)
    running.client.mediate(kinds.WRITE, {"path": "README.md"}, b"canary-content")
    exported = running.client.request({"do": "export"})[1]
    running.close()
    (store,) = (running.state / "traces").glob("*.content")
    assert [(what, content) for _, what, content in read_content(store)] == [("body", b"canary-content")]
    assert store.stat().st_mode & 0o077 == 0
    assert b"canary" not in exported


def test_contents_that_can_not_be_kept_stop_the_effect(
    gate: Callable[..., Running], monkeypatch: pytest.MonkeyPatch
) -> None:
    running = gate()
    running.open(record_content=True)

    def full(*_: object) -> None:
        raise TraceError("no space")

    monkeypatch.setattr("nucleus.trace.content.ContentStore.keep", full)
    with pytest.raises((StateBlocked, OSError)):
        running.client.mediate(kinds.WRITE, {"path": "README.md"}, b"unrecorded")
    assert running.readme() == "# App\n"


def test_no_secret_of_a_call_is_in_the_trace(opened: Running) -> None:
    opened.client.mediate(kinds.WRITE, {"path": "README.md"}, b"canary-content")
    with contextlib.suppress(ApprovalRequired, PolicyDenied):
        opened.client.mediate(kinds.FETCH, {"url": "https://example.com/?token=canary-query-4f9a8b7c6d5e"})
    opened.close()
    for path in (opened.state / "traces").iterdir():
        assert b"canary" not in path.read_bytes()
