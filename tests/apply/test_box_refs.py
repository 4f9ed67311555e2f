"""Which branches and tags a run left, read over the host's own."""

import os
import stat
from pathlib import Path

import pytest

from nucleus.apply.beneath import held
from nucleus.apply.box_refs import Refs, box_refs, host_refs, ref_value, worktree_heads
from tests.apply.world import WHITEOUT, World

ONE, TWO, THREE = "1" * 40, "2" * 40, "3" * 40


@pytest.fixture
def world(tmp_path: Path) -> World:
    world = World.make(tmp_path)
    world.host(".git/HEAD", "ref: refs/heads/main\n")
    world.host(".git/refs/heads/main", ONE + "\n")
    world.host(".git/packed-refs", f"# pack-refs with: peeled\n{TWO} refs/heads/old\n^{THREE}\n{TWO} refs/tags/v1\n")
    return world


HOST = Refs("refs/heads/main", {"refs/heads/main": ONE, "refs/heads/old": TWO, "refs/tags/v1": TWO})


def test_what_the_run_did_not_touch_is_the_hosts(world: World) -> None:
    run = world.start()
    assert box_refs(run) is None
    world.put(".git/refs/heads/new/deep", THREE)
    world.put(".git/refs/heads/main", TWO)
    assert box_refs(run) == Refs("refs/heads/main", {**HOST.refs, "refs/heads/main": TWO, "refs/heads/new/deep": THREE})
    world.host(".git/refs/heads/mine", ONE)
    found = box_refs(run)
    assert found is not None
    assert found.refs["refs/heads/mine"] == ONE


def test_what_the_run_took_away_is_gone(world: World) -> None:
    run = world.start()
    world.gone(".git/refs/heads/main")
    world.put(".git/packed-refs", f"{TWO} refs/heads/old\n")
    assert box_refs(run) == Refs("refs/heads/main", {"refs/heads/old": TWO})
    place = world.folder / "upper" / ".git"
    os.setxattr(place, "user.overlay.opaque", b"y")
    assert box_refs(run) == Refs("", {"refs/heads/old": TWO})


def test_links_pipes_odd_names_and_odd_contents_are_no_refs(world: World) -> None:
    run = world.start()
    heads = world.put(".git/refs/heads/ok", THREE).parent
    (heads / "link").symlink_to("/etc/passwd")
    os.mkfifo(heads / "pipe")
    os.mknod(heads / "gone", stat.S_IFCHR, WHITEOUT)
    for name, text in (("a..b", ONE), ("x.lock", ONE), ("text", "hello"), ("sym", "ref: refs/heads/main"), ("-x", ONE)):
        (heads / name).write_text(text)
    (world.folder / "upper" / ".git" / "HEAD").write_text("ref: ../../etc/passwd")
    found = box_refs(run)
    assert found is not None
    assert found.head == ""
    assert found.refs.keys() - HOST.refs.keys() <= {"refs/heads/ok", "refs/heads/-x"}
    assert found.refs["refs/heads/ok"] == THREE


def test_the_hosts_own_are_read_by_name_too(world: World) -> None:
    world.host(".git/worktrees/w/HEAD", "ref: refs/heads/old\n")
    with held(str(world.workspace / ".git")) as storage:
        assert host_refs(storage) == HOST
        assert ref_value(storage, "refs/heads/main") == ONE
        assert ref_value(storage, "refs/heads/old") == TWO
        assert ref_value(storage, "refs/heads/none") == ""
        assert list(worktree_heads(storage)) == ["refs/heads/old"]
        assert list(worktree_heads(storage, "w")) == ["refs/heads/main"]
        world.host(".git/config", "[core]\n\tbare = true\n")
        assert list(worktree_heads(storage, "w")) == [], "the HEAD of a bare repository is checked out nowhere"


def test_a_linked_worktree_has_its_own_head_and_shares_its_refs(world: World, tmp_path: Path) -> None:
    shared = tmp_path / "shared"
    (world.workspace / ".git").rename(shared)
    (shared / "worktrees" / "w").mkdir(parents=True)
    (shared / "worktrees" / "w" / "HEAD").write_text("ref: refs/heads/old\n")
    upper = world.folder / "storage" / "upper"
    (upper / "refs" / "heads").mkdir(parents=True)
    (upper / "refs" / "heads" / "old").write_text(THREE)
    run = world.start(linked=[str(shared), "w"])
    assert box_refs(run) == Refs("refs/heads/old", {**HOST.refs, "refs/heads/old": THREE})
    (upper / "worktrees" / "w").mkdir(parents=True)
    (upper / "worktrees" / "w" / "HEAD").write_text("ref: refs/heads/main\n")
    found = box_refs(run)
    assert found is not None
    assert found.head == "refs/heads/main"
    with held(str(shared)) as storage, held(str(shared / "worktrees" / "w")) as own:
        assert host_refs(storage, own) == Refs("refs/heads/old", HOST.refs)
