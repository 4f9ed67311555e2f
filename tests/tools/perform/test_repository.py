"""The repository as files: refs move by compare-and-swap, and odd ones are no refs."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nucleus.tools.perform.repository import Repository, good_ref, opened


def git(folder: Path, *words: str) -> str:
    environment = {
        "PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "U", "GIT_AUTHOR_EMAIL": "u@e", "GIT_COMMITTER_NAME": "U", "GIT_COMMITTER_EMAIL": "u@e",
    }  # fmt: skip
    return subprocess.run(
        ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def repo(workspace: Path) -> Path:
    git(workspace, "init", "-q", "-b", "main")
    for name in ("one", "two"):
        git(workspace, "commit", "-qm", name, "--allow-empty")
    return workspace


@pytest.fixture
def repository(repo: Path) -> Iterator[Repository]:
    with opened(str(repo)) as found:
        yield found


def test_head_and_refs_are_what_git_says_loose_or_packed(repo: Path, repository: Repository) -> None:
    git(repo, "tag", "v1", "HEAD~1")
    git(repo, "branch", "deep/er/x", "HEAD~1")
    git(repo, "update-ref", "refs/remotes/origin/main", "HEAD")
    for _ in range(2):
        listed = git(repo, "for-each-ref", "--format=%(refname) %(objectname)").splitlines()
        assert repository.refs() == dict(line.split() for line in listed)
        assert repository.head().ref == "refs/heads/main"
        assert repository.head().commit == git(repo, "rev-parse", "HEAD")
        git(repo, "pack-refs", "--all")
    git(repo, "checkout", "-q", "--detach", "v1")
    assert (repository.head().ref, repository.head().commit) == ("", git(repo, "rev-parse", "v1"))


def test_a_ref_moves_only_from_where_it_was(repo: Path, repository: Repository) -> None:
    one, two = git(repo, "rev-parse", "HEAD~1"), git(repo, "rev-parse", "HEAD")
    with pytest.raises(BlockingIOError, match="has moved"):
        repository.move_ref("refs/heads/main", one, two)
    repository.move_ref("refs/heads/main", two, one)
    assert git(repo, "rev-parse", "main") == one
    with pytest.raises(BlockingIOError):
        repository.move_ref("refs/heads/main", "", two)
    repository.move_ref("refs/heads/new/deep", "", two)
    assert git(repo, "rev-parse", "new/deep") == two
    assert not list((repo / ".git").rglob("*.lock"))


def test_a_lock_of_git_is_a_lock_for_us_and_the_reverse(repo: Path, repository: Repository) -> None:
    two = git(repo, "rev-parse", "HEAD")
    (repo / ".git/refs/heads/main.lock").touch()
    with pytest.raises(BlockingIOError, match="another git"):
        repository.move_ref("refs/heads/main", two, two)
    assert (repo / ".git/refs/heads/main.lock").exists()
    (repo / ".git/refs/heads/main.lock").unlink()
    with repository.replacing_index(repository.index()["index"], b"DIRC"), pytest.raises(subprocess.CalledProcessError):
        git(repo, "add", ".")


def test_an_index_that_changed_is_not_replaced(repo: Path, repository: Repository) -> None:
    before = repository.index()["index"]
    (repo / "a").write_text("x")
    git(repo, "add", "a")
    with pytest.raises(BlockingIOError, match="index has changed"), repository.replacing_index(before, b"x"):
        pytest.fail("the block must not run")
    assert git(repo, "status", "--porcelain") == "A  a"


def test_a_link_among_the_refs_is_not_followed(repo: Path, repository: Repository, tmp_path: Path) -> None:
    two = git(repo, "rev-parse", "HEAD")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "x").write_text(two + "\n")
    (repo / ".git/refs/heads/link").symlink_to(outside)
    assert git(repo, "rev-parse", "link/x") == two
    assert "refs/heads/link/x" not in repository.refs()
    with pytest.raises(OSError, match="symbolic link"):
        repository.move_ref("refs/heads/link/y", "", two)
    assert os.listdir(outside) == ["x"]


@pytest.mark.parametrize("content", ["", "ref: refs/tags/x", "ref: ../../x", "nonsense", "ref: refs/heads/a..b"])
def test_an_odd_head_is_refused(repo: Path, repository: Repository, content: str) -> None:
    (repo / ".git/HEAD").write_text(content)
    with pytest.raises(ValueError, match="HEAD names"):
        repository.head()


@settings(max_examples=60, deadline=None)
@given(st.text(alphabet="ab/.-@{~^: \\*[lock\n\x7f\u00e9", max_size=12))
def test_what_is_a_good_ref_here_is_one_for_git(name: str) -> None:
    ref = f"refs/heads/{name}"
    if good_ref(ref):
        subprocess.run(["git", "check-ref-format", ref], check=True)
