"""Hidden files that history keeps: found in the index, without running git."""

import os
import struct
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.local.tracked import index_names, kept_in_history
from tests import world


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    folder = tmp_path / "repo"
    (folder / "deep" / "secrets").mkdir(parents=True)
    for name in (".env", "README.md", "deep/secrets/a.txt", "deep/secrets/b.txt", "ünï.py", "not_tracked.pem"):
        (folder / name).write_text(name)
    world.git(folder, "init", "-q")
    world.git(folder, "add", ".env", "README.md", "deep", "ünï.py")
    return folder


@pytest.mark.parametrize("version", ["2", "3", "4"])
def test_the_names_of_an_index_are_git_s_own(repository: Path, version: str) -> None:
    world.git(repository, "update-index", "--index-version", version)
    if version == "3":
        world.git(repository, "update-index", "--skip-worktree", "README.md")
    names = index_names((repository / ".git" / "index").read_bytes())
    assert names == world.git(repository, "ls-files", "-z").rstrip("\0").split("\0")


def test_hidden_paths_that_are_tracked_are_named_and_others_are_not(repository: Path) -> None:
    hidden = [".env", "deep/secrets", "not_tracked.pem"]
    assert kept_in_history(str(repository), hidden) == [".env", "deep/secrets"]
    assert kept_in_history(str(repository), []) == []


def test_without_a_repository_or_with_one_elsewhere_there_is_no_history_to_see(tmp_path: Path) -> None:
    assert kept_in_history(str(tmp_path), [".env"]) == []
    (tmp_path / ".git").write_text("gitdir: /elsewhere/.git/worktrees/x\n")
    assert kept_in_history(str(tmp_path), [".env"]) == []


def test_of_a_linked_worktree_its_own_index_is_read(repository: Path, tmp_path: Path) -> None:
    world.git(repository, "commit", "-q", "-m", "all")
    world.git(repository, "rm", "-q", "--cached", ".env")
    tree = tmp_path / "tree"
    world.git(repository, "worktree", "add", "-q", str(tree))
    assert kept_in_history(str(repository), [".env"]) == []
    assert kept_in_history(str(tree), [".env"]) == [".env"]


def test_an_index_that_can_t_be_read_is_not_taken_for_an_empty_one(repository: Path) -> None:
    index = repository / ".git" / "index"
    for broken in (b"", b"DIRC", index.read_bytes()[:100], b"XXXX" + index.read_bytes()[4:], b"DIRC\0\0\0\x09\0\0\0\0"):
        index.write_bytes(broken)
        assert kept_in_history(str(repository), [".env"]) is None


def test_a_pipe_in_its_place_is_not_waited_for(repository: Path) -> None:
    (repository / ".git" / "index").unlink()
    os.mkfifo(repository / ".git" / "index")
    assert kept_in_history(str(repository), [".env"]) is None


@given(st.binary(max_size=200))
def test_whatever_bytes_there_are_they_are_names_or_an_error(data: bytes) -> None:
    for version in (b"\0\0\0\x02", b"\0\0\0\x04"):
        try:
            names = index_names(b"DIRC" + version + b"\0\0\0\x02" + data)
        except (ValueError, IndexError, struct.error):
            continue
        assert len(names) == 2
