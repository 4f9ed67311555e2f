"""A linked worktree is followed to its repository only where that names it too."""

import os
from pathlib import Path

import pytest

from nucleus.policy.worktree import LIMIT, Linked, linked
from tests import world


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    return world.worktree(tmp_path)


def test_what_git_made_is_found(tree: Path) -> None:
    found = linked(str(tree))
    assert found == Linked(str(tree.parent / "main" / ".git"), "tree")
    assert found is not None
    assert (Path(found.own) / "HEAD").exists()


@pytest.mark.parametrize("where", ["main", "."])
def test_an_ordinary_repository_and_none_are_no_linked_worktree(tree: Path, where: str) -> None:
    assert linked(str(tree.parent / where)) is None


def test_a_file_that_names_somebody_else_s_repository_is_not_followed(tree: Path, tmp_path: Path) -> None:
    """As a repository could be made that comes with a ``.git`` file: the other side does not point back."""
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / ".git").write_text((tree / ".git").read_text())
    assert linked(str(evil)) is None
    back = tmp_path / "main" / ".git" / "worktrees" / "tree" / "gitdir"
    back.write_text(f"{evil}/.git\n")
    assert linked(str(evil)) is not None, "with the back pointer it would be"


@pytest.mark.parametrize(
    "text", ["", "gitdir: ", "gitdir: relative", "gitdir: /", "gitdir: /a\ngitdir: /b", "x" * LIMIT]
)
def test_what_is_no_pointer_is_not_followed(tree: Path, text: str) -> None:
    (tree / ".git").write_text(text)
    assert linked(str(tree)) is None


def test_no_link_and_no_pipe_is_followed(tree: Path, tmp_path: Path) -> None:
    (tmp_path / "other").symlink_to(tmp_path / "main")
    (tree / ".git").write_text(f"gitdir: {tmp_path}/other/.git/worktrees/tree\n")
    assert linked(str(tree)) is None
    (tree / ".git").rename(tmp_path / "kept")
    (tree / ".git").symlink_to(tmp_path / "kept")
    assert linked(str(tree)) is None
    (tree / ".git").unlink()
    os.mkfifo(tree / ".git")
    assert linked(str(tree)) is None


def test_a_repository_of_another_shape_is_not_followed(tree: Path, tmp_path: Path) -> None:
    own = tmp_path / "main" / ".git" / "worktrees" / "tree"
    (own / "commondir").write_text("/elsewhere\n")
    assert linked(str(tree)) is None
