"""The journal on disk: owner only, durable line by line, never followed through a link."""

import os
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.kernel.exposure import UNTRUSTED
from nucleus.policy.label_file import FileJournal
from nucleus.policy.labels import LabelStore


def journal(folder: Path) -> FileJournal:
    """Return the journal of a workspace."""
    return FileJournal.of_workspace(folder, "/srv/app")


def test_labels_come_back_after_a_restart(tmp_path: Path) -> None:
    LabelStore(journal(tmp_path)).will_write("a", "d", UNTRUSTED)
    assert LabelStore(journal(tmp_path)).bits("a") == UNTRUSTED


def test_each_workspace_has_its_own(tmp_path: Path) -> None:
    assert journal(tmp_path).path != FileJournal.of_workspace(tmp_path, "/srv/app2").path


def test_the_file_is_the_owners_only(tmp_path: Path) -> None:
    LabelStore(journal(tmp_path)).will_write("a", "d", UNTRUSTED)
    assert journal(tmp_path).path.stat().st_mode & 0o077 == 0
    assert journal(tmp_path).path.parent.stat().st_mode & 0o077 == 0


def test_a_torn_line_is_cut_off_so_that_the_next_one_is_whole(tmp_path: Path) -> None:
    one = journal(tmp_path)
    store = LabelStore(one)
    store.will_write("a", "d", UNTRUSTED)
    with one.path.open("ab") as file:
        file.write(b"0000 half a li")
    again = LabelStore(journal(tmp_path))
    again.will_write("b", "d", UNTRUSTED)
    last = LabelStore(journal(tmp_path))
    assert last.bits("a") == last.bits("b") == UNTRUSTED


def test_a_replacement_is_whole_or_not_there(tmp_path: Path) -> None:
    one = journal(tmp_path)
    one.append(b"old\n")
    one.replace(b"new\n", one.stamp())
    assert one.read() == b"new\n"
    assert sorted(one.path.parent.iterdir()) == sorted((one.path, one.path.with_suffix(".lock")))


def test_a_replacement_never_loses_what_another_gate_wrote_meanwhile(tmp_path: Path) -> None:
    one, other = journal(tmp_path), journal(tmp_path)
    one.append(b"old\n")
    seen = one.stamp()
    other.append(b"a label\n")
    one.replace(b"new\n", seen)
    assert one.read() == b"old\na label\n"


def test_two_gates_of_one_workspace_see_each_others_labels(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second = LabelStore(journal(tmp_path)), LabelStore(journal(tmp_path))
    first.will_write("notes.md", "d", UNTRUSTED)
    assert second.bits("notes.md") == second.tree(".") == second.saw("notes.md", "d") == UNTRUSTED
    second.will_write("other.md", "e", UNTRUSTED)
    first.will_write("third.md", "f", UNTRUSTED)
    assert first.bits("other.md") == second.bits("third.md") == UNTRUSTED
    monkeypatch.setattr("nucleus.policy.labels.COMPACT_AT", -100)
    third = LabelStore(journal(tmp_path))
    third.will_write("last.md", "g", UNTRUSTED)
    for store in (first, second, third):
        assert [store.bits(name) for name in ("notes.md", "other.md", "third.md", "last.md")] == [UNTRUSTED] * 4


def test_a_link_in_place_of_the_journal_is_refused(tmp_path: Path) -> None:
    one = journal(tmp_path)
    target = tmp_path / "elsewhere"
    target.write_bytes(b"x\n")
    one.path.symlink_to(target)
    with pytest.raises(CannotEnforce, match="can't be opened"):
        one.read()
    with pytest.raises(OSError, match="symbolic links"):
        one.append(b"y\n")
    assert target.read_bytes() == b"x\n"


def test_a_full_disk_leaves_no_half_line(tmp_path: Path) -> None:
    """The write fails, the caller sees it, and the file is as it was."""
    full = Path("/dev/full")
    if not full.exists():
        pytest.skip("no /dev/full")
    with pytest.raises(OSError):  # noqa: PT011  its errno differs between kernels
        FileJournal(full).append(b"line\n")


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes everywhere")
def test_a_read_only_state_directory_is_an_error(tmp_path: Path) -> None:
    one = journal(tmp_path)
    one.path.parent.chmod(0o500)
    with pytest.raises(OSError, match="denied"):
        one.append(b"line\n")
