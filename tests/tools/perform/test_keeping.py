"""Whether a commit keeps what is at a path: no for anything that could be lost, whatever a repository says."""

import hashlib
import os
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.effects import Limits, Outcome
from nucleus.tools.perform import keeping
from nucleus.tools.perform.git import GitPerformer
from tests.tools.perform.test_git import git

Keeps = Callable[..., bool]


@pytest.fixture
def repo(workspace: Path) -> Path:
    git(workspace, "init", "-q", "-b", "main")
    (workspace / "src" / "deep").mkdir(parents=True)
    (workspace / "src" / "deep" / "a.py").write_text("a = 1\n")
    (workspace / "README.md").write_text("hello\n")
    (workspace / "run.sh").write_text("#!/bin/sh\n")
    (workspace / "run.sh").chmod(0o755)
    (workspace / "link").symlink_to("README.md")
    (workspace / ".gitignore").write_text("*.log\n")
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "first")
    return workspace


@pytest.fixture
def ask(perform: Callable[..., Outcome], repo: Path) -> Callable[..., Outcome]:
    first = git(repo, "rev-parse", "HEAD").strip()

    def run(path: str, commit: str = first, **more: Any) -> Outcome:
        return perform(GitPerformer(), "git.kept", path=path, commit=commit, **more)

    return run


@pytest.fixture
def keeps(ask: Callable[..., Outcome]) -> Keeps:
    """Return what answers yes, or no for any reason."""
    return lambda *words, **more: ask(*words, **more).value.get("kept") is True


def test_what_the_commit_has_is_kept_and_named_by_its_digest(ask: Callable[..., Outcome]) -> None:
    assert ask("README.md").value == {"kept": True, "digest": hashlib.sha256(b"hello\n").hexdigest()}
    assert ask("src/deep/a.py").value["kept"] is True
    assert ask("run.sh").value["kept"] is True
    assert ask("./src//deep/a.py").value["kept"] is True


def test_a_repository_of_longer_names_is_read_too(workspace: Path, perform: Callable[..., Outcome]) -> None:
    git(workspace, "init", "-q", "-b", "main", "--object-format=sha256")
    (workspace / "a").write_text("a")
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "first")
    commit = git(workspace, "rev-parse", "HEAD").strip()
    assert len(commit) == 64
    assert perform(GitPerformer(), "git.kept", path="a", commit=commit).value["kept"] is True


def test_what_differs_in_one_byte_is_not_kept(repo: Path, keeps: Keeps) -> None:
    (repo / "README.md").write_text("hellp\n")
    assert not keeps("README.md")
    (repo / "README.md").write_text("hello\n\n")
    assert not keeps("README.md")
    (repo / "run.sh").chmod(0o644)
    assert not keeps("run.sh")


def test_what_no_commit_has_is_not_kept(repo: Path, keeps: Keeps) -> None:
    """Untracked, ignored, staged only, intended to be added."""
    for name in ("new.txt", "x.log", "staged.txt", "intended.txt"):
        (repo / name).write_text("unique\n")
    git(repo, "add", "staged.txt")
    git(repo, "add", "--intent-to-add", "intended.txt")
    for name in ("new.txt", "x.log", "staged.txt", "intended.txt"):
        assert not keeps(name)


def test_no_link_directory_or_missing_file_is_kept(repo: Path, keeps: Keeps) -> None:
    (repo / "away").symlink_to("src")
    for path in ("link", "src", "away/deep/a.py", "missing", "src/deep/a.py/x", ".git/HEAD"):
        assert not keeps(path)


@pytest.mark.parametrize("path", ["../workspace/README.md", "/etc/passwd", "", ".", "a\0b"])
def test_a_path_that_is_none_below_the_workspace_is_not_kept(path: str, keeps: Keeps) -> None:
    assert not keeps(path)


@pytest.mark.parametrize("commit", ["HEAD", "main", "0" * 40, "--all", "", "HEAD^{tree}"])
def test_only_the_whole_id_of_a_commit_counts(commit: str, keeps: Keeps, repo: Path) -> None:
    assert not keeps("README.md", commit)
    git(repo, "tag", "-a", "-m", "x", "v1")
    for other in ("v1", "HEAD^{tree}", "HEAD:README.md"):
        assert not keeps("README.md", git(repo, "rev-parse", other).strip())


def test_a_commit_that_no_branch_leads_to_keeps_nothing(repo: Path, keeps: Keeps) -> None:
    """It is in the store until somebody cleans up."""
    (repo / "new.txt").write_text("unique\n")
    git(repo, "add", ".")
    git(repo, "commit", "-qm", "second")
    second = git(repo, "rev-parse", "HEAD").strip()
    assert keeps("new.txt", second)
    git(repo, "reset", "-q", "--soft", "HEAD~1")
    assert not keeps("new.txt", second)
    git(repo, "update-ref", "refs/stash", second)
    assert not keeps("new.txt", second)
    git(repo, "tag", "kept", second)
    assert keeps("new.txt", second)


def test_marks_of_the_index_change_nothing(repo: Path, keeps: Keeps) -> None:
    """Assume-unchanged and skip-worktree hide changes from git's own comparison; sparse checkouts use the second."""
    git(repo, "update-index", "--assume-unchanged", "README.md")
    git(repo, "update-index", "--skip-worktree", "src/deep/a.py")
    assert keeps("README.md")
    (repo / "README.md").write_text("mine\n")
    (repo / "src" / "deep" / "a.py").write_text("mine\n")
    assert git(repo, "status", "--porcelain") == ""
    assert not keeps("README.md")
    assert not keeps("src/deep/a.py")


