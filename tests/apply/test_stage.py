"""The stage: everything made ready before anything is touched, and nothing but content taken over."""

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply.beneath import held
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
        Stage(folder).fill(Step("put", "a", 0, 0o644), change, upper)


def test_removing_a_stage_takes_all_of_it_and_a_missing_one_is_none(tmp_path: Path) -> None:
    (tmp_path / "s" / "1").mkdir(parents=True)
    (tmp_path / "s" / "2").write_text("")
    (tmp_path / "s" / "3").symlink_to("/etc")
    with held(str(tmp_path)) as base:
        remove(base, "s")
        remove(base, "s")
    assert os.listdir(tmp_path) == []
