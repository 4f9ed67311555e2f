"""A file of the run's layer that becomes the host's own: never unless nothing tells it from a copy."""

import fcntl
import os
import struct
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nucleus.apply import apply, recover, stage
from nucleus.apply.adopt import Layer, StillWrittenError, inode_flags, released
from nucleus.apply.beneath import Stamp, held
from nucleus.apply.plan import Step
from tests.apply.world import World, everything, needs_overlay, silent_only

NODUMP = 0x40


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World.make(tmp_path)


def ready(world: World) -> Path:
    """Let the run have changed a file, and return it."""
    world.host("dir/a")
    world.start()
    return world.put("dir/a", "new")


def test_a_plain_file_becomes_the_hosts_own_and_the_layer_loses_it(world: World) -> None:
    theirs = ready(world)
    fresh = world.put("dir/b", "fresh")
    inodes = [theirs.stat().st_ino, fresh.stat().st_ino]
    os.utime(theirs, (1, 1))
    assert world.apply().complete
    assert [(world.workspace / "dir" / name).stat().st_ino for name in ("a", "b")] == inodes
    assert not theirs.exists()
    assert not fresh.exists()
    now = (world.workspace / "dir" / "a").stat()
    assert (now.st_nlink, now.st_mode & 0o7777) == (1, 0o644)
    assert abs(now.st_mtime - time.time()) < 600, "the run does not choose the time of a file"
    assert world.changes() == []


def _xattr(place: Path) -> None:
    os.setxattr(place, "user.mine", b"1")


def _acl(place: Path) -> None:
    entries = [(1, 6, 0xFFFFFFFF), (2, 6, 12345), (4, 4, 0xFFFFFFFF), (0x10, 6, 0xFFFFFFFF), (0x20, 4, 0xFFFFFFFF)]
    os.setxattr(
        place, "system.posix_acl_access", struct.pack("<I", 2) + b"".join(struct.pack("<HHI", *e) for e in entries)
    )


def _flags(place: Path) -> None:
    with place.open("rb") as file:
        fcntl.ioctl(file, 0x40086602, struct.pack("=II", inode_flags(file.fileno()) | NODUMP, 0))


def _linked(place: Path) -> None:
    os.link(place, place.with_name("other"))


def _beyond(place: Path) -> None:
    with place.open("r+b") as file:
        os.posix_fallocate(file.fileno(), 0, 1 << 20)
        os.ftruncate(file.fileno(), 3)
        # fallocate(2) with FALLOC_FL_KEEP_SIZE has no name in the standard library; util-linux has it.
    subprocess.run(["fallocate", "-n", "-o", "0", "-l", "4194304", str(place)], check=True)


def _mode(place: Path) -> None:
    place.chmod(0o755)


def _owner(place: Path) -> None:
    os.chown(place, 12345, 12345)


def _opaque(place: Path) -> None:
    os.setxattr(place.parent, "user.overlay.opaque", b"y")


ODD = [_xattr, _acl, _flags, _linked, _beyond, _mode, _owner, _opaque]


@pytest.mark.parametrize("oddity", ODD, ids=lambda each: each.__name__)
def test_whatever_tells_a_file_from_its_copy_has_it_copied(world: World, oddity: Callable[[Path], None]) -> None:
    theirs = ready(world)
    try:
        oddity(theirs)
    except (OSError, subprocess.CalledProcessError) as error:
        pytest.skip(f"not to be had here: {error}")
    before = theirs.stat()
    apply(world.run, silent_only)
    place = world.workspace / "dir" / "a"
    now = place.stat()
    assert place.read_text() == "new"
    assert now.st_ino != before.st_ino
    assert (now.st_mode & 0o7777, now.st_uid, now.st_nlink) == (0o644, os.geteuid(), 1)
    assert now.st_blocks <= 16
    assert os.listxattr(place) == []
    with place.open("rb") as file:
        assert inode_flags(file.fileno()) & NODUMP == 0
    assert theirs.exists(), "the layer still has what was only copied"


