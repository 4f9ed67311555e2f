"""Workers: one permit at a time, each outcome once, a late or dead worker is known for what it is."""

import os
import signal
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucleus.gate.board import boot_ns
from nucleus.gate.effects import Limits, Outcome, Permit
from nucleus.gate.loop import Loop
from nucleus.gate.spawn import BOOTSTRAP
from nucleus.gate.workers import Workers
from tests.local.box import needs_box, private


class Pool:
    """A pool, and what came out of it."""

    def __init__(self, workspace: Path) -> None:
        self.loop = Loop(boot_ns)
        self.outcomes: list[tuple[int, Outcome]] = []
        self.workers = Workers(self.loop, boot_ns, BOOTSTRAP, {}, lambda *found: self.outcomes.append(found))
        self.workspace = workspace

    def read(self, number: int, path: str = "file") -> None:
        args = {"path": path, "hidden": []}
        self.workers.perform(Permit(number, "fs.read", args, str(self.workspace), Limits(seconds=1)), b"")

    def until(self, count: int) -> list[tuple[int, Outcome]]:
        while len(self.outcomes) < count:
            self.loop.turn()
        return self.outcomes


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    (tmp_path / "file").write_text("content")
    found = Pool(tmp_path)
    yield found
    found.workers.end()
    found.loop.close()


def test_permits_come_back_in_order_each_once(pool: Pool) -> None:
    for number in range(5):
        pool.read(number)
    assert [number for number, _ in pool.until(5)] == list(range(5))
    assert {outcome.body for _, outcome in pool.outcomes} == {b"content"}


def test_a_used_permit_ends_the_worker(pool: Pool) -> None:
    pool.read(7)
    pool.until(1)
    pool.read(7)
    _, outcome = pool.until(2)[1]
    assert outcome.value["unknown"] is True


def test_a_killed_worker_leaves_what_it_did_unknown_and_what_waited_untried(pool: Pool) -> None:
    pool.read(1)
    pool.until(1)
    pid = pool.workers._workers["fs"].spawned.pid
    os.kill(pid, signal.SIGSTOP)
    pool.read(2)
    pool.read(3)
    threading.Timer(0.1, lambda: os.kill(pid, signal.SIGKILL)).start()
    found = dict(pool.until(3))
    assert found[2].value["unknown"] is True
    assert "before this was tried" in found[3].value["message"]
    pool.read(4)
    assert dict(pool.until(4))[4].status == "ok"


def test_a_worker_that_hangs_is_ended(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nucleus.gate.workers.GRACE_SECONDS", 0.2)
    pool.read(1)
    pool.until(1)
    os.kill(pool.workers._workers["fs"].spawned.pid, signal.SIGSTOP)
    pool.read(2)
    _, outcome = pool.until(2)[1]
    assert "longer than its permit allows" in outcome.value["message"]


def test_a_worker_that_can_not_start_fails_its_call(pool: Pool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.executable", "")
    pool.read(1)
    assert pool.outcomes[0][1].status == "failed"


def command(pool: Pool, number: int, *argv: str) -> None:
    args = {"argv": list(argv), "cwd": ".", "hidden": ["**/.git", "**/.git/**"]}
    pool.workers.perform(Permit(number, "proc.run", args, str(pool.workspace), Limits(seconds=30)), b"in")


@needs_box
def test_the_worker_for_commands_runs_them_in_a_box_where_it_was_given_a_place(pool: Pool, tmp_path: Path) -> None:
    """The whole of it: an isolated process with frozen imports, that no one can read, makes the box."""
    state = private(tmp_path.parent / f"{tmp_path.name}-state")
    pool.workers = Workers(pool.loop, boot_ns, BOOTSTRAP, {}, lambda *found: pool.outcomes.append(found), str(state))
    command(pool, 1, "sh", "-c", "cat; ls; rm file; ls ~ /sys /proc/1/root/work")
    _, outcome = pool.until(1)[0]
    assert outcome.status == "ok", outcome
    assert outcome.body.startswith(b"infile\n")
    assert outcome.value["changes"] == [{"path": "file", "what": "deleted", "kind": "file"}]
    assert (tmp_path / "file").exists()
    command(pool, 2, "sh", "-c", "exec 2>&1; ls -A / | tr '\\n' ' '")
    assert b"sys" not in pool.until(2)[1][1].body


def test_without_a_place_for_layers_commands_are_refused(pool: Pool) -> None:
    command(pool, 1, "touch", "ran")
    _, outcome = pool.until(1)[0]
    assert (outcome.status, outcome.value["type"]) == ("failed", "CannotEnforce")
    assert not (pool.workspace / "ran").exists()
