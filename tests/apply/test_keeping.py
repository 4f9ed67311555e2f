"""Whether a commit of the host keeps what is at a path, judged by bytes."""

from pathlib import Path

import pytest

from nucleus.apply.keeping import kept_by
from nucleus.apply.sighting import nothing_is_kept
from tests.apply.repositories import git, hands, repository
from tests.apply.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


@pytest.mark.parametrize("form", ["sha1", "sha256"])
def test_exactly_the_content_of_the_commit_is_kept(world: World, form: str) -> None:
    git(world.workspace, "init", "-q", f"--object-format={form}")
    (world.workspace / "link").symlink_to("a.txt")
    world.host("tool.sh", mode=0o755)
    repository(world, **{"odd name\n": "x", "dirty": "x"})
    world.host("dirty", "y")
    world.host("untracked")
    (world.workspace / "tool.sh").chmod(0o644)
    kept = kept_by(world.start(), hands())
    assert {
        path: kept(path) for path in ("a.txt", "odd name\n", "link", "dirty", "untracked", "tool.sh", "none/x")
    } == {
        "a.txt": True,
        "odd name\n": True,
        "link": True,
        "dirty": False,
        "untracked": False,
        "tool.sh": False,
        "none/x": False,
    }


def test_what_is_staged_only_is_not_kept(world: World) -> None:
    repository(world)
    world.host("staged")
    git(world.workspace, "add", "staged")
    git(world.workspace, "update-index", "--assume-unchanged", "a.txt")
    world.host("a.txt", "changed\n")
    kept = kept_by(world.start(), hands())
    assert not kept("staged")
    assert not kept("a.txt"), "flags of the index say nothing"
    assert kept("b.txt")


def test_without_a_repository_or_hands_nothing_is_kept(world: World) -> None:
    world.host("a")
    run = world.start()
    assert not kept_by(run, hands())("a")
    assert kept_by(run, None) is nothing_is_kept
