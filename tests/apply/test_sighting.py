"""One entry beside the host's: conflicts, and who owns what."""

import os
from pathlib import Path

import pytest

from nucleus.apply.beneath import Stamp
from nucleus.apply.run import Run
from nucleus.apply.sighting import MOVED, SINCE, UNSEEN, Sighting, nothing_is_kept

LATER = 4 * 10**18
"""Nanoseconds: a run that begins a hundred years after any file of these tests was made."""


def seen(place: Path, started: int, **fields: object) -> Sighting:
    status = place.lstat()
    return Sighting(Run("/f", "0" * 12, "/w", started), "a", status, status, **fields)  # type: ignore[arg-type]


def test_a_host_entry_younger_than_the_run_is_a_conflict_unless_an_apply_left_it(tmp_path: Path) -> None:
    place = tmp_path / "a"
    place.write_text("x")
    assert seen(place, 0).change("changed").conflict == SINCE
    assert seen(place, LATER).change("changed").conflict == ""
    assert seen(place, 0, known=Stamp.of(place.lstat())).change("changed").conflict == ""
    place.write_text("y")
    os.utime(place, ns=(1, 1))
    assert seen(place, 0).change("changed").conflict == SINCE, "a time that a program may set says nothing"


def test_a_directory_that_was_moved_here_is_a_conflict_for_what_is_in_it(tmp_path: Path) -> None:
    assert seen(tmp_path, LATER, moved=True).change("changed").conflict == MOVED
    (tmp_path / "x").write_text("")
    assert not seen(tmp_path, 0).moved_here(), "an entry made in it moves both times"
    tmp_path.chmod(0o711)
    assert seen(tmp_path, 0).moved_here()


def test_what_the_run_could_not_see_and_what_is_somebody_elses_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = tmp_path / "a"
    place.write_text("x")
    assert seen(place, LATER, unseen=True).change("changed").refused == UNSEEN
    monkeypatch.setattr(os, "geteuid", lambda: place.stat().st_uid + 1)
    assert "belongs to user" in seen(place, LATER).change("changed").refused
    assert seen(place, LATER).deleted(kept=True).refused == ""


def test_a_file_where_a_link_was_is_as_odd_as_the_link(tmp_path: Path) -> None:
    link = tmp_path / "l"
    link.symlink_to("x")
    both = Sighting(Run("/f", "0" * 12, "/w", LATER), "a", Path(__file__).lstat(), link.lstat())
    assert both.change("changed").category == "held"
    assert not nothing_is_kept("a")
