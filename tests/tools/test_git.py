"""The git functions as a user calls them, on a real repository with a real bare remote."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import NoSession
from nucleus.gate.client import ambient
from nucleus.tools import git
from nucleus.tools.handles import Text, label
from nucleus.tools.perform.git import GitPerformer


def plain(folder: Path, *words: str) -> str:
    environment = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", *words], cwd=folder, env=environment, capture_output=True, text=True, check=True
    ).stdout.strip()


@pytest.fixture
def client(ungated: Callable[..., Any], workspace: Path, tmp_path: Path) -> Any:
    plain(workspace, "init", "-q", "-b", "main")
    plain(tmp_path, "init", "-q", "--bare", "remote.git")
    made = ungated(git=GitPerformer())
    refs = {"source": "refs/heads/topic", "target": "refs/heads/topic"}
    made.resolved["git.push"] = {"url": str(tmp_path / "remote.git"), **refs}
    return made


def test_outside_of_a_session_every_function_says_so() -> None:
    for attempt in (
        git.status,
        git.diff,
        git.log,
        lambda: git.commit("x"),
        lambda: git.branch("x"),
        lambda: git.push("origin", "x"),
    ):
        with pytest.raises(NoSession):
            attempt()


def test_a_change_goes_from_the_work_tree_to_the_remote(client: Any, workspace: Path, tmp_path: Path) -> None:
    with ambient(client):
        (workspace / "a").write_text("1\n")
        first = git.commit("first")
        git.branch("topic")
        (workspace / "a").write_text("2\n")
        assert git.status() == " M a\n"
        assert "+2" in git.diff()
        second = git.commit("second", paths="a")
        assert "+2" in git.diff(base=str(first.details["commit"]), head="HEAD")
        assert git.diff(staged=True) == ""
        assert git.log(limit=1).endswith(": second\n")
        assert git.status().details["clean"] is True
        pushed = git.push("origin", "topic")
    assert plain(tmp_path / "remote.git", "rev-parse", "topic") == second.details["commit"] == pushed.details["commit"]
    assert label(pushed) == 1


def test_messages_travel_in_the_body_with_their_label(client: Any, workspace: Path) -> None:
    (workspace / "a").write_text("1\n")
    git.Git(lambda: client).commit(Text("canary", exposure=2), ["a"])
    kind, args, body, seen = client.calls[-1]
    assert (kind, args, body, seen) == ("git.commit", {"paths": ["a"]}, b"canary", 2)


def test_a_failure_is_the_built_in_exception(client: Any) -> None:
    with pytest.raises(ValueError, match="nothing to commit"):
        git.Git(lambda: client).commit("x")
