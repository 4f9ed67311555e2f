"""What an entry of the upper layer stands for."""

import os
import stat
from pathlib import Path

import pytest

from nucleus.apply.layer import Marks, is_whiteout, kind_of, marks
from tests.apply.world import WHITEOUT


def noted(place: Path, **attributes: bytes) -> Marks:
    for name, value in attributes.items():
        os.setxattr(place, "user.overlay." + name.replace("_", "."), value)
    descriptor = os.open(place, os.O_RDONLY)
    try:
        return marks(descriptor)
    finally:
        os.close(descriptor)


def test_a_device_of_number_zero_is_a_whiteout_and_nothing_else_is(tmp_path: Path) -> None:
    os.mknod(tmp_path / "gone", stat.S_IFCHR, WHITEOUT)
    (tmp_path / "file").write_text("")
    assert is_whiteout((tmp_path / "gone").lstat())
    assert not is_whiteout((tmp_path / "file").lstat())
    assert not is_whiteout(Path("/dev/null").lstat())


def test_what_the_kernel_notes_for_itself_means_nothing(tmp_path: Path) -> None:
    assert noted(tmp_path, origin=b"x", impure=b"y", overlay_whiteout=b"y") == Marks()
    assert noted(tmp_path, opaque=b"y").opaque


@pytest.mark.parametrize("name", ["metacopy", "redirect", "whiteout", "verity", "anything"])
def test_a_note_that_gives_other_content_or_meaning_is_odd(tmp_path: Path, name: str) -> None:
    assert noted(tmp_path, **{name: b""}).odd == name


def test_an_opaque_note_of_another_value_is_odd(tmp_path: Path) -> None:
    found = noted(tmp_path, opaque=b"x")
    assert found.odd
    assert not found.opaque


def test_each_kind_has_its_word(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "p")
    kinds = [(tmp_path / "p", "fifo"), (tmp_path, "directory"), (Path("/dev/null"), "device"), (Path(__file__), "file")]
    for place, kind in kinds:
        assert kind_of(place.lstat().st_mode) == kind
    assert kind_of(stat.S_IFSOCK) == "socket"
    assert kind_of(stat.S_IFLNK) == "link"
