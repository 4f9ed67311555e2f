"""nucleus discard: a run goes with all that it changed, and nothing else does."""

from pathlib import Path

import pytest

from nucleus.apply.journal import Journal
from nucleus.apply.run import alone
from nucleus.cli import main
from tests.apply.world import World


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World.make(tmp_path)
    world.host("a")
    world.start()
    world.put("a")
    world.put("locked/deep", mode=0o000).parent.chmod(0o000)
    monkeypatch.setenv("NUCLEUS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(world.workspace)
    return world


def test_a_named_run_is_thrown_away(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    before = world.listing()
    assert main(["discard", "0123"]) == 0
    assert not world.folder.exists()
    assert world.listing() == before
    assert "discarded 0123456789ab" in capsys.readouterr().out
    assert main(["discard", "0123"]) == 2


def test_a_run_that_is_not_named_needs_the_word_at_a_terminal(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("nucleus.cli.discard.terminal", lambda _: None)
    assert main(["discard"]) == 2
    assert world.folder.exists()
    assert "nucleus discard 0123456789ab" in capsys.readouterr().err


def test_a_run_in_use_stays(world: World) -> None:
    with alone(world.run):
        assert main(["discard", "0123"]) == 2
    assert world.folder.exists()


def test_a_run_whose_workspace_is_gone_can_be_thrown_away_but_not_applied(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    world.workspace.rename(tmp_path / "elsewhere")
    for command in ("diff", "apply"):
        assert main([command, "0123"]) == 1
        said = capsys.readouterr().err
        assert "not there any more" in said
        assert "nucleus discard 0123456789ab" in said
    assert main(["discard", "0123"]) == 0
    assert not world.folder.exists()


def test_an_apply_that_was_interrupted_in_a_workspace_that_is_gone_keeps_what_it_needs(
    world: World, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The plan says what the stage holds, and both are needed to put the workspace right once it is back."""
    monkeypatch.chdir(tmp_path)
    Journal(world.run).begin(".nucleus-apply-x")
    world.workspace.rename(tmp_path / "elsewhere")
    assert main(["discard", "0123"]) == 1
    assert "put it back" in capsys.readouterr().err
    assert world.folder.exists()
    (tmp_path / "elsewhere").rename(world.workspace)
    assert main(["discard", "0123"]) == 0
