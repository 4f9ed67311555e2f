"""Commits with other parents and a signature: nothing else of them changes."""

import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.apply.resign import committer, is_signed, parents, reparented, signed
from tests.apply.repositories import git

ARMOR = "-----BEGIN SSH SIGNATURE-----\nAAAA\n\nBBBB\n-----END SSH SIGNATURE-----\n"
COMMIT = (
    b"tree " + b"a" * 40 + b"\nparent " + b"b" * 40 + b"\nparent " + b"c" * 40 + b"\n"
    b"author A <a@x> 1 +0000\ncommitter C <c@x> 2 -0130\nencoding latin1\n\nsubject\n\nbody \xff\n"
)


def test_headers_are_read() -> None:
    assert parents(COMMIT) == ["b" * 40, "c" * 40]
    assert committer(COMMIT) == "c@x"
    assert not is_signed(COMMIT)
    assert committer(b"tree x\n\n") == ""


@given(st.binary(max_size=80))
def test_a_signature_comes_and_goes_and_leaves_the_rest(message: bytes) -> None:
    commit = COMMIT + message
    with_it = signed(commit, ARMOR)
    assert is_signed(with_it)
    assert reparented(with_it, {}) == commit
    assert reparented(commit, {"b" * 40: "d" * 40}) == commit.replace(b"b" * 40, b"d" * 40, 1)


def test_what_is_no_signature_is_not_put_into_a_commit() -> None:
    for text in ("", "error: no key", "\n"):
        with pytest.raises(ValueError, match="no armored signature"):
            signed(COMMIT, text)


def test_git_takes_what_is_made_here(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    tree = git(tmp_path, "write-tree")
    commit = COMMIT.replace(b"a" * 40, tree.encode()).replace(b"parent " + b"b" * 40 + b"\n", b"")
    commit = commit.replace(b"parent " + b"c" * 40 + b"\n", b"")
    (tmp_path / "c").write_bytes(signed(commit, ARMOR))
    name = git(tmp_path, "hash-object", "-t", "commit", "-w", "c")
    raw = subprocess.run(["git", "cat-file", "commit", name], cwd=tmp_path, capture_output=True, check=True).stdout
    assert reparented(raw, {}) == commit
