"""The packing worker: what it makes of good objects and bad ones, and what it can't reach."""

import os
import struct
import subprocess
import zlib
from hashlib import sha1
from pathlib import Path

import pytest

from nucleus.apply.hands import Packing
from nucleus.local import packer
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


PIECE = 0xFFFFFF
"""Bytes that one instruction of a difference can take of its base (gitformat-pack(5))."""


def bomb(store: Path, pieces: int) -> str:
    """Put a small pack into a store, of which one object is ``pieces`` times 16 MiB; return a tree that has it."""
    base = bytes(PIECE)
    summed = sha1(b"blob %d\0" % (pieces * PIECE), usedforsecurity=False)
    for _ in range(pieces):
        summed.update(base)
    name, below = summed.digest(), sha1(b"blob %d\0" % PIECE + base, usedforsecurity=False).digest()
    difference = _sized(PIECE) + _sized(pieces * PIECE) + b"\xf0\xff\xff\xff" * pieces
    entries = [(below, _entry(3, base)), (name, _entry(7, difference, below))]
    body, rows = b"PACK" + struct.pack(">II", 2, 2), []
    for which, content in entries:
        rows.append((which, len(body), zlib.crc32(content)))
        body += content
    rows.sort()
    end = sha1(body, usedforsecurity=False).digest()
    fan = [sum(row[0][0] <= at for row in rows) for at in range(256)]
    index = b"\xfftOc" + struct.pack(">I256I", 2, *fan) + b"".join(row[0] for row in rows)
    index += struct.pack(">2I", *(row[2] for row in rows)) + struct.pack(">2I", *(row[1] for row in rows)) + end
    place = store / ".git" / "objects" / "pack" / f"pack-{end.hex()}.pack"
    place.write_bytes(body + end)
    place.with_suffix(".idx").write_bytes(index + sha1(index, usedforsecurity=False).digest())
    tree = subprocess.run(
        ["git", "hash-object", "-t", "tree", "-w", "--literally", "--stdin"],
        input=b"100644 big\0" + name,
        cwd=store,
        capture_output=True,
        check=True,
    )
    return tree.stdout.decode().strip()


def _sized(number: int) -> bytes:
    found = b""
    while number > 0x7F:
        found += bytes([0x80 | number & 0x7F])
        number >>= 7
    return found + bytes([number])


def _entry(kind: int, content: bytes, base: bytes = b"") -> bytes:
    size = len(content)
    rest = _sized(size >> 4) if size > 15 else b""
    return bytes([(0x80 if rest else 0) | kind << 4 | size & 15]) + rest + base + zlib.compress(content)


@needs_box
def test_an_object_that_grows_a_lot_is_packed_within_the_bound(store: Path) -> None:
    tree = bomb(store, 20)
    assert sum(place.stat().st_size for place in (store / ".git" / "objects" / "pack").iterdir()) < 100_000
    assert packed(store, tree), "as long as it is not too large, all is well"


@needs_box
def test_what_the_worker_may_allocate_is_bounded(store: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same pack as before, which is made where the bound is its usual one: there it is switched off."""
    tree = bomb(store, 20)
    monkeypatch.setattr(packer, "MEMORY", 100 << 20)
    with pytest.raises(ValueError, match=r"emory"):
        packed(store, tree)