@pytest.mark.parametrize("oddity", [_xattr, _mode], ids=lambda each: each.__name__)
def test_without_the_comparison_the_oddity_comes_home(
    world: World, oddity: Callable[[Path], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off."""
    oddity(ready(world))
    monkeypatch.setattr(stage, "like_a_copy", lambda *_: True)
    monkeypatch.setattr("nucleus.apply.adopt.os.listxattr", lambda _: [])
    apply(world.run, silent_only)
    place = world.workspace / "dir" / "a"
    monkeypatch.undo()
    assert os.listxattr(place) != [] or place.stat().st_mode & 0o111


def test_a_file_that_somebody_still_writes_is_not_taken_and_nothing_is_applied(world: World) -> None:
    theirs = ready(world)
    world.put("b", "more")
    old = world.listing()
    with theirs.open("r+b") as writer:
        with pytest.raises(StillWrittenError, match="open for writing"):
            world.apply()
        assert world.listing() == old
        writer.write(b"New")
    assert world.apply().complete
    assert (world.workspace / "dir" / "a").read_text() == "New"


def test_without_the_lease_a_writer_that_is_left_goes_on_writing_to_the_hosts_file(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off."""
    theirs = ready(world)
    monkeypatch.setattr("nucleus.apply.adopt._unwritten", lambda *_: True)
    with theirs.open("r+b", buffering=0) as writer:
        world.apply()
        writer.write(b"BAD")
    assert (world.workspace / "dir" / "a").read_text() == "BAD"


@needs_overlay
def test_a_process_of_the_box_that_outlives_it_is_seen_through_the_overlay(world: World) -> None:
    world.host("dir/a")
    run = world.start()
    mount = (
        'mount -t overlay overlay -o "userxattr,lowerdir=$1/masks:$2,upperdir=$1/upper,workdir=$1/work" "$2" && '
        'cd "$2" && printf new >dir/a && exec 7>>dir/a && echo ready && read _'
    )
    words = ["unshare", "-Urm", "sh", "-euc", mount, "sh", str(world.folder), str(world.workspace)]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as survivor:
        assert survivor.stdout is not None
        assert survivor.stdout.readline() == "ready\n"
        with pytest.raises(StillWrittenError):
            apply(run, silent_only)
        assert (world.workspace / "dir" / "a").read_text() == "old"
        survivor.communicate("\n")
    assert apply(run, silent_only).complete
    assert (world.workspace / "dir" / "a").read_text() == "new"


def test_what_is_another_file_by_now_stays_in_the_layer(world: World) -> None:
    theirs = ready(world)
    step = Step("swap", "dir/a", 0, fresh=Stamp.of(theirs.stat())._replace(inode=1))
    gone = Step("put", "nowhere/x", 1, fresh=Stamp(1, 2, 3, 4, 5, 6))
    with held(str(world.folder / "upper")) as upper:
        released(upper, [step, gone])
        assert theirs.exists()
        released(upper, [Step("swap", "dir/a", 0, fresh=Stamp.of(theirs.stat()))])
    assert not theirs.exists()


def test_an_undone_apply_leaves_the_layer_its_file(world: World) -> None:
    theirs = ready(world)

    def fails(about: str) -> None:
        if about == "sync":
            raise RuntimeError(about)

    with pytest.raises(RuntimeError):
        apply(world.run, everything, tell=fails)
    assert (world.workspace / "dir" / "a").read_text() == "old"
    assert theirs.read_text() == "new"
    assert theirs.stat().st_nlink == 1
    assert recover(world.run) is False
    assert world.apply().complete


def test_a_layer_says_whether_something_above_hides_what_the_host_has(world: World) -> None:
    world.start()
    world.put("a/b/c/x")
    world.opaque("a/b")
    with held(str(world.folder / "upper")) as upper:
        layer = Layer(upper)
        try:
            assert [layer.at(above)[1] for above in ((), ("a",), ("a", "b"), ("a", "b", "c"))] == [
                False,
                False,
                True,
                True,
            ]
            with pytest.raises(OSError, match="more than"):
                layer.at(("a",) * 200)
        finally:
            layer.close()
