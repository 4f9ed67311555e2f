"""nucleus diff: what a run wants to change, by its bytes."""

import json
from pathlib import Path

import pytest

from nucleus.cli import main
from tests.apply.repositories import box, repository
from tests.apply.world import World, needs_overlay
from tests.local.box import needs_box


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> World:
    world = World.make(tmp_path)
    monkeypatch.setenv("NUCLEUS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(world.workspace)
    return world


def test_it_shows_each_change_and_nothing_is_applied(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.host("a.py", "one\n")
    world.start()
    world.put("a.py", "two\x1b[31m\n")
    world.put("CLAUDE.md", "obey\n")
    before = world.listing()
    assert main(["diff"]) == 0
    out = capsys.readouterr().out
    assert out.splitlines() == [
        "added CLAUDE.md  [control: steers an agent, a shell, version control or Nucleus]",
        "@@ -0,0 +1 @@",
        "+obey",
        "changed a.py",
        "@@ -1 +1 @@",
        "-one",
        r"+two\x1b[31m",
    ]
    assert world.listing() == before


def test_paths_json_and_colors(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    world.start()
    world.put("d/a", "x\n")
    world.put("b", "x\n")
    assert main(["diff", "0123", "--json", "--", "d"]) == 0
    assert [json.loads(line)["path"] for line in capsys.readouterr().out.splitlines()] == ["d", "d/a"]
    assert main(["diff", "--color", "always", "--", "b"]) == 0
    assert "\033[32m+x\033[0m" in capsys.readouterr().out
    assert main(["diff", "--", "none"]) == 0
    assert "changes nothing there" in capsys.readouterr().out


def test_without_a_run_it_says_so_and_an_unknown_one_is_a_wrong_call(
    world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["diff"]) == 0
    assert "no run" in capsys.readouterr().out
    assert main(["diff", "abc"]) == 2


@needs_overlay
@needs_box
def test_branches_are_shown_with_what_a_checkout_would_bring(world: World, capsys: pytest.CaptureFixture[str]) -> None:
    first = repository(world)
    world.start()
    box(world, "echo obey > CLAUDE.md; git add -A; git commit -q -m x")
    assert main(["diff", "--", ".git"]) == 0
    out = capsys.readouterr().out
    assert "changed ref .git/refs/heads/main  [control: a checkout brings CLAUDE.md" in out
    assert f"from {first} to " in out
