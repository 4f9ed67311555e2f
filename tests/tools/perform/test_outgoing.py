"""What a push would send: the bytes of the pack, the commits, the differences."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from nucleus.gate.effects import Outcome
from nucleus.tools.perform import outgoing as module
from nucleus.tools.perform.git import GitPerformer
from tests import world

Look = Callable[..., Outcome]


@pytest.fixture
def repo(workspace: Path) -> world.Repository:
    """Make a clone whose remote has its first commit."""
    found = world.repository(workspace.parent / "made")
    workspace.rmdir()
    found.clone.rename(workspace)
    return world.Repository(workspace, found.bare)


@pytest.fixture
def look(perform: Callable[..., Outcome], repo: world.Repository) -> Look:
    def run(*remotes: str, tip: str = "", sent: tuple[str, ...] = ()) -> Outcome:
        commit = tip or world.git(repo.clone, "rev-parse", "HEAD").strip()
        return perform(GitPerformer(), "git.outgoing", tip=commit, remotes=list(remotes), sent=list(sent))

    return run


def commit(repo: world.Repository, content: bytes, name: str = "new.txt", message: str = "second") -> None:
    (repo.clone / name).write_bytes(content)
    world.git(repo.clone, "add", "-f", name)
    world.git(repo.clone, "commit", "-qm", message)


def test_nothing_new_sends_nothing(look: Look) -> None:
    assert look("origin").value == {"bytes": 0, "commits": 0} or look("origin").value["bytes"] < 64
    assert look("origin").value["commits"] == 0


def test_the_size_is_the_one_of_the_pack(look: Look, repo: world.Repository) -> None:
    commit(repo, os.urandom(100_000))
    sent = look("origin").value
    assert 100_000 < sent["bytes"] < 101_000
    assert sent["commits"] == 1


def test_what_no_remote_is_known_to_have_is_all_counted(look: Look, repo: world.Repository) -> None:
    """Another remote's branches say nothing about this one."""
    whole = look()
    assert whole.value["commits"] == 1
    assert b"the whole history is new there" in whole.body
    assert b"+# App" in whole.body
    assert look("other").value == whole.value
    assert look("origi").value == whole.value


def test_what_was_pushed_before_is_not_counted_again(look: Look, repo: world.Repository) -> None:
    commit(repo, os.urandom(100_000))
    first = world.git(repo.clone, "rev-parse", "HEAD").strip()
    commit(repo, b"more\n", "more.txt", "third")
    again = look("origin", sent=(first, "--all", "2" * 40))
    assert again.value["commits"] == 1
    assert again.value["bytes"] < 1_000
    assert f"since {first[:12]}".encode() in again.body


def test_a_person_sees_who_did_what(look: Look, repo: world.Repository) -> None:
    commit(repo, b"one\n", message="the second")
    commit(repo, b"two\n", message="the third")
    shown = look("origin").body.decode()
    assert shown.startswith("2 commits, ")
    assert "Owner: the third\n" in shown
    assert "new.txt | 1 +" in shown
    assert shown.endswith("+two\n")


def test_a_long_difference_is_cut_and_says_so(
    look: Look, repo: world.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    commit(repo, b"line\n" * 50_000)
    shown = look("origin").body.decode()
    assert len(shown) < module.TEXT_SHOWN + 4_000
    assert "cut here; all of it: git diff " in shown
    monkeypatch.setattr(module, "DIFF_LIMIT", 1_000)
    assert "too large to be shown" in look("origin").body.decode()


def test_many_commits_are_counted_and_some_shown(
    look: Look, repo: world.Repository, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "COMMITS_SHOWN", 2)
    for number in range(4):
        commit(repo, f"{number}".encode(), message=f"number {number}")
    shown = look("origin").body.decode()
    assert "number 3" in shown
    assert "number 0" not in shown
    assert "... and 2 more" in shown


def test_nothing_of_the_repository_runs_or_hides_a_difference(
    look: Look, repo: world.Repository, tmp_path: Path
) -> None:
    """Attributes say binary, or another program; the text is shown, and the program does not run."""
    canary, program = tmp_path / "canary", tmp_path / "program"
    program.write_text(f"#!/bin/sh\ntouch {canary}\n")
    program.chmod(0o755)
    for key in ("diff.external", "diff.x.command", "diff.x.textconv", "core.fsmonitor", "core.pager"):
        world.git(repo.clone, "config", key, str(program))
    commit(repo, b"*.x diff=x\n*.y -diff\n*.z binary\n", ".gitattributes")
    for name in ("a.x", "a.y", "a.z"):
        commit(repo, f"exfiltrated {name}\n".encode(), name)
    canary.unlink(missing_ok=True)
    shown = look("origin").body.decode()
    for name in ("a.x", "a.y", "a.z"):
        assert f"+exfiltrated {name}\n" in shown
    assert not canary.exists()
    assert "a.z | Bin" not in shown


def test_without_our_attributes_the_tree_hides_its_own_differences(repo: world.Repository) -> None:
    """The defence switched off: plain git believes what the tree says of itself."""
    commit(repo, b"*.y -diff\n", ".gitattributes")
    commit(repo, b"exfiltrated\n", "a.y")
    assert "exfiltrated" not in world.git(repo.clone, "diff", "origin/main", "main", "--", "a.y")


def test_control_characters_of_a_message_do_not_come_through(look: Look, repo: world.Repository) -> None:
    commit(repo, b"x\n", message="harmless\x1b[2J\x9b1;1H")
    shown = look("origin").body.decode()
    assert "\x1b" not in shown
    assert "\x9b" not in shown


@pytest.mark.parametrize("tip", ["HEAD", "main", "0" * 40, "--all", "-x"])
def test_what_is_no_commit_is_not_counted(look: Look, tip: str) -> None:
    assert look("origin", tip=tip).status == "failed"


def test_a_remote_branch_whose_commit_is_gone_says_nothing(look: Look, repo: world.Repository) -> None:
    ref = repo.clone / ".git" / "refs" / "remotes" / "origin" / "lost"
    ref.write_text("1" * 40 + "\n")
    assert look("origin").value["commits"] == 0
