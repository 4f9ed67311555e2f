"""A file is replaced as a whole or not at all, and stays what it was but for its bytes."""

import os
import stat
from pathlib import Path

import pytest

from nucleus.clients import replace
from nucleus.clients.layout import Unfit


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "settings.json"
    path.write_bytes(b"old")
    path.chmod(0o640)
    return path


def test_mode_and_attributes_stay_and_nothing_lies_beside(file: Path) -> None:
    os.setxattr(file, "user.note", b"mine")
    replace.read(file, follow=False).put(b"new")
    assert (file.read_bytes(), stat.S_IMODE(file.stat().st_mode)) == (b"new", 0o640)
    assert os.getxattr(file, "user.note") == b"mine"
    assert os.listdir(file.parent) == [file.name]


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a file to somebody")
def test_the_owner_stays(file: Path) -> None:
    os.chown(file, 1234, 1235)
    held = replace.read(file, follow=False)
    assert not held.own
    held.put(b"new")
    assert (file.stat().st_uid, file.stat().st_gid) == (1234, 1235)


def test_a_file_that_others_can_write_is_not_ones_own(file: Path) -> None:
    assert replace.read(file, follow=False).own
    file.chmod(0o666)
    assert not replace.read(file, follow=False).own


def test_a_link_stays_one_and_is_followed_only_if_it_was_named(file: Path) -> None:
    link = file.parent / "link.json"
    link.symlink_to(file.name)
    with pytest.raises(Unfit, match="symbolic link"):
        replace.read(link, follow=False)
    replace.read(link, follow=True).put(b"new")
    assert link.is_symlink()
    assert file.read_bytes() == b"new"


def test_what_is_no_plain_file_of_one_name_is_not_read(file: Path) -> None:
    os.link(file, file.parent / "other")
    with pytest.raises(Unfit, match="second name"):
        replace.read(file, follow=False)
    os.mkfifo(file.parent / "pipe")
    with pytest.raises(Unfit, match="no regular file"):
        replace.read(file.parent / "pipe", follow=True)
    with pytest.raises(FileNotFoundError):
        replace.read(file.parent / "gone", follow=True)


def test_a_file_that_somebody_changed_meanwhile_keeps_what_they_wrote(file: Path) -> None:
    held = replace.read(file, follow=False)
    file.write_bytes(b"theirs")
    with pytest.raises(Unfit, match="changed by somebody else"):
        held.put(b"new")
    assert file.read_bytes() == b"theirs"
    assert os.listdir(file.parent) == [file.name]


def test_a_write_that_fails_leaves_the_old_file(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(_descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    held = replace.read(file, follow=False)
    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        held.put(b"new")
    assert file.read_bytes() == b"old"
    assert os.listdir(file.parent) == [file.name]


def test_a_file_that_is_too_large_is_not_read(file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(replace, "LIMIT", 2)
    with pytest.raises(Unfit, match="larger"):
        replace.read(file, follow=False)


def test_an_owner_that_can_not_be_kept_is_told_in_words() -> None:
    assert "same owner and mode" in replace.why(PermissionError(1, "Operation not permitted"))
    assert replace.why(OSError(28, "No space left on device")) == "No space left on device"


def test_a_new_file_is_its_owners_only_and_an_old_one_is_replaced_only_on_purpose(tmp_path: Path) -> None:
    path = tmp_path / "new" / "hooks.json"
    replace.create(path, b"one", again=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        replace.create(path, b"two", again=False)
    assert path.read_bytes() == b"one"
    replace.create(path, b"three", again=True)
    assert path.read_bytes() == b"three"
    assert os.listdir(path.parent) == [path.name]


def test_a_file_that_changed_is_not_withdrawn(file: Path) -> None:
    held = replace.read(file, follow=False)
    file.write_bytes(b"theirs")
    with pytest.raises(Unfit, match="changed by somebody else"):
        held.withdraw()
    replace.read(file, follow=False).withdraw()
    assert not file.exists()
