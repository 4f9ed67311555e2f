"""The packing worker: what it makes of good objects and bad ones, and what it can't reach."""

import os
import subprocess
from pathlib import Path

import pytest

from nucleus.apply.hands import Packing
from nucleus.local.argv import NAMESPACES
from nucleus.local.packer import pack, words
from tests.apply.repositories import git
from tests.local.box import needs_box


@pytest.fixture
def store(tmp_path: Path) -> Path:
    git(tmp_path, "init", "-q", "-b", "main")
    (tmp_path / "a").write_text("x" * 100_000)
    git(tmp_path, "add", "a")
    git(tmp_path, "commit", "-q", "-m", "x")
    return tmp_path


def packed(store: Path, *wants: str, size: int = 1 << 20, seconds: float = 30.0) -> bytes:
    objects = os.open(store / ".git" / "objects", os.O_RDONLY)
    target = os.open(store / "out", os.O_RDWR | os.O_CREAT | os.O_TRUNC)
    try:
        pack(Packing((objects,), wants, (), target, size, seconds))
        return (store / "out").read_bytes()
    finally:
        os.close(objects)
        os.close(target)


@needs_box
def test_a_pack_holds_what_was_wanted_and_all_below_it(store: Path) -> None:
    content = packed(store, git(store, "rev-parse", "HEAD"))
    (store / "elsewhere").mkdir()
    git(store / "elsewhere", "init", "-q")
    done = subprocess.run(
        ["git", "index-pack", "--strict", "--stdin"],
        input=content,
        cwd=store / "elsewhere",
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert git(store / "elsewhere", "cat-file", "-t", git(store, "rev-parse", "HEAD:a")) == "blob"


@needs_box
def test_objects_that_are_missing_or_broken_are_an_error_with_a_reason(store: Path) -> None:
    with pytest.raises(ValueError, match="can't be packed"):
        packed(store, "1" * 40)
    blob = git(store, "rev-parse", "HEAD:a")
    place = store / ".git" / "objects" / blob[:2] / blob[2:]
    place.chmod(0o644)
    place.write_bytes(b"broken")
    with pytest.raises(ValueError, match="can't be packed"):
        packed(store, git(store, "rev-parse", "HEAD"))


@needs_box
def test_a_pipe_in_the_place_of_an_object_is_waited_for_no_longer_than_allowed(store: Path) -> None:
    blob = git(store, "rev-parse", "HEAD:a")
    place = store / ".git" / "objects" / blob[:2] / blob[2:]
    place.unlink()
    os.mkfifo(place)
    with pytest.raises((TimeoutError, ValueError)):
        packed(store, git(store, "rev-parse", "HEAD"), seconds=3.0)


@needs_box
def test_a_pack_beyond_its_limit_is_not_made(store: Path) -> None:
    (store / "a").write_bytes(os.urandom(200_000))
    git(store, "commit", "-q", "-a", "-m", "y")
    with pytest.raises(OSError, match="larger than 4096"):
        packed(store, git(store, "rev-parse", "HEAD"), size=4096)


@needs_box
def test_objects_that_a_store_borrows_from_elsewhere_are_not_reached(store: Path, tmp_path: Path) -> None:
    (tmp_path / "borrowing").mkdir()
    git(tmp_path / "borrowing", "init", "-q")
    (tmp_path / "borrowing/.git/objects/info/alternates").write_text(f"{store}/.git/objects\n")
    head = git(store, "rev-parse", "HEAD")
    assert git(tmp_path / "borrowing", "cat-file", "-t", head) == "commit", "outside of the box it is"
    with pytest.raises(ValueError, match="can't be packed"):
        packed(tmp_path / "borrowing", head)


def test_its_box_has_no_network_and_no_place_to_write() -> None:
    found = words(Packing((7,), (), (), 1, 1, 1.0))
    assert set(NAMESPACES) <= set(found)
    assert "--bind" not in found
    assert found[-3:] == ["--ro-bind-fd", "7", "/store/0"]
