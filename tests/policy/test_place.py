"""The state directory: from the password database, private, and outside of the workspace."""

import os
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.policy.place import home_directory, prepare, state_directory


def test_home_is_not_what_the_environment_says(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/tmp/hostile")
    assert home_directory() != Path("/tmp/hostile")


def test_what_the_owner_names_comes_first_and_a_relative_base_is_ignored() -> None:
    assert state_directory("/a/b", {"XDG_STATE_HOME": "/c"}) == Path("/a/b")
    assert state_directory("", {"XDG_STATE_HOME": "/c"}) == Path("/c/nucleus")
    assert state_directory("", {"XDG_STATE_HOME": "c"}) == home_directory() / ".local/state/nucleus"
    assert state_directory() == home_directory() / ".local/state/nucleus"


def test_it_is_made_private(tmp_path: Path) -> None:
    made = prepare(tmp_path / "a" / "nucleus")
    assert made.stat().st_mode & 0o777 == 0o700
    assert prepare(made) == made


def test_it_is_refused_inside_the_workspace_even_through_a_link(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "work")
    for inside in (tmp_path / "work" / "state", tmp_path / "link" / "state"):
        with pytest.raises(CannotEnforce, match="inside the workspace"):
            prepare(inside, tmp_path / "work")
    assert not (tmp_path / "work" / "state").exists()


def test_it_is_refused_where_others_can_read_it_with_the_fix(tmp_path: Path) -> None:
    (tmp_path / "open").mkdir(mode=0o755)
    with pytest.raises(CannotEnforce) as caught:
        prepare(tmp_path / "open")
    assert caught.value.fix == f"chmod 700 {tmp_path / 'open'}"


def test_it_is_refused_where_a_file_is_in_the_way(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    with pytest.raises(CannotEnforce, match="no state directory"):
        prepare(tmp_path / "file" / "nucleus")


@pytest.mark.skipif(os.getuid() != 0, reason="only root can give a directory away")
def test_it_is_refused_where_it_belongs_to_somebody_else(tmp_path: Path) -> None:
    (tmp_path / "theirs").mkdir(mode=0o700)
    os.chown(tmp_path / "theirs", 12345, 12345)
    with pytest.raises(CannotEnforce, match="somebody else"):
        prepare(tmp_path / "theirs")
