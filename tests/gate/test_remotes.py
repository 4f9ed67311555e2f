"""Remotes are read as bytes: no program runs, and what is odd is no remote."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.gate.remotes import commit_of, parse, remotes_of, tip_of
from tests import world


def git(folder: Path, *words: str) -> None:
    subprocess.run(["git", "-C", str(folder), *words], check=True, capture_output=True)


def test_the_remotes_of_a_real_repository_are_what_git_says(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "topic/x")
    git(tmp_path, "remote", "add", "origin", "https://forge.example/acme/app.git")
    git(tmp_path, "remote", "add", "up.stream", "git@forge.example:acme/app.git")
    found = remotes_of(str(tmp_path))
    assert found.urls == {
        "origin": "https://forge.example/acme/app.git",
        "up.stream": "git@forge.example:acme/app.git",
    }
    assert found.branch == "topic/x"
    assert found.base == ""
    git(tmp_path, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/trunk")
    assert remotes_of(str(tmp_path)).base == "trunk"


def test_a_linked_worktree_has_its_own_branch_and_its_repository_s_remotes(tmp_path: Path) -> None:
    main, tree = tmp_path / "main", tmp_path / "tree"
    main.mkdir()
    world.git(main, "init", "-q", "-b", "main")
    world.git(main, "commit", "-q", "--allow-empty", "-m", "first")
    world.git(main, "remote", "add", "origin", "https://forge.example/acme/app.git")
    world.git(main, "worktree", "add", "-q", "-b", "topic", str(tree))
    world.git(tree, "commit", "-q", "--allow-empty", "-m", "second")
    found = remotes_of(str(tree))
    assert (found.urls, found.branch) == ({"origin": "https://forge.example/acme/app.git"}, "topic")
    tip = world.git(tree, "rev-parse", "HEAD").strip()
    assert commit_of(str(tree)) == tip_of(str(tree), "refs/heads/topic") == tip
    (tmp_path / "evil").mkdir()
    (tmp_path / "evil" / ".git").write_text((tree / ".git").read_text())
    assert remotes_of(str(tmp_path / "evil")).urls == {}
    assert commit_of(str(tmp_path / "evil")) == ""


def test_no_include_is_followed(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    (tmp_path / "more").write_text('[remote "origin"]\n\turl = https://evil.example/\n')
    git(tmp_path, "config", "include.path", "../more")
    assert remotes_of(str(tmp_path)).urls == {}


@pytest.mark.parametrize(
    "text",
    [
        '[remote "origin"]\n\turl = https://a.example/\n\turl = https://b.example/\n',
        '[remote "origin"]\n\turl = "https://a.example/"\n',
        '[remote "origin"]\n\turl = https://a.example/ # comment\n',
        '[remote "origin"]\n\turl = https://a\\\n.example/\n',
        "[remote]\n\turl = https://a.example/\n",
        '[remotes "origin"]\n\turl = https://a.example/\n',
        '[url "https://evil.example/"]\n\tinsteadOf = https://a.example/\n',
    ],
    ids=["two", "quoted", "comment", "continued", "unnamed", "other", "instead"],
)
def test_what_needs_interpretation_is_no_remote(text: str) -> None:
    assert parse(text) == {}


@given(st.text())
def test_any_text_is_read_without_an_error(text: str) -> None:
    assert all(name and url for name, url in parse(text).items())


def test_a_linked_git_folder_and_no_repository_have_none(tmp_path: Path) -> None:
    assert remotes_of(str(tmp_path)).urls == {}
    real = tmp_path / "real"
    real.mkdir()
    git(real, "init", "-q")
    git(real, "remote", "add", "origin", "https://a.example/x")
    (tmp_path / "w").mkdir()
    (tmp_path / "w" / ".git").symlink_to(real / ".git")
    assert remotes_of(str(tmp_path / "w")).urls == {}


def test_the_tip_of_a_ref_is_read_loose_or_packed_and_nothing_else_is_one(tmp_path: Path) -> None:
    repo = world.repository(tmp_path)
    commit = world.git(repo.clone, "rev-parse", "HEAD").strip()
    assert tip_of(str(repo.clone), "refs/heads/main") == commit
    world.git(repo.clone, "pack-refs", "--all")
    assert tip_of(str(repo.clone), "refs/heads/main") == commit
    for other in ("refs/heads/none", "refs/heads/../../config", "config", "HEAD"):
        assert tip_of(str(repo.clone), other) == ""


def test_the_commit_that_is_checked_out_is_what_git_says(tmp_path: Path) -> None:
    repo = world.repository(tmp_path)
    head = world.git(repo.clone, "rev-parse", "HEAD").strip()
    assert commit_of(str(repo.clone)) == head
    world.git(repo.clone, "pack-refs", "--all")
    assert commit_of(str(repo.clone)) == head
    world.git(repo.clone, "checkout", "-q", "--detach")
    assert commit_of(str(repo.clone)) == head


def test_where_no_commit_is_checked_out_there_is_none(tmp_path: Path) -> None:
    assert commit_of(str(tmp_path)) == ""
    git(tmp_path, "init", "-q")
    assert commit_of(str(tmp_path)) == ""
    (tmp_path / ".git" / "HEAD").write_text("ref: refs/heads/../../config\n")
    assert commit_of(str(tmp_path)) == ""
    (tmp_path / ".git").rename(tmp_path / "moved")
    (tmp_path / ".git").symlink_to("moved")
    assert commit_of(str(tmp_path)) == ""
