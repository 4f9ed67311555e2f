"""The stage: everything made ready before anything is touched, and nothing but content taken over."""

import os
import time
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply.adopt import Layer
from nucleus.apply.beneath import CHUNK, Stamp, held
from nucleus.apply.plan import Step
from nucleus.apply.stage import PREFIX, Stage, copy, place, remove
from nucleus.apply.survey import changes
from tests.apply.world import World


def test_the_stage_is_in_git_where_there_is_one_and_beside_it_where_not(tmp_path: Path) -> None:
    with held(str(tmp_path)) as base:
        assert place(base).startswith(PREFIX)
        (tmp_path / ".git").write_text("gitdir: elsewhere")
        assert place(base).startswith(PREFIX)
        (tmp_path / ".git").unlink()
        (tmp_path / ".git").symlink_to("/")
        assert place(base).startswith(PREFIX)
        (tmp_path / ".git").unlink()
        (tmp_path / ".git").mkdir()
        assert place(base).startswith(".git/" + PREFIX)


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 3)), max_size=5), st.binary(min_size=1, max_size=64))
def test_a_copy_is_the_same_bytes_and_holes_stay_holes(parts: list[tuple[bool, int]], filling: bytes) -> None:
    page = 65536
    source, target = os.memfd_create("source"), os.memfd_create("target")
    try:
        at = 0
        for is_data, pages in parts:
            if is_data:
                os.pwrite(source, (filling * page)[: pages * page], at)
            at += pages * page
        os.ftruncate(source, at)
        copy(source, target, at)
        assert os.pread(target, at + 1, 0) == os.pread(source, at + 1, 0)
        assert os.fstat(target).st_blocks <= os.fstat(source).st_blocks
    finally:
        os.close(source)
        os.close(target)


def test_a_file_of_the_run_that_changes_after_it_was_looked_at_is_not_taken(tmp_path: Path) -> None:
    world = World.make(tmp_path)
    world.start()
    world.put("a", "looked at")
    (change,) = changes(world.run)
    world.put("a", "exchanged")
    (tmp_path / "stage").mkdir()
    with (
        held(str(tmp_path / "stage")) as folder,
        held(str(world.folder / "upper")) as upper,
        pytest.raises(OSError, match="not the one that was looked at"),
    ):
        Stage(folder).fill(Step("put", "a", 0, 0o644), change, Layer(upper), None)


def fill(world: World, tmp_path: Path, size: int) -> None:
    """Look at a file, exchange its content in place with its old time set again, and stage it."""
    place = world.put("a", bytes(size))
    place.chmod(0o600)  # another mode than its copy would have: it is copied
    (change, *_) = changes(world.run)
    times = (place.stat().st_atime_ns, place.stat().st_mtime_ns)
    time.sleep(0.012)
    place.write_bytes(b"x" * size)
    os.utime(place, ns=times)
    (tmp_path / "stage").mkdir()
    with held(str(tmp_path / "stage")) as folder, held(str(world.folder / "upper")) as upper:
        Stage(folder).fill(Step("put", "a", 0, 0o644), change, Layer(upper), None)


@pytest.mark.parametrize("size", [100, (1 << 20) + 1])
def test_a_file_that_is_exchanged_with_its_time_set_back_is_not_taken(tmp_path: Path, size: int) -> None:
    world = World.make(tmp_path)
    world.start()
    with pytest.raises(OSError, match="not the one that was looked at"):
        fill(world, tmp_path, size)


@pytest.mark.parametrize("size", [100, (1 << 20) + 1])
def test_without_the_change_time_only_the_digest_of_a_small_file_tells(
    tmp_path: Path, size: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Switched off: a change time that is not looked at. A small file is summed again while it is copied."""
    world = World.make(tmp_path)
    world.start()
    monkeypatch.setattr(Stamp, "__eq__", lambda one, other: one.same(other))
    monkeypatch.setattr(Stamp, "__ne__", lambda one, other: not one.same(other))
    if size <= CHUNK:
        with pytest.raises(OSError, match="not the one that was looked at"):
            fill(world, tmp_path, size)
    else:
        fill(world, tmp_path, size)
        assert (tmp_path / "stage" / "0").read_bytes() == b"x" * size, "not what was judged"


@pytest.mark.parametrize("more", [0, 200])
def test_removing_a_stage_takes_all_of_it_and_a_missing_one_is_none(tmp_path: Path, more: int) -> None:
    (tmp_path / "s" / "1").mkdir(parents=True)
    for number in range(10, 10 + more):
        (tmp_path / "s" / str(number)).write_text("x")
    (tmp_path / "s" / "2").write_text("")
    (tmp_path / "s" / "3").symlink_to("/etc")
    with held(str(tmp_path)) as base:
        remove(base, "s")
        remove(base, "s")
    assert os.listdir(tmp_path) == []


def test_what_can_not_be_removed_from_a_stage_is_said_by_whichever_thread_finds_it(tmp_path: Path) -> None:
    for number in range(200):
        (tmp_path / "s" / str(number)).mkdir(parents=True)
    (tmp_path / "s" / "7" / "full").write_text("")
    with held(str(tmp_path)) as base, pytest.raises(OSError, match="not empty"):
        remove(base, "s")
    assert "7" in os.listdir(tmp_path / "s")
