"""nucleus runs, and which run a command means."""

import argparse
import json
import os
from pathlib import Path

import pytest

from nucleus.apply.run import alone
from nucleus.cli import Usage, main
from nucleus.cli.runs import meant, picked
from tests.apply.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World.make(tmp_path)
    world.start()
    monkeypatch.setenv("NUCLEUS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(world.workspace)
    return world


def asked(world: World, name: str = "", *paths: str) -> argparse.Namespace:
    return argparse.Namespace(state=world.run.state_directory, run=name, picked=list(paths))


def other(world: World, name: str, **fields: object) -> None:
    folder = world.folder.with_name(name)
    folder.mkdir()
    text = json.loads((world.folder / "run.json").read_text()) | {"id": name} | fields
    (folder / "run.json").write_text(json.dumps(text))


def test_runs_that_wait_are_listed_and_others_on_request(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    other(world, "ffffffffffff", state="applied", argv=["evil\x1b[2J"])
    assert main(["runs"]) == 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["0123456789ab"]
    assert main(["runs", "--all"]) == 0
    out = capsys.readouterr().out
    assert r"evil\x1b[2J" in out
    assert main(["runs", "--all", "--json"]) == 0
    assert [json.loads(line)["state"] for line in capsys.readouterr().out.splitlines()] == ["ended", "applied"]


def test_a_run_that_can_not_be_read_is_told_and_a_finding(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    other(world, "ffffffffffff", v=7)
    assert main(["runs"]) == 1
    assert "can't be read" in capsys.readouterr().err


def test_a_run_that_was_killed_is_not_said_to_run(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    """It never wrote down its end, and nobody holds it any more."""
    world.note(state="running")
    with alone(world.run):
        assert main(["runs"]) == 0
    assert main(["runs"]) == 0
    assert [line.split()[3] for line in capsys.readouterr().out.splitlines()] == ["running", "killed"]


def test_no_run_is_no_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--state", str(tmp_path / "none"), "runs"]) == 0
    assert "no run" in capsys.readouterr().out


def test_a_run_is_meant_by_its_name_or_its_beginning_or_as_the_last_that_waits_here(world: World) -> None:
    other(world, "ffffffffffff", started_ns=1)
    other(world, "fffffffffff0", workspace="/elsewhere", started_ns=2 * 10**18)
    assert [meant(asked(world, name)).id for name in ("0123456789ab", "01", "")] == ["0123456789ab"] * 3  # type: ignore[union-attr]
    for name in ("fff", "abc"):
        with pytest.raises(Usage, match="nucleus runs"):
            meant(asked(world, name))
    os.chdir("/")
    assert meant(asked(world)) is None


def test_paths_are_taken_from_here_or_from_the_workspace_and_never_beyond(world: World) -> None:
    world.host("d/a")
    run = world.run
    os.chdir(world.workspace / "d")
    assert picked(asked(world, "", "a", "../b", str(world.workspace / "c")), run) == ["d/a", "b", "c"]
    os.chdir("/")
    assert picked(asked(world, "", "d/a"), run) == ["d/a"]
    assert picked(asked(world), run) is None
    for path in ("/etc/passwd", "../../x"):
        with pytest.raises(Usage, match="not in the workspace"):
            picked(asked(world, "", path), run)


def test_of_directories_that_hold_one_another_the_nearest_is_meant(world: World) -> None:
    """What an agent changed of its own state in home is a run of the whole home: it is named, or meant from there."""
    above = str(Path(world.run.workspace).parent)
    other(world, "ffffffffffff", workspace=above, started_ns=world.run.started_ns + 10**9)
    found = meant(asked(world))
    assert found is not None
    assert found.id == world.run.id
    os.chdir(above)
    found = meant(asked(world))
    assert found is not None
    assert found.id == "f" * 12
