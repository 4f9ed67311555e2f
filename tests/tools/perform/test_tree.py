"""Descriptor-relative access: a directory swapped for a link under one's feet changes nothing."""

import os
from hashlib import sha256
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


DIGEST = sha256(b"committed").hexdigest()


def removing(folder: Path) -> None:
    """Remove ``a`` as what a commit keeps."""
    with tree.root(str(folder)) as base, tree.regular(base, "a", "a") as descriptor:
        tree.remove_exactly(base, "a", descriptor, DIGEST, "a")


def test_a_file_swapped_between_opening_and_removing_is_put_back(tmp_path: Path) -> None:
    """What was opened has the right content; what has the name now is another file."""
    (tmp_path / "a").write_text("committed")
    with tree.root(str(tmp_path)) as base, tree.regular(base, "a", "a") as descriptor:
        (tmp_path / "new").write_text("committed")
        (tmp_path / "new").replace(tmp_path / "a")
        with pytest.raises(BlockingIOError, match="not deleted"):
            tree.remove_exactly(base, "a", descriptor, DIGEST, "a")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("a", "committed")]


@pytest.mark.parametrize("other", ["link", "directory"])
def test_what_took_the_place_of_the_file_is_not_removed(tmp_path: Path, other: str) -> None:
    (tmp_path / "a").write_text("committed")
    with tree.root(str(tmp_path)) as base, tree.regular(base, "a", "a") as descriptor:
        (tmp_path / "a").unlink()
        if other == "link":
            (tmp_path / "a").symlink_to("elsewhere")
        else:
            (tmp_path / "a").mkdir()
        with pytest.raises(BlockingIOError, match="not deleted"):
            tree.remove_exactly(base, "a", descriptor, DIGEST, "a")
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_a_new_file_at_the_name_is_not_overwritten_and_the_old_one_is_kept(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody makes the file anew in the very moment in which its name is free."""
    (tmp_path / "a").write_text("changed since")
    look = tree._digest

    def meanwhile(descriptor: int) -> str:
        (tmp_path / "a").write_text("made anew")
        return look(descriptor)

    monkeypatch.setattr(tree, "_digest", meanwhile)
    with pytest.raises(FileExistsError, match="what was there is"):
        removing(tmp_path)
    assert sorted(path.read_text() for path in tmp_path.iterdir()) == ["changed since", "made anew"]
    assert (tmp_path / "a").read_text() == "made anew"
