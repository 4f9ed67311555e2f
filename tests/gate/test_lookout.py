# ruff: noqa: F401, F811  # the fixtures of a whole gate come from test_server
"""What is looked at before a call is judged: what a commit keeps goes unasked, and a push is shown and counted."""

import os
import re
import signal
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import ApprovalRequired, PolicyDenied
from nucleus.gate import lookout as module
from nucleus.gate.effects import Outcome
from nucleus.gate.lookout import KEPT as KEPT_BY
from nucleus.gate.lookout import OUTGOING, Lookout
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
    real = Lookout.kept
    monkeypatch.setattr(Lookout, "kept", lambda self, path, then: real(self, path, lambda kept: then(do(kept))))


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
    lookout = opened.server._calls._lookout  # type: ignore[union-attr]
    said: list[str] = []
    lookout.kept(KEPT, said.append)
    lookout._answered(lookout._numbers - 1, wrong)
    lookout._answered(lookout._numbers - 1, Outcome("ok", {"kept": True, "digest": "a" * 64}))
    assert said == [""]


def test_a_killed_worker_is_no_answer(opened: Running) -> None:
    lookout = opened.server._calls._lookout  # type: ignore[union-attr]
    (opened.repo.clone / KEPT).write_text("print('mine')\n")
    asks(opened)
    worker = lookout._workers._workers["git"]
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
    assert running.server._calls._lookout._numbers == 0  # type: ignore[union-attr]


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


@pytest.mark.parametrize("kind", [KEPT_BY, OUTGOING, "proc.probe"])
def test_what_the_gate_asks_its_workers_is_nobodys_call(opened: Running, kind: str) -> None:
    answer, _ = opened.client.request({"do": "call", "kind": kind, "args": {"path": KEPT, "commit": "0" * 40}})
    assert (answer["what"], answer["code"]) == ("denied", "malformed")


def test_a_caller_can_not_say_itself_that_something_is_kept(opened: Running) -> None:
    (opened.repo.clone / KEPT).write_text("print('mine')\n")
    with pytest.raises(ApprovalRequired):
        opened.client.mediate(kinds.DELETE, {"path": KEPT, "kept": "a" * 64}, b"")
    assert opened.records()[-2]["facts"][5] & IRREVERSIBLE or opened.records()[-1]["facts"][5] & IRREVERSIBLE


# Pushes --------------------------------------------------------------------------------------------------


def commit(running: Running, text: bytes, path: str = KEPT) -> str:
    running.client.mediate(kinds.WRITE, {"path": path}, text)
    running.client.mediate(kinds.COMMIT, {"paths": ["."]}, b"a change of the agent")
    return world.git(running.repo.clone, "rev-parse", "HEAD").strip()


@pytest.fixture
def release(gate: Start, tmp_path: Path) -> Running:
    """Return a gate under a policy by which every push asks."""
    policy = tmp_path / "owner.toml"
    policy.write_text('version = 1\nprofile = "release"\n')
    running = gate()
    assert running.open(profile="", policies=[str(policy)])["what"] == "opened"
    return running


def asked(running: Running, remote: str = "origin") -> dict[str, Any]:
    """Push, and return the question that a person sees."""
    with pytest.raises(ApprovalRequired) as question:
        running.client.mediate(kinds.PUSH, {"remote": remote, "branch": "main"}, b"")
    handler = running.server._desk._handler  # type: ignore[union-attr]
    shown = handler({"do": "list"}, "owner")["questions"]
    return next(one for one in shown if one["id"] == question.value.id)


def egress_left(running: Running) -> int:
    (principal,) = running.server._board.core.principals.values()  # type: ignore[union-attr]
    return principal.egress_left


def test_the_question_about_a_push_shows_commits_files_and_differences(release: Running) -> None:
    tip = commit(release, b"print('the agent')\n")
    shown = asked(release)["leaving"]
    assert shown.startswith("1 commit, ")
    assert re.search(rf"  {tip[:7]}\w* .*: a change of the agent\n", shown)
    assert "src/app.py | 2 +-" in shown
    assert "-print('app')\n+print('the agent')" in shown
    assert "# App" not in shown


