# ruff: noqa: F401, F811  # the fixtures of a whole gate come from test_server
"""Deletions of what a host commit keeps do not ask; every other one does, and the answer is about the bytes that go."""

import os
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import ApprovalRequired, PolicyDenied
from nucleus.gate import keeper as module
from nucleus.gate.effects import Outcome
from nucleus.gate.keeper import LOOK, Keeper
from nucleus.kernel.facts import IRREVERSIBLE
from nucleus.policy import call as kinds
from tests import world
from tests.gate.test_server import Running, gate, opened

Start = Callable[..., Running]
KEPT = "src/app.py"


def delete(running: Running, path: str = KEPT) -> None:
    running.client.mediate(kinds.DELETE, {"path": path}, b"")


def asks(running: Running, path: str = KEPT) -> list[str]:
    """Return the rules that ask about a deletion, and check that nothing was deleted."""
    with pytest.raises(ApprovalRequired):
        delete(running, path)
    assert os.path.lexists(running.repo.clone / path)
    return list(running.records()[-2]["rules"]) if running.records()[-1]["type"] == "question" else []


def between(monkeypatch: pytest.MonkeyPatch, do: Callable[[str], str]) -> None:
    """Let something happen after the gate has its answer, before it goes on."""
    real = Keeper.look
    monkeypatch.setattr(Keeper, "look", lambda self, path, then: real(self, path, lambda kept: then(do(kept))))


def test_a_file_that_the_commit_has_is_deleted_unasked_and_on_record(opened: Running) -> None:
    delete(opened)
    assert not (opened.repo.clone / KEPT).exists()
    decision = next(record for record in opened.records() if record.get("kind") == kinds.DELETE)
    assert (decision["verdict"], decision["facts"][5], decision["approval"]) == ("allow", 0, None)


def test_a_changed_an_untracked_and_a_staged_file_ask(opened: Running) -> None:
    (opened.repo.clone / KEPT).write_text("print('mine')\n")
    (opened.repo.clone / "src" / "new.py").write_text("unique\n")
    (opened.repo.clone / "src" / "staged.py").write_text("unique\n")
    world.git(opened.repo.clone, "add", "src/staged.py")
    for path in (KEPT, "src/new.py", "src/staged.py"):
        assert "destination" in asks(opened, path)


def test_what_the_session_committed_itself_does_not_count(opened: Running) -> None:
    """Nor what the owner commits meanwhile: the commit is the one of the session's start."""
    opened.client.mediate(kinds.WRITE, {"path": KEPT}, b"print('the agent')\n")
    opened.client.mediate(kinds.COMMIT, {"paths": [KEPT]}, b"mine")
    assert world.git(opened.repo.clone, "status", "--porcelain") == ""
    asks(opened)


