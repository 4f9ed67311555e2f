"""Where an entry of git's storage lies: in an ordinary clone, and in a linked worktree, which has two places."""

import os
from pathlib import Path

import pytest

from nucleus.apply import load
from nucleus.apply.beneath import held
from nucleus.apply.storage import Storage, layered, require
from nucleus.policy.worktree import Linked
from tests import world
from tests.apply.world import World


@pytest.fixture
def tree(tmp_path: Path) -> World:
    """Return a world whose workspace is a linked worktree."""
    made = World.make(tmp_path)
    main = tmp_path / "main"
    main.mkdir()
    world.git(main, "init", "-q", "-b", "main")
    world.git(main, "commit", "-q", "--allow-empty", "-m", "first")
    made.workspace.rmdir()
    world.git(main, "worktree", "add", "-q", str(made.workspace))
    for name in ("upper", "work", "masks"):
        (made.folder / "storage" / name).mkdir(parents=True)
    made.start(linked=[str(main / ".git"), "ws"])
    return made


def lies(storage: Storage, path: str) -> str:
    with storage.above(path) as (folder, name):
        return os.path.join(os.readlink(f"/proc/self/fd/{folder}"), name)


@pytest.mark.parametrize(
    ("path", "place"),
    [
        (".git/HEAD", "worktrees/ws/HEAD"),
        (".git/index", "worktrees/ws/index"),
        (".git/logs/HEAD", "worktrees/ws/logs/HEAD"),
        (".git/refs/heads/main", "refs/heads/main"),
        (".git/logs/refs/heads/main", "logs/refs/heads/main"),
        (".git/packed-refs", "packed-refs"),
        (".git/objects/pack", "objects/pack"),
    ],
)
def test_head_and_index_are_the_worktree_s_own_and_all_else_is_shared(tree: World, path: str, place: str) -> None:
    """As ``git rev-parse --git-path`` says of each."""
    with held(str(tree.workspace)) as workspace:
        found = lies(Storage(workspace, tree.run.linked), path)
    assert found == str(tree.workspace.parent / "main" / ".git" / place)
    told = world.git(tree.workspace, "rev-parse", "--git-path", path.removeprefix(".git/")).strip()
    assert os.path.realpath(os.path.join(tree.workspace, told)) == found


def test_in_an_ordinary_clone_all_is_in_one_place(tmp_path: Path) -> None:
    world.git(tmp_path, "init", "-q")
    with held(str(tmp_path)) as workspace:
        for path in (".git/HEAD", ".git/index", ".git/refs/heads/x"):
            assert lies(Storage(workspace), path) == str(tmp_path / path)


def test_what_is_missing_of_a_branch_s_directory_is_made_where_it_is_shared(tree: World) -> None:
    with (
        held(str(tree.workspace)) as workspace,
        Storage(workspace, tree.run.linked).above(".git/refs/heads/a/b/c", make=True) as (folder, name),
    ):
        assert os.path.samestat(os.fstat(folder), os.stat(tree.workspace.parent / "main/.git/refs/heads/a/b"))
        assert name == "c"


def test_no_link_is_followed(tree: World, tmp_path: Path) -> None:
    heads = tmp_path / "main" / ".git" / "refs" / "heads"
    (heads / "evil").symlink_to("/tmp")
    with (
        held(str(tree.workspace)) as workspace,
        pytest.raises(OSError, match=r"Not a directory|Too many"),
        Storage(workspace, tree.run.linked).above(".git/refs/heads/evil/x"),
    ):
        pass


def test_a_worktree_that_was_moved_is_not_brought_to(tree: World, tmp_path: Path) -> None:
    require(tree.run)
    world.git(tmp_path / "main", "worktree", "move", str(tree.workspace), str(tmp_path / "elsewhere"))
    (tmp_path / "ws").mkdir()
    with pytest.raises(ValueError, match="was moved since"):
        require(tree.run)


def test_the_layer_is_that_over_the_repository(tree: World) -> None:
    with layered(tree.run) as both:
        assert both is not None
        places = [os.readlink(f"/proc/self/fd/{one}") for one in both]
    assert places == [str(tree.folder / "storage" / "upper"), str(tree.workspace.parent / "main" / ".git")]


def test_where_nothing_was_written_below_git_there_is_no_layer(tmp_path: Path) -> None:
    made = World.make(tmp_path)
    world.git(made.workspace, "init", "-q")
    run = made.start()
    with layered(run) as both:
        assert both is None
    made.put(".git/HEAD")
    with layered(run) as both:
        assert both is not None


def test_a_run_says_where_its_repository_lies(tree: World, tmp_path: Path) -> None:
    assert load(str(tree.folder)).linked == Linked(str(tmp_path / "main" / ".git"), "ws")
