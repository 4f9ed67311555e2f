"""Changes of a run that just ended: asked for one by one, recorded, brought home all or none."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.apply import Change
from nucleus.errors import Refused, StateBlocked
from nucleus.gate.connection import Connection
from nucleus.gate.spawn import Spawned, start
from nucleus.kernel.exposure import ALL_SEEN, PRIVATE
from nucleus.local.homecoming import GateJudge, bring
from nucleus.local.supervise import seen
from nucleus.trace.reader import read_records
from tests import world
from tests.apply.repositories import box, git, hands, repository
from tests.apply.world import World, needs_overlay
from tests.local.box import needs_box


@pytest.fixture
def gate(tmp_path: Path) -> Iterator[tuple[Connection, Spawned, dict[str, Any]]]:
    """Open a gate at level contained, as a run does once its box vouches for itself."""
    made = World.make(tmp_path)
    world.git(made.workspace, "init", "-q")
    spawned = start(["gate"])
    connection = Connection(spawned.sock)
    asked: dict[str, Any] = {"profile": "local_dev", "workspace": str(made.workspace)}
    asked |= {"state": str(tmp_path / "state")}
    asked |= {"shown": {"secrets": False}}
    planned, _ = connection.request({"do": "plan", **asked})
    assert planned["what"] == "planned", planned
    opened, _ = connection.request(
        {"do": "open", **asked, "planned": planned["digest"], "containment": {"network": "none"}}
    )
    assert opened["what"] == "opened", opened
    yield connection, spawned, opened | {"world": made}
    spawned.end(10)


def _records(opened: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in read_records(Path(opened["trace"])) if one["type"] in {"decision", "result"}]


def test_each_change_is_a_decision_with_a_result_and_what_asks_is_held(
    gate: tuple[Connection, Spawned, dict[str, Any]],
) -> None:
    connection, spawned, opened = gate
    made: World = opened["world"]
    made.host("README.md")
    made.start()
    upper = made.folder / "upper"
    (upper / "new.txt").write_text("new")
    (upper / ".github" / "workflows").mkdir(parents=True)
    (upper / ".github" / "workflows" / "ci.yml").write_text("on: push")
    (upper / "CLAUDE.md").write_text("obey")
    found = bring(str(made.folder), connection)
    applied = {change.path for change in found.applied}
    held = {one.change.path: one.why for one in found.held}
    assert "new.txt" in applied
    assert (made.workspace / "new.txt").read_text() == "new"
    assert "asks (scope)" in held[".github/workflows/ci.yml"]
    assert "CLAUDE.md" in held
    assert not (made.workspace / "CLAUDE.md").exists()
    spawned.end(10)
    records = _records(opened)
    decided = {one["args"]["path"]: one["verdict"] for one in records if one["type"] == "decision"}
    assert decided["new.txt"] == "allow"
    assert decided[".github/workflows/ci.yml"] == "ask"
    assert "CLAUDE.md" not in decided, "what waits for a person's yes is not asked for"
    assert {one["outcome"] for one in records if one["type"] == "result"} == {"ok"}


def test_an_apply_that_fails_is_recorded_as_failed(
    gate: tuple[Connection, Spawned, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, spawned, opened = gate
    made: World = opened["world"]
    made.start()
    (made.folder / "upper" / "new.txt").write_text("new")

    def full(*_: object) -> int:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr("nucleus.apply.syscalls.rename", full)
    with pytest.raises(OSError, match="No space left"):
        bring(str(made.folder), connection)
    assert not (made.workspace / "new.txt").exists()
    spawned.end(10)
    assert [one["outcome"] for one in _records(opened) if one["type"] == "result"] == ["failed"]


def test_an_apply_that_is_interrupted_when_all_is_done_is_recorded_as_done(
    gate: tuple[Connection, Spawned, dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    connection, spawned, opened = gate
    made: World = opened["world"]
    made.start()
    (made.folder / "upper" / "new.txt").write_text("new")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("nucleus.apply.stage.remove", interrupted)
    with pytest.raises(KeyboardInterrupt):
        bring(str(made.folder), connection)
    assert (made.workspace / "new.txt").read_text() == "new"
    spawned.end(10)
    assert [one["outcome"] for one in _records(opened) if one["type"] == "result"] == ["ok"]


def test_a_gate_that_is_gone_allows_nothing(gate: tuple[Connection, Spawned, dict[str, Any]]) -> None:
    connection, spawned, opened = gate
    made: World = opened["world"]
    made.start()
    (made.folder / "upper" / "new.txt").write_text("new")
    assert seen(connection) == PRIVATE
    spawned.process.kill()
    spawned.process.wait()
    with pytest.raises(StateBlocked):
        bring(str(made.folder), connection)
    assert not (made.workspace / "new.txt").exists()
    assert seen(connection) == ALL_SEEN


def test_nobody_but_the_supervisor_asks_for_changes_ports_or_the_owner_s_door(
    gate: tuple[Connection, Spawned, dict[str, Any]],
) -> None:
    """A connection that could be handed into a box gets none of the three; the supervisor's own gets them."""
    connection, _, _ = gate
    handed, _ = connection.branch({"do": "attach"})
    for kind, args in (("apply", {"path": "a.txt", "change": "write"}), ("port", {"port": 8080})):
        reply, _ = handed.request({"do": "call", "kind": kind, "args": args})
        assert (reply["what"], reply["code"]) == ("denied", "capability"), kind
    with pytest.raises(Refused):
        handed.branch({"do": "watch"})
    owner, said = connection.branch({"do": "watch"})
    assert said["what"] == "watching"
    owner.close()
    handed.close()
    reply, _ = connection.request({"do": "call", "kind": "apply", "args": {"path": "a.txt", "change": "write"}})
    assert reply["what"] == "perform"


def test_only_what_needs_no_word_is_asked_for(gate: tuple[Connection, Spawned, dict[str, Any]]) -> None:
    connection, _, _ = gate
    judge = GateJudge(connection)
    plain = Change("a.txt", "added", "file", "plain")
    control = Change(".envrc", "added", "file", "control", why="steers a shell")
    rulings = judge((plain, control))
    assert [ruling.allow for ruling in rulings] == [True, False]
    assert rulings[1].why == "steers a shell"
    judge.settle(applied=True)


@needs_overlay
@needs_box
def test_branches_come_home_with_a_record_of_their_own(gate: tuple[Connection, Spawned, dict[str, Any]]) -> None:
    connection, spawned, opened = gate
    made: World = opened["world"]
    repository(made)
    made.start()
    box(made, "git checkout -q -b topic; echo more >> a.txt; git commit -q -a -m second")
    found = bring(str(made.folder), connection, hands())
    assert found.complete, found
    assert git(made.workspace, "log", "-1", "--format=%D %s") == "HEAD -> topic second"
    spawned.end(10)
    decided = {one["args"]["path"] for one in _records(opened) if one["type"] == "decision"}
    assert decided == {"a.txt", ".git/HEAD", ".git/refs/heads/topic"}
