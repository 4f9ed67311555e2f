"""Copies of checkpoints are whole, or the old one stays."""

import os
from pathlib import Path

import pytest

from nucleus.errors import TraceError
from nucleus.trace.witness import SUFFIX, Witness


def test_a_directory_gets_a_file_for_each_checkpoint(tmp_path: Path) -> None:
    witness = Witness(tmp_path, "t")
    witness.keep(3, "three")
    witness.keep(9, "nine")
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == {
        f"t-3{SUFFIX}": "three",
        f"t-9{SUFFIX}": "nine",
    }


def test_a_file_holds_the_latest(tmp_path: Path) -> None:
    witness = Witness(tmp_path / "latest", "t")
    witness.keep(3, "three")
    witness.keep(9, "nine")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("latest", "nine")]
    assert (tmp_path / "latest").stat().st_mode & 0o777 == 0o600


def test_a_place_that_can_take_nothing_is_refused_at_once(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "x")
    for place in (tmp_path / "none" / "file", tmp_path / "link"):
        with pytest.raises(TraceError, match="witness"):
            Witness(place, "t")


def test_a_failure_keeps_the_old_copy_and_leaves_nothing_else(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    witness = Witness(tmp_path / "latest", "t")
    witness.keep(3, "three")

    def full(_fd: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(TraceError, match="No space left"):
        witness.keep(9, "nine")
    assert [(path.name, path.read_text()) for path in tmp_path.iterdir()] == [("latest", "three")]