def test_attributes_and_filters_change_nothing_and_run_nothing(repo: Path, keeps: Keeps, tmp_path: Path) -> None:
    """A clean filter that turns every text into the committed one makes git say: not modified."""
    canary = tmp_path / "canary"
    program = tmp_path / "filter"
    program.write_text(f"#!/bin/sh\ntouch {canary}\necho hello\n")
    program.chmod(0o755)
    (repo / ".gitattributes").write_text("README.md filter=lie text eol=crlf diff=lie\n")
    for key in ("filter.lie.clean", "filter.lie.smudge", "diff.lie.textconv", "core.fsmonitor", "diff.external"):
        git(repo, "config", key, str(program))
    (repo / "README.md").write_text("precious\n")
    assert "README.md" not in git(repo, "diff", "--name-only", "--no-ext-diff")
    canary.unlink(missing_ok=True)
    assert not keeps("README.md")
    (repo / "README.md").write_bytes(b"hello\r\n")
    assert not keeps("README.md")
    (repo / "README.md").write_text("hello\n")
    assert keeps("README.md")
    assert not canary.exists()


def test_replacements_and_grafts_change_nothing(repo: Path, keeps: Keeps) -> None:
    """A replacement object makes the old commit show another tree."""
    first = git(repo, "rev-parse", "HEAD").strip()
    (repo / "README.md").write_text("mine\n")
    git(repo, "commit", "-qam", "second")
    second = git(repo, "rev-parse", "HEAD").strip()
    git(repo, "replace", first, second)
    (repo / ".git" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "info" / "grafts").write_text(f"{first} {second}\n")
    assert git(repo, "show", f"{first}:README.md") == "mine\n"
    assert not keeps("README.md", first)
    assert keeps("README.md", second)


def forged(repo: Path, name: str, kind: str, content: bytes) -> None:
    """Put another content under an object's name, as somebody can who writes into .git."""
    path = repo / ".git" / "objects" / name[:2] / name[2:]
    path.chmod(0o644)
    path.write_bytes(zlib.compress(f"{kind} {len(content)}\0".encode() + content))


def test_an_object_that_is_not_what_its_name_says_keeps_nothing(repo: Path, keeps: Keeps) -> None:
    (repo / "README.md").write_text("mine\n")
    forged(repo, git(repo, "rev-parse", "HEAD:README.md").strip(), "blob", b"mine\n")
    assert not keeps("README.md")


def test_a_directory_object_that_is_not_what_its_name_says_keeps_nothing(repo: Path, keeps: Keeps) -> None:
    (repo / "README.md").write_text("")
    mine = git(repo, "hash-object", "-w", "README.md").strip()
    forged(repo, git(repo, "rev-parse", "HEAD^{tree}").strip(), "tree", b"100644 README.md\0" + bytes.fromhex(mine))
    assert not keeps("README.md")


def test_without_the_look_at_names_a_forged_object_would_do(
    repo: Path, keeps: Keeps, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The defence switched off: git itself checks, here and there; a directory's object it does not."""

    def trusting(private: Any, kind: str, name: str, limit: int) -> bytes:
        return bytes(private.must("cat-file", kind, name, limit=limit))

    (repo / "README.md").write_text("")
    mine = git(repo, "hash-object", "-w", "README.md").strip()
    forged(repo, git(repo, "rev-parse", "HEAD^{tree}").strip(), "tree", b"100644 README.md\0" + bytes.fromhex(mine))
    monkeypatch.setattr(keeping, "_object", trusting)
    assert keeps("README.md")


def test_borrowed_objects_keep_nothing(repo: Path, keeps: Keeps, tmp_path: Path) -> None:
    """They are somebody else's, who can take them away."""
    (repo / ".git" / "objects" / "info").mkdir(exist_ok=True)
    (repo / ".git" / "objects" / "info" / "alternates").write_text(str(tmp_path) + "\n")
    assert not keeps("README.md")


def test_a_file_in_a_submodule_is_not_kept(repo: Path, keeps: Keeps, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    (other / "b.txt").write_text("b\n")
    git(other, "add", ".")
    git(other, "commit", "-qm", "b")
    git(repo, "-c", "protocol.file.allow=always", "submodule", "add", "-q", str(other), "sub")
    git(repo, "commit", "-qm", "sub")
    assert not keeps("sub/b.txt", git(repo, "rev-parse", "HEAD").strip())


def test_what_is_too_large_to_compare_is_not_kept(repo: Path, perform: Callable[..., Outcome]) -> None:
    commit = git(repo, "rev-parse", "HEAD").strip()
    small = Limits(bytes=5)
    assert perform(GitPerformer(), "git.kept", limits=small, path="README.md", commit=commit).status == "failed"


def test_a_linked_worktree_and_no_repository_are_answered(
    repo: Path, perform: Callable[..., Outcome], tmp_path: Path
) -> None:
    assert perform(GitPerformer(), "git.kept", path="x", commit="0" * 40).status == "failed"
    os.rename(repo / ".git", tmp_path / "gone")
    assert perform(GitPerformer(), "git.kept", path="README.md", commit="0" * 40).status == "failed"
