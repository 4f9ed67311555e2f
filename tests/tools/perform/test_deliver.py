"""A push that a box made is checked and made again: judged at the remote."""

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.gate.effects import Outcome
from nucleus.tools.perform.git import GitPerformer
from tests.tools.perform.test_push import fails, git, tips

Do = Callable[..., Outcome]


@pytest.fixture
def remote(tmp_path: Path, workspace: Path) -> Path:
    """Return a bare remote that has what the owner's repository has."""
    git(workspace, "init", "-q", "-b", "main")
    (workspace / "a").write_text("1" * 4000)
    git(workspace, "add", ".")
    git(workspace, "commit", "-qm", "first")
    git(tmp_path, "clone", "-q", "--bare", str(workspace), "remote.git")
    return tmp_path / "remote.git"


@pytest.fixture
def box(tmp_path: Path, remote: Path) -> Path:
    """Return the clone that an agent works in."""
    git(tmp_path, "clone", "-q", str(remote), "box")
    return tmp_path / "box"


@pytest.fixture
def deliver(perform: Do, remote: Path) -> Do:
    def run(pack: bytes, tip: str, target: str = "refs/heads/topic") -> Outcome:
        return perform(GitPerformer(), "git.deliver", pack, url=str(remote), target=target, tip=tip)

    return run


def commit(box: Path, text: str) -> str:
    (box / "a").write_text(text * 4000)
    git(box, "commit", "-qam", text)
    return git(box, "rev-parse", "HEAD")


def pack(box: Path, wanted: str, *words: str) -> bytes:
    given = wanted.encode() + b"\n"
    program = ["git", "pack-objects", "--revs", "--stdout", "-q", *words]
    return subprocess.run(program, cwd=box, input=given, capture_output=True, check=True).stdout


def test_a_commit_arrives_at_the_ref_and_nothing_else_does(
    deliver: Do, box: Path, remote: Path, workspace: Path
) -> None:
    before, tip = tips(remote), commit(box, "2")
    outcome = deliver(pack(box, f"{tip}\n^origin/main", "--thin"), tip)
    assert (outcome.status, outcome.value["commit"]) == ("ok", tip)
    assert tips(remote) == before | {"refs/heads/topic": tip}
    assert git(workspace, "rev-list", "--all") == git(workspace, "rev-parse", "main")


def test_it_goes_on_from_what_only_the_remote_has(deliver: Do, box: Path, remote: Path) -> None:
    first = commit(box, "2")
    deliver(pack(box, first), first)
    second = commit(box, "3")
    assert deliver(pack(box, f"{second}\n^{first}", "--thin"), second).status == "ok"
    assert tips(remote)["refs/heads/topic"] == second
    assert deliver(b"", second, "refs/heads/other").status == "ok"


def test_nothing_is_forced(deliver: Do, box: Path, remote: Path) -> None:
    first = commit(box, "2")
    deliver(pack(box, first), first)
    git(box, "reset", "-q", "--hard", "origin/main")
    other = commit(box, "4")
    assert "was not moved" in fails(deliver(pack(box, other), other))
    assert tips(remote)["refs/heads/topic"] == first


def test_a_pack_that_is_broken_or_not_whole_moves_nothing(deliver: Do, box: Path, remote: Path) -> None:
    before, tip = tips(remote), commit(box, "2")
    good = pack(box, f"{tip}\n^origin/main")
    assert "not sound" in fails(deliver(good[:-30], tip))
    assert "not sound" in fails(deliver(b"PACK" + bytes(40), tip))
    assert "neither in the pack nor at the remote" in fails(deliver(good, "1" * 40))
    blob = git(box, "rev-parse", "HEAD:a")
    assert "does not bring a commit" in fails(deliver(good, blob))
    assert tips(remote) == before


def test_a_pack_with_a_tree_that_git_refuses_moves_nothing(deliver: Do, box: Path, remote: Path) -> None:
    """A path ``.git/config`` in a tree would be the remote's or the next clone's undoing."""
    before = tips(remote)
    blob = git(box, "rev-parse", "HEAD:a")
    inner = tree(box, f"100644 blob {blob}\tconfig")
    outer = tree(box, f"040000 tree {inner}\t.git")
    words = ["git", "-c", "user.name=x", "-c", "user.email=x@y", "commit-tree", outer, "-m", "x"]
    tip = subprocess.run(words, cwd=box, capture_output=True, text=True, check=True).stdout.strip()
    assert "not sound" in fails(deliver(pack(box, tip), tip))
    assert tips(remote) == before


def tree(box: Path, line: str) -> str:
    done = subprocess.run(
        ["git", "mktree", "--missing"], cwd=box, input=line + "\n", capture_output=True, text=True, check=True
    )
    return done.stdout.strip()


def test_a_remote_that_can_not_be_read_is_said(perform: Do, box: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "--bare", "other.git")
    args: dict[str, Any] = {"url": str(tmp_path / "other.git"), "target": "refs/heads/a", "tip": "1" * 40}
    assert "neither" in fails(perform(GitPerformer(), "git.deliver", b"", **args))
