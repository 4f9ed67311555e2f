"""nucleus apply: a word at the terminal for what is held, and statuses that a script can trust."""

import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.apply.journal import Journal
from nucleus.cli import main
from tests.apply.repositories import git, repository
from tests.apply.world import World
from tests.local.box import needs_box


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World.make(tmp_path)
    monkeypatch.setenv("NUCLEUS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(world.workspace)
    return world


def busy(world: World) -> None:
    world.host("gone")
    world.start()
    world.put("a")
    world.put("CLAUDE.md", "obey")
    world.gone("gone")


def test_what_is_plain_comes_and_what_is_held_waits(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    busy(world)
    assert main(["apply", "--non-interactive"]) == 1
    said = capsys.readouterr()
    assert "1 change applied" in said.out
    assert "held added CLAUDE.md: steers an agent" in said.err
    assert "held deleted gone: " in said.err
    assert sorted(place.name for place in world.workspace.iterdir()) == ["a", "gone"]
    assert world.run.state == "partly"


def test_everything_applied_is_status_zero_and_noted(world: World) -> None:
    world.start()
    world.put("a")
    assert main(["apply", "0123456789ab", "--non-interactive"]) == 0
    assert world.run.state == "applied"
    (noted,) = json.loads((world.folder / "run.json").read_text())["applies"]
    assert (noted["applied"], noted["held"], noted["by"], noted["by_yes"]) == (1, 0, os.getuid(), [])
    assert main(["apply", "0123456789ab", "--non-interactive"]) == 0


def test_paths_behind_dashes_pick(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.host("-d/x")
    world.start()
    world.put("a")
    world.put("-d/b")
    world.put("c")
    assert main(["apply", "--non-interactive", "--", "a", "-d/b"]) == 0
    assert sorted(place.name for place in world.workspace.rglob("*")) == ["-d", "a", "b", "x"]
    assert main(["apply", "--non-interactive", "--", "none"]) == 2
    assert "changes nothing at none" in capsys.readouterr().err
    assert main(["apply", "--non-interactive", "--", "/etc"]) == 2
    assert main(["apply", "0123456789ab", "c"]) == 2
    assert "behind --" in capsys.readouterr().err


def test_a_conflict_stops_everything_and_says_how_to_go_on(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.host("a")
    world.start()
    world.put("a")
    world.put("b")
    world.host("a", "mine")
    assert main(["apply", "--non-interactive"]) == 1
    assert "conflict a: changed on the host" in capsys.readouterr().err
    assert not (world.workspace / "b").exists()
    assert main(["apply", "--non-interactive", "--", "b"]) == 0


def at_a_terminal(world: World, typed: str, *words: str) -> tuple[int, str]:
    """Run the command under a terminal at which ``typed`` is typed; return its status and what it showed."""
    child, terminal = pty.fork()
    if child == 0:
        os.execv(sys.executable, [sys.executable, "-m", "nucleus", *words])  # noqa: S606  the program itself, as a user starts it
    os.write(terminal, typed.encode())
    said = b""
    while True:
        try:
            piece = os.read(terminal, 4096)
        except OSError:
            break
        if not piece:
            break
        said += piece
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), said.decode()


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_each_kind_of_what_is_held_needs_its_own_word(world: World) -> None:
    busy(world)
    status, said = at_a_terminal(world, "held\nyes\n", "apply")
    assert status == 1, said
    assert "Type control to apply them" in said
    assert sorted(place.name for place in world.workspace.iterdir()) == ["a", "gone"]
    status, said = at_a_terminal(world, "control\nheld\n", "apply")
    assert status == 0, said
    assert sorted(place.name for place in world.workspace.iterdir()) == ["CLAUDE.md", "a"]
    applies = json.loads((world.folder / "run.json").read_text())["applies"]
    assert [each["by_yes"] for each in applies] == [[], ["CLAUDE.md", "gone"]]


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_names_that_would_move_the_cursor_are_shown_escaped_at_the_question(world: World) -> None:
    world.start()
    world.put("evil\x1b[2J\x07/CLAUDE.md")
    status, said = at_a_terminal(world, "no\nno\n", "apply")
    assert status == 1
    assert "\x1b[2J" not in said
    assert r"evil\x1b[2J\x07/CLAUDE.md" in said


def test_an_apply_that_was_killed_is_put_right_first(world: World) -> None:
    busy(world)
    stage = world.workspace / ".nucleus-apply-x"
    stage.mkdir()
    Journal(world.run).begin(stage.name)
    assert main(["apply", "--non-interactive", "--", "a"]) == 0
    assert not stage.exists()


@needs_box
def test_what_a_commit_keeps_is_deleted_and_renamed_by_a_run_without_a_question(world: World) -> None:
    repository(world, **{"d/x.txt": "x\n"})
    world.host("untracked")
    script = "git mv a.txt renamed.txt; git commit -q -m renamed; rm -r d; rm untracked"
    words = [sys.executable, "-m", "nucleus", "run", "--profile", "local_dev", "--non-interactive", "--"]
    done = subprocess.run([*words, "sh", "-c", script], capture_output=True, text=True, check=False)
    assert done.returncode == 75, done.stderr
    assert "untracked (deleted)" in done.stderr
    assert "1 change is held" in done.stderr
    assert sorted(place.name for place in world.workspace.iterdir()) == [".git", "b.txt", "renamed.txt", "untracked"]
    assert git(world.workspace, "log", "-1", "--format=%s") == "renamed"
    assert git(world.workspace, "status", "--porcelain") == "D d/x.txt\n?? untracked"
