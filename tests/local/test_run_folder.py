"""A run's place in the state directory."""

import fcntl
import json
import os
import stat
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.run_folder import LAYERS, Hint, RunFolder, replace_file
from tests.local.box import private


def test_a_place_is_private_locked_and_says_what_runs(tmp_path: Path) -> None:
    folder = RunFolder(str(private(tmp_path / "state")))
    folder.begin("/srv/p", "local_dev", ["make", "test"], [".env"])
    place = Path(folder.path)
    assert place.parent == tmp_path / "state" / "runs"
    assert stat.S_IMODE(place.stat().st_mode) == 0o700
    assert all((place / name).is_dir() for name in LAYERS)
    said = json.loads((place / "run.json").read_text())
    assert (said["state"], said["argv"], said["hidden"], said["status"]) == (
        "running",
        ["make", "test"],
        [".env"],
        None,
    )
    number = os.open(place / "lock", os.O_RDWR)
    with pytest.raises(BlockingIOError):
        fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    folder.note({"principal": "abcd"})
    folder.end(3)
    folder.release()
    fcntl.flock(number, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(number)
    said = json.loads((place / "run.json").read_text())
    assert (said["state"], said["status"]) == ("ended", 3)
    assert said["started_ns"] <= said["ended_ns"]


def test_a_run_that_never_began_leaves_nothing(tmp_path: Path) -> None:
    folder = RunFolder(str(private(tmp_path / "state")))
    folder.begin("/srv/p", "local_dev", ["true"], [])
    (Path(folder.path) / "upper" / "deep").mkdir()
    folder.release()
    assert not Path(folder.path).exists()


def test_a_run_is_untouched_only_if_that_is_known_for_sure(tmp_path: Path) -> None:
    folder = RunFolder(str(private(tmp_path / "state")))
    assert folder.untouched
    folder.note({"linked": {"storage": "/srv/p/.git"}})
    assert not folder.untouched
    folder.note({"linked": None})
    upper = Path(folder.path) / "upper"
    (upper / "new.txt").write_text("")
    assert not folder.untouched
    (upper / "new.txt").unlink()
    assert folder.untouched
    upper.rmdir()
    assert not folder.untouched
    folder.remove()


def test_a_place_that_can_t_be_made_is_told_with_the_fix(tmp_path: Path) -> None:
    state = private(tmp_path / "state")
    (state / "runs").write_text("")
    with pytest.raises(CannotEnforce, match="no place for this run") as caught:
        RunFolder(str(state))
    assert "--state" in caught.value.fix


def test_a_hint_is_kept_for_its_workspace_and_nonsense_is_none(tmp_path: Path) -> None:
    state = private(tmp_path / "state")
    hint = Hint(str(state), "/srv/p")
    assert hint.read() is None
    hint.write([["**/.env"], ["notes/**"]])
    assert Hint(str(state), "/srv/p").read() == [["**/.env"], ["notes/**"]]
    assert Hint(str(state), "/srv/q").read() is None
    (path,) = (state / "hints").iterdir()
    for text in ("", "{}", "[]", "[1]", '["a"]', "[[1]]", "\0"):
        path.write_text(text)
        assert hint.read() is None


def test_a_file_is_replaced_whole_and_no_link_is_followed(tmp_path: Path) -> None:
    victim, place = tmp_path / "victim", tmp_path / "report"
    victim.write_text("mine")
    place.symlink_to(victim)
    replace_file(str(place), b"new")
    assert (victim.read_text(), place.read_text(), place.is_symlink()) == ("mine", "new", False)
    with pytest.raises(FileNotFoundError):
        replace_file(str(tmp_path / "none" / "report"), b"new")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["report", "victim"]
