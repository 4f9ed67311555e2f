"""The repository of a linked worktree as a box shows it."""

import os
import stat
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.storage import shown
from nucleus.policy.worktree import Linked, linked
from tests import world


@pytest.fixture
def found(tmp_path: Path) -> Linked:
    tree = world.worktree(tmp_path)
    main = tmp_path / "main"
    world.git(main, "config", "extensions.worktreeConfig", "true")
    world.git(tree, "config", "--worktree", "http.extraHeader", "Authorization: canary-token")
    world.git(main, "remote", "add", "origin", "https://canary-token@forge.example/x.git")
    place = linked(str(tree))
    assert place is not None
    return place


def test_its_configurations_are_shown_without_addresses_and_tokens(found: Linked, tmp_path: Path) -> None:
    copy = shown(found, str(tmp_path / "run"), (str(tmp_path / "tree"), "/home/ann"))
    assert (copy.place, copy.anywhere) == (found.shared, True)
    masks = {str(path.relative_to(copy.masks)): path for path in Path(copy.masks).rglob("*") if path.is_file()}
    assert masks.keys() == {"config", "worktrees/tree/config.worktree"}
    assert "canary" not in "".join(path.read_text() for path in masks.values())
    assert "repositoryformatversion" in masks["config"].read_text()


def test_its_layers_are_the_run_s_own_and_the_upper_one_is_dressed(found: Linked, tmp_path: Path) -> None:
    Path(found.shared).chmod(0o710)
    copy = shown(found, str(tmp_path / "run"), ())
    assert all(Path(place).is_relative_to(tmp_path / "run") for place in (copy.upper, copy.work, copy.masks))
    assert stat.S_IMODE(os.stat(copy.upper).st_mode) == 0o710
    assert os.listdir(copy.upper) == []


def test_a_repository_that_holds_the_workspace_or_the_state_is_not_shown(found: Linked, tmp_path: Path) -> None:
    """Its overlay would show the other worktrees' files, or what no box shows."""
    for inner in (f"{found.shared}/tree", f"{found.shared}/state", found.shared):
        with pytest.raises(CannotEnforce, match="can't be shown"):
            shown(found, str(tmp_path / "run"), ("/elsewhere", inner))