def test_what_changes_between_the_look_and_the_deletion_is_not_deleted(
    opened: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent's other process writes into the file once the gate has looked."""
    between(monkeypatch, lambda kept: ((opened.repo.clone / KEPT).write_text("written meanwhile\n"), kept)[1])
    with pytest.raises(BlockingIOError, match="not deleted"):
        delete(opened)
    assert (opened.repo.clone / KEPT).read_text() == "written meanwhile\n"


def test_without_the_digest_it_would_be_deleted(opened: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off: the permit does not name the content."""
    tree = opened.server._board.opening.tree  # type: ignore[union-attr]
    arguments = tree.arguments

    def forgetful(*words: Any) -> dict[str, Any]:
        return {name: value for name, value in arguments(*words).items() if name != "kept"}

    between(monkeypatch, lambda kept: ((opened.repo.clone / KEPT).write_text("written meanwhile\n"), kept)[1])
    monkeypatch.setattr(type(tree), "arguments", lambda _, *words: forgetful(*words))
    delete(opened)
    assert not (opened.repo.clone / KEPT).exists()


@pytest.mark.parametrize(
    "wrong",
    [
        Outcome("failed", {"type": "OSError", "message": "the git worker ended"}),
        Outcome("failed", {"kept": True, "digest": "a" * 64}),
        Outcome("ok", {"kept": 1, "digest": "a" * 64}),
        Outcome("ok", {"kept": True, "digest": "a"}),
        Outcome("ok", {"kept": True, "digest": ["a" * 64]}),
        Outcome("ok", {"kept": True}),
        Outcome("ok", {"kept": False, "digest": "a" * 64}),
    ],
)
def test_an_answer_that_is_no_plain_yes_is_no(opened: Running, wrong: Outcome) -> None:
    keeper = opened.server._calls._keeper  # type: ignore[union-attr]
    said: list[str] = []
    keeper._waiting[99] = said.append
    keeper._answered(99, wrong)
    keeper._answered(99, Outcome("ok", {"kept": True, "digest": "a" * 64}))
    assert said == [""]


def test_a_killed_worker_is_no_answer(opened: Running) -> None:
    keeper = opened.server._calls._keeper  # type: ignore[union-attr]
    (opened.repo.clone / KEPT).write_text("print('mine')\n")
    asks(opened)
    worker = keeper._workers._workers["git"]
    worker.spawned.process.send_signal(signal.SIGSTOP)
    (opened.repo.clone / KEPT).write_text("print('app')\n")
    killing = threading.Timer(0.3, lambda: os.kill(worker.spawned.process.pid, signal.SIGKILL))
    killing.start()
    asks(opened)
    killing.join()
    delete(opened)  # the next one starts a new worker
    assert not (opened.repo.clone / KEPT).exists()


def test_too_many_that_wait_ask_at_once(opened: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "WAITING_LIMIT", 0)
    asks(opened)


def test_without_a_repository_every_deletion_asks(gate: Start) -> None:
    running = gate()
    (running.repo.clone / ".git").rename(running.repo.clone.parent / "gone")
    assert running.open()["what"] == "opened"
    asks(running)


def test_git_is_not_asked_about_what_is_denied(gate: Start, tmp_path: Path) -> None:
    policy = tmp_path / "owner.toml"
    policy.write_text('version = 1\nprofile = "local_dev"\n[deny]\nwrite = ["src/**"]\n')
    running = gate()
    assert running.open(profile="", policies=[str(policy)])["what"] == "opened"
    with pytest.raises(PolicyDenied):
        delete(running)
    assert running.server._calls._keeper._numbers == 0  # type: ignore[union-attr]


def test_a_denied_deletion_stays_denied_when_its_content_becomes_a_commits(opened: Running) -> None:
    (opened.repo.clone / KEPT).write_text("print('mine')\n")
    with pytest.raises(ApprovalRequired) as asked:
        delete(opened)
    handler = opened.server._desk._handler  # type: ignore[union-attr]
    handler({"do": "answer", "ids": [asked.value.id], "allow": False}, "owner")
    (opened.repo.clone / KEPT).write_text("print('app')\n")
    with pytest.raises(PolicyDenied):
        delete(opened)
    assert (opened.repo.clone / KEPT).exists()


@pytest.mark.parametrize("kind", [LOOK, "proc.probe"])
def test_what_the_gate_asks_its_workers_is_nobodys_call(opened: Running, kind: str) -> None:
    answer, _ = opened.client.request({"do": "call", "kind": kind, "args": {"path": KEPT, "commit": "0" * 40}})
    assert (answer["what"], answer["code"]) == ("denied", "malformed")


def test_a_caller_can_not_say_itself_that_something_is_kept(opened: Running) -> None:
    (opened.repo.clone / KEPT).write_text("print('mine')\n")
    with pytest.raises(ApprovalRequired):
        opened.client.mediate(kinds.DELETE, {"path": KEPT, "kept": "a" * 64}, b"")
    assert opened.records()[-2]["facts"][5] & IRREVERSIBLE or opened.records()[-1]["facts"][5] & IRREVERSIBLE
