"""Descriptor-relative access: a directory swapped for a link under one's feet changes nothing."""

import os
from pathlib import Path

import pytest

from nucleus.tools.perform import tree


def test_a_directory_swapped_for_a_link_while_it_is_held_stays_what_was_opened(tmp_path: Path) -> None:
    (tmp_path / "w" / "d").mkdir(parents=True)
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "a").write_text("precious")
    with tree.root(str(tmp_path / "w")) as base, tree.directory(base, ["d"]) as folder:
        (tmp_path / "w" / "d").rename(tmp_path / "w" / "moved")
        (tmp_path / "w" / "d").symlink_to(tmp_path / "outside")
        tree.replace(folder, "a", b"new", "d/a")
    assert (tmp_path / "outside" / "a").read_text() == "precious"
    assert (tmp_path / "w" / "moved" / "a").read_bytes() == b"new"


def test_a_file_changed_between_read_and_write_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("one")
    with tree.root(str(tmp_path)) as base:
        with tree.regular(base, "a", "a") as descriptor:
            stamp = tree.stamp(descriptor)
        (tmp_path / "a").write_text("somebody else")
        with pytest.raises(BlockingIOError, match="changed by somebody else"):
            tree.replace(base, "a", b"new", "a", expected=stamp)
    assert (tmp_path / "a").read_text() == "somebody else"
    assert os.listdir(tmp_path) == ["a"]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_the_owner_is_kept(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("x")
    os.chown(tmp_path / "a", 1234, 1235)
    with tree.root(str(tmp_path)) as base:
        tree.replace(base, "a", b"y", "a")
    found = (tmp_path / "a").stat()
    assert (found.st_uid, found.st_gid) == (1234, 1235)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("a/./b//c", (False, ("a", "b", "c"))),
        ("/etc", (True, ("etc",))),
        (".", (False, ())),
        ("..a/b..", (False, ("..a", "b.."))),
    ],
)
def test_a_path_is_split_into_its_segments(path: str, expected: tuple[bool, tuple[str, ...]]) -> None:
    assert tree.split(path) == expected


def test_no_descriptor_stays_open(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    before = len(os.listdir("/proc/self/fd"))
    with tree.root(str(tmp_path)) as base:
        for parts in (["d"], ["d", "missing"], ["missing", "x"]):
            try:
                with tree.directory(base, parts):
                    pass
            except FileNotFoundError:
                continue
    assert len(os.listdir("/proc/self/fd")) == before
