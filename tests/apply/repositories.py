"""Repositories for tests: git as a user runs it, in a workspace and in a box over it."""

import os
import subprocess
from pathlib import Path

from nucleus.apply import Applied, apply
from nucleus.apply.hands import Hands
from nucleus.cli.hands import hands_of
from tests.apply.world import World, everything, silent_only

OWNER = {
    "GIT_AUTHOR_NAME": "Owner",
    "GIT_AUTHOR_EMAIL": "owner@example.org",
    "GIT_COMMITTER_NAME": "Owner",
    "GIT_COMMITTER_EMAIL": "owner@example.org",
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_NOSYSTEM": "1",
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
}


def git(folder: Path, *words: str, check: bool = True) -> str:
    """Run git as its user would, and return what it says."""
    done = subprocess.run(["git", *words], cwd=folder, env=OWNER, capture_output=True, text=True, check=False)
    assert not check or done.returncode == 0, done.stderr
    return done.stdout.strip()


def repository(world: World, **files: str) -> str:
    """Make the workspace a repository with one commit; return the commit."""
    git(world.workspace, "init", "-q", "-b", "main")
    for name, text in {"a.txt": "one\n", "b.txt": "two\n", **files}.items():
        world.host(name, text)
    git(world.workspace, "add", "-A")
    git(world.workspace, "commit", "-q", "-m", "first")
    return git(world.workspace, "rev-parse", "HEAD")


def box(world: World, script: str) -> None:
    """Run a script with git in a box over the workspace."""
    names = "\n".join(f"export {name}={value!r}" for name, value in OWNER.items())
    world.box(f"{names}\n{script}")


def hands() -> Hands:
    """Return what an apply needs."""
    return hands_of({})


def bring(world: World, *paths: str, yes: bool = False, with_hands: Hands | None = None) -> Applied:
    """Apply what is silent, or everything that can be."""
    judge = everything if yes else silent_only
    return apply(world.run, judge, paths or None, hands=with_hands or hands())
