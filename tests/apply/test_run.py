"""A run as it lies in the state directory."""

import json
from pathlib import Path

import pytest

from nucleus.apply.beneath import held
from nucleus.apply.run import TICK, Run, alone, exists, home, load, noted, runs, veiled
from nucleus.errors import CannotEnforce
from nucleus.kernel.exposure import ALL_SEEN
from tests.apply.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World.make(tmp_path)
    world.note()
    return world


def test_a_run_is_read_as_it_was_written_and_noted_without_losing_anything(world: World) -> None:
    world.note(report={"x": 1}, hidden=["a"])
    run = world.run
    assert run.hidden == {"a"}
    after = noted(run, "partly")
    assert after.state == "partly"
    assert json.loads((world.folder / "run.json").read_text())["report"] == {"x": 1}
    assert load(str(world.folder)) == after


@pytest.mark.parametrize(
    "fields",
    [{"v": 2}, {"id": "../../x"}, {"state": "odd"}, {"workspace": "rel"}, {"started_ns": "now"}, {"hidden": 3}],
)
def test_what_is_no_run_is_refused_with_a_reason(world: World, fields: dict[str, object]) -> None:
    world.note(**fields)
    with pytest.raises(CannotEnforce, match="can't be read") as caught:
        load(str(world.folder))
    assert "remove" in caught.value.diagnostics()


def test_an_exposure_that_is_none_counts_as_everything(world: World) -> None:
    world.note(exposure=1 << 40)
    assert world.run.exposure == ALL_SEEN


def test_a_run_in_use_is_used_by_nobody_else(world: World) -> None:
    with alone(world.run), pytest.raises(BlockingIOError, match="in use"), alone(world.run):
        pass
    with alone(world.run):
        pass


def test_runs_are_found_oldest_first(world: World) -> None:
    other = world.folder.with_name("ffffffffffff")
    other.mkdir()
    text = json.loads((world.folder / "run.json").read_text()) | {"id": "ffffffffffff", "started_ns": 1}
    (other / "run.json").write_text(json.dumps(text))
    world.folder.with_name("not a run").mkdir()
    assert [run.id for run in runs(world.run.state_directory)] == ["ffffffffffff", "0123456789ab"]
    assert runs("/nonexistent") == []


def test_a_change_within_a_tick_of_the_beginning_counts_as_after_it() -> None:
    run = Run("/f", "0" * 12, "/w", 10**18)
    assert run.changed_since(10**18)
    assert run.changed_since(10**18 - TICK)
    assert not run.changed_since(10**18 - TICK - 1)


def test_what_was_hidden_or_rewritten_was_not_seen(world: World) -> None:
    world.start(hidden=(".env",))
    (world.folder / "masks" / "sub").mkdir()
    (world.folder / "masks" / "sub" / "config").write_text("rewritten")
    assert veiled(world.run) == {".env", "sub/config"}


def test_existence_is_asked_without_following_links(world: World) -> None:
    world.host("a/b")
    (world.workspace / "link").symlink_to("a")
    with held(str(world.workspace)) as base:
        assert exists(base, "a/b")
        assert exists(base, "link")
        assert not exists(base, "a/c")
        assert not exists(base, "link/b")


def test_a_workspace_that_is_gone_is_said_with_what_to_do(world: World) -> None:
    with home(world.run) as base:
        assert exists(base, ".")
    world.workspace.rmdir()
    with pytest.raises(CannotEnforce, match="not there any more") as caught, home(world.run):
        pass
    assert "nucleus discard" in caught.value.diagnostics()
