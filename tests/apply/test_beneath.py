"""Descriptors below descriptors: no link is followed, no pipe waited for, no file read whole."""

import hashlib
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply import beneath
from nucleus.apply.beneath import Stamp, compared, digest, directory, held, lent, look, regular, split


def test_no_component_of_a_path_may_be_a_link(tmp_path: Path) -> None:
    (tmp_path / "a" / "b").mkdir(parents=True)
    (tmp_path / "a" / "link").symlink_to("b")
    with held(str(tmp_path)) as base:
        with directory(base, ("a", "b")) as found:
            assert os.fstat(found).st_ino == (tmp_path / "a" / "b").stat().st_ino
        with pytest.raises(OSError, match=r"Not a directory|symbolic"), directory(base, ("a", "link")):
            pass
        with pytest.raises(OSError, match="more than 128"), directory(base, ("a",) * 129):
            pass


def test_with_links_followed_the_walk_would_leave_the_tree(tmp_path: Path) -> None:
    """Switched off: what a plain open does with the same path."""
    (tmp_path / "outside").mkdir()
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "link").symlink_to(tmp_path / "outside")
    (tmp_path / "tree" / "link" / "x").write_text("left the tree")
    assert (tmp_path / "outside" / "x").exists()


def test_only_regular_files_are_opened_and_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "link").symlink_to("pipe")
    (tmp_path / "file").write_text("x")
    with held(str(tmp_path)) as base:
        for name in ("pipe", "link", "absent", "."):
            with pytest.raises(OSError, match=r"regular|symbolic|No such"), regular(base, name):
                pass
        with regular(base, "file") as found:
            assert os.read(found, 9) == b"x"


def test_a_directory_that_is_locked_is_entered_and_stays_locked(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir(mode=0o000)
    with held(str(tmp_path)) as base:
        with lent(base, "d") as inner:
            assert os.listdir(inner) == []
        found = look(base, "d")
        assert found is not None
        assert found.st_mode & 0o777 == 0
        assert look(base, "e") is None


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_comparing_tells_the_digest_and_whether_the_bytes_are_the_same(one: bytes, other: bytes) -> None:
    piece, beneath.CHUNK = beneath.CHUNK, 7  # type: ignore[misc]  # small pieces, so that there are several
    try:
        for second in (other, one):
            first_end, second_end = os.memfd_create("one"), os.memfd_create("other")
            os.write(first_end, one)
            os.write(second_end, second)
            os.lseek(second_end, 0, os.SEEK_SET)
            assert compared(first_end, second_end) == (hashlib.sha256(one).hexdigest(), one == second)
            assert digest(first_end) == hashlib.sha256(one).hexdigest()
            assert compared(first_end, None)[1] is False
            os.close(first_end)
            os.close(second_end)
    finally:
        beneath.CHUNK = piece  # type: ignore[misc]


def test_a_stamp_is_the_same_through_a_rename_and_another_one_through_a_write(tmp_path: Path) -> None:
    place = tmp_path / "a"
    place.write_text("x")
    before = Stamp.of(place.stat())
    place = place.rename(tmp_path / "b")
    assert Stamp.of(place.stat()).same(before)
    place.write_text("xy")
    assert not Stamp.of(place.stat()).same(before)


def test_split_gives_directories_and_name() -> None:
    assert split("a/b/c") == (("a", "b"), "c")
    assert split("c") == ((), "c")