def test_a_push_counts_what_the_pack_weighs(release: Running) -> None:
    """Not the few bytes of its arguments."""
    before = egress_left(release)
    commit(release, os.urandom(300_000).hex().encode(), "src/data.txt")
    question = asked(release)
    handler = release.server._desk._handler  # type: ignore[union-attr]
    handler({"do": "answer", "ids": [question["id"]], "allow": True}, "owner")
    release.client.mediate(kinds.PUSH, {"remote": "origin", "branch": "main"}, b"")
    assert 300_000 < before - egress_left(release) < 500_000


def test_what_was_pushed_once_is_neither_shown_nor_counted_again(release: Running) -> None:
    """Our pushes leave no mark in the workspace's repository, so the gate remembers them."""
    commit(release, os.urandom(300_000).hex().encode(), "src/data.txt")
    handler = release.server._desk._handler  # type: ignore[union-attr]
    handler({"do": "answer", "ids": [asked(release)["id"]], "allow": True}, "owner")
    release.client.mediate(kinds.PUSH, {"remote": "origin", "branch": "main"}, b"")
    commit(release, b"print('more')\n")
    shown = asked(release)["leaving"]
    assert shown.startswith("1 commit, ")
    assert "data.txt" not in shown


def test_an_answer_for_several_pushes_ends_with_its_bytes(release: Running) -> None:
    commit(release, b"print('small')\n")
    question = asked(release)
    handler = release.server._desk._handler  # type: ignore[union-attr]
    bounds = {"uses": 5, "egress_bytes": 50_000, "seconds": 600}
    handler({"do": "answer", "ids": [question["id"]], "allow": True, **bounds}, "owner")
    release.client.mediate(kinds.PUSH, {"remote": "origin", "branch": "main"}, b"")
    commit(release, os.urandom(100_000).hex().encode(), "src/data.txt")
    with pytest.raises(ApprovalRequired):
        release.client.mediate(kinds.PUSH, {"remote": "origin", "branch": "main"}, b"")


def test_a_push_that_moves_while_it_is_looked_at_is_refused(release: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """What was counted and shown is not what the branch names now."""
    commit(release, b"print('shown')\n")
    real = Lookout.outgoing

    def moving(self: Lookout, url: str, tip: str, then: Callable[[Any], None]) -> None:
        def late(leaving: Any) -> None:
            world.git(release.repo.clone, "commit", "-q", "--allow-empty", "-m", "another")
            then(leaving)

        real(self, url, tip, late)

    monkeypatch.setattr(Lookout, "outgoing", moving)
    with pytest.raises(PolicyDenied):
        release.client.mediate(kinds.PUSH, {"remote": "origin", "branch": "main"}, b"")
    assert world.git(release.repo.bare, "rev-list", "--count", "main").strip() == "1"


def test_a_push_that_can_not_be_counted_is_refused_with_the_reason(
    release: Running, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(release, b"print('app 2')\n")
    monkeypatch.setattr(module, "WAITING_LIMIT", 0)
    with pytest.raises(PolicyDenied, match="denied"):
        release.client.mediate(kinds.PUSH, {"remote": "origin", "branch": "main"}, b"")


def test_the_question_about_a_pull_request_shows_what_is_pushed_with_it(gate: Start) -> None:
    running = gate()
    world.git(running.repo.clone, "remote", "set-url", "origin", "https://github.com/acme/app.git")
    world.git(running.repo.clone, "checkout", "-q", "-b", "topic")
    assert running.open(profile="release")["what"] == "opened"
    commit(running, b"print('the agent')\n")
    args = {"head": "topic", "base": "main"}
    with pytest.raises(ApprovalRequired) as question:
        running.client.mediate(kinds.PULL_REQUEST, args, b'{"title":"a fix","text":""}')
    handler = running.server._desk._handler  # type: ignore[union-attr]
    (shown,) = handler({"do": "list"}, "owner")["questions"]
    assert shown["id"] == question.value.id
    assert shown["leaving"].startswith("1 commit, ")
    assert "+print('the agent')" in shown["leaving"]
    assert "a fix" in shown["body"]
