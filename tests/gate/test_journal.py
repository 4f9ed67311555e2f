"""The label store's file: durable, whole, and one gate's at a time."""

import os
import stat
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.journal import FileJournal
from nucleus.kernel.exposure import UNTRUSTED
from nucleus.policy.labels import LabelStore


def test_labels_are_there_after_the_gate_ended(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "labels" / "w.jsonl")
    store = LabelStore(journal)
    store.will_write("notes.md", "d1", UNTRUSTED)
    store.settle("notes.md", "d1")
    journal.close()
    assert LabelStore(FileJournal(tmp_path / "labels" / "w.jsonl")).bits("notes.md") == UNTRUSTED


def test_the_file_is_the_owners_alone(tmp_path: Path) -> None:
    FileJournal(tmp_path / "labels" / "w.jsonl")
    assert stat.S_IMODE((tmp_path / "labels" / "w.jsonl").stat().st_mode) == 0o600


def test_a_replaced_journal_has_the_new_content_and_takes_more(tmp_path: Path) -> None:
    journal = FileJournal(tmp_path / "w.jsonl")
    journal.append(b"one\n")
    journal.replace(b"two\n")
    journal.append(b"three\n")
    assert journal.read() == b"two\nthree\n"
    assert (tmp_path / "w.jsonl").read_bytes() == b"two\nthree\n"


def test_a_link_in_its_place_is_refused(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").write_bytes(b"")
    (tmp_path / "w.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(CannotEnforce, match="label store"):
        FileJournal(tmp_path / "w.jsonl")


def test_a_failed_append_leaves_the_file_as_it_was(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    journal = FileJournal(tmp_path / "w.jsonl")
    journal.append(b"one\n")
    write = os.write
    calls = iter([3])

    def full(fd: int, data: bytes) -> int:
        for allowed in calls:
            return write(fd, data[:allowed])
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.write", full)
    with pytest.raises(OSError, match="No space"):
        journal.append(b"torn line\n")
    monkeypatch.undo()
    assert journal.read() == b"one\n"
