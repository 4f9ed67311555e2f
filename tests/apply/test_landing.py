"""Branches of a run in the host's repository: killed at every step, signed where the owner signs."""

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from nucleus.apply import apply, recover
from nucleus.apply.hands import Hands, Signer
from nucleus.cli.hands import hands_of
from nucleus.tools.perform.signing import OwnerSigner
from tests.apply.repositories import OWNER, box, bring, git, hands, repository
from tests.apply.test_transaction import dies
from tests.apply.world import World, everything, needs_overlay
from tests.local.box import needs_box

pytestmark = [needs_overlay, needs_box]


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


def state(world: World) -> tuple[str, ...]:
    """Return what a user sees of the repository, and all files of its storage that an apply may touch."""
    storage = world.workspace / ".git"
    locks = [str(place) for place in storage.rglob("*.lock")]
    stages = [str(place) for place in storage.rglob(".nucleus*")]
    told = [git(world.workspace, *words) for words in (("for-each-ref",), ("symbolic-ref", "HEAD"), ("status", "-s"))]
    return (*told, (world.workspace / "a.txt").read_text(), *locks, *stages)


@pytest.mark.filterwarnings("ignore:This process.*is multi-threaded:DeprecationWarning")
def test_killed_at_any_step_files_and_branches_are_old_or_new_together(tmp_path: Path) -> None:
    count = 0

    def again() -> World:
        nonlocal count
        count += 1
        (tmp_path / str(count)).mkdir()
        world = World.make(tmp_path / str(count))
        repository(world)
        world.start()
        box(world, "git checkout -q -b topic/x; echo more >> a.txt; git commit -q -a -m second; git tag t")
        return world

    world = again()
    old = state(world)
    seen = {"old": 0, "new": 0}
    at = 0
    while True:
        run = world.run

        def work(tell: Callable[[str], None]) -> object:
            return apply(run, everything, hands=hands(), tell=_after("land", tell))  # noqa: B023  called at once

        if not dies(at, work):
            break
        recover(run)
        now = state(world)
        seen["old" if now == old else "new"] += 1
        if now != old:
            assert now[1] == "refs/heads/topic/x"
            assert now[2] == ""
            assert now[3:] == ("one\nmore\n",)
            world = again()
            old = state(world)
        at += 1
    assert seen["old"] > 5
    assert seen["new"] > 0
    assert git(world.workspace, "fsck", "--strict") == ""


def _after(what: str, tell: Callable[[str], None]) -> Callable[[str], None]:
    """Tell only what comes from ``what`` on: what is before it is tested without a repository."""
    seen: list[str] = []

    def told(about: str) -> None:
        if about == what or seen:
            seen.append(about)
            tell(about)

    return told


def ssh_signer(folder: Path) -> OwnerSigner:
    """Return an owner who signs with a key of ssh, as the configuration would say."""
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / "key")], check=True)
    settings = {"gpg.format": "ssh", "user.signingkey": str(folder / "key"), "user.email": "owner@example.org"}
    return OwnerSigner(settings, {"HOME": str(folder), "PATH": os.environ["PATH"]})


def test_where_the_owner_signs_commits_are_signed_and_branches_and_tags_follow(world: World, tmp_path: Path) -> None:
    repository(world)
    world.start()
    box(
        world,
        """
        echo 2 >> a.txt; git commit -q -a -m second
        git -c user.name=Other -c user.email=o@x commit -q --allow-empty -m x
        GIT_COMMITTER_EMAIL=other@example.org git commit -q --allow-empty -m third
        git tag light; git tag -a -m heavy heavy HEAD; git checkout -q -b side HEAD~1
        """,
    )
    key = ssh_signer(tmp_path)
    signing = hands()
    signing = Hands(signing.git, signing.pack, lambda: Signer(key.mail, key.sign))
    done = bring(world, yes=True, with_hands=signing)
    assert done.complete, done.held
    (tmp_path / "allowed").write_text(f"owner@example.org {(tmp_path / 'key.pub').read_text()}")
    checked = ("-c", f"gpg.ssh.allowedSignersFile={tmp_path / 'allowed'}")
    ws = world.workspace
    for name in ("main~1", "main~2", "side"):
        assert git(ws, *checked, "log", "-1", "--format=%G?", name) == "G", name
    assert git(ws, *checked, "log", "-1", "--format=%G?", "main") == "N", "somebody else's commit is not the owner's"
    assert git(ws, "rev-parse", "light") == git(ws, "rev-parse", "heavy^{commit}") == git(ws, "rev-parse", "main")
    assert git(ws, "rev-parse", "side") == git(ws, "rev-parse", "main~1")
    assert git(ws, "log", "--format=%s", "main") == "third\nx\nsecond\nfirst"
    assert git(ws, "fsck", "--strict") == ""


def test_a_signature_that_fails_leaves_everything_as_it_was(world: World) -> None:
    repository(world)
    world.start()
    box(world, "echo 2 >> a.txt; git commit -q -a -m second")

    def fails(content: bytes) -> str:
        del content
        raise OSError(5, "no key")

    before = state(world)
    signing = Hands(hands().git, hands().pack, lambda: Signer("owner@example.org", fails))
    with pytest.raises(OSError, match="no key"):
        bring(world, with_hands=signing)
    assert state(world) == before


def test_head_waits_for_its_branch(world: World) -> None:
    repository(world)
    world.start()
    box(world, "git checkout -q -b topic; echo obey > CLAUDE.md; git add -A; git commit -q -m second; echo x > n.txt")
    done = bring(world)
    assert [each.path for each in done.applied] == ["n.txt"]
    assert {each.change.path for each in done.held} == {".git/HEAD", ".git/refs/heads/topic", "CLAUDE.md"}
    assert git(world.workspace, "symbolic-ref", "HEAD") == "refs/heads/main"
    world.note(started_ns=world.run.started_ns)
    assert bring(world, ".git/HEAD", yes=True).held[0].why == "its branch is held"
    assert bring(world, ".git", yes=True).complete
    assert git(world.workspace, "symbolic-ref", "HEAD") == "refs/heads/topic"


def test_the_hands_of_the_command_line_read_no_configuration_of_the_repository(world: World) -> None:
    repository(world)
    git(world.workspace, "config", "commit.gpgsign", "true")
    git(world.workspace, "config", "gpg.program", str(world.host("evil.sh", "#!/bin/sh\ntouch ran\n", mode=0o755)))
    git(world.workspace, "add", "-A")
    git(world.workspace, "-c", "commit.gpgsign=false", "commit", "-q", "-m", "evil")
    world.start()
    box(world, "echo 2 >> a.txt; git -c commit.gpgsign=false commit -q -a -m second")
    assert bring(world, with_hands=hands_of({})).complete
    assert not (world.workspace / "ran").exists()
    assert OWNER["GIT_CONFIG_NOSYSTEM"] == "1"
