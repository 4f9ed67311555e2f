"""Files that only one writer has, and that are what they seem."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.errors import TraceError
from nucleus.trace.store import FileStore, MemoryStore, part_path, parts, sync_directory, verify_directory


def test_two_writers_never_have_one_file(tmp_path: Path) -> None:
    store = FileStore.create(tmp_path / "t.jsonl")
    with pytest.raises(TraceError, match="can't open"):
        FileStore.create(tmp_path / "t.jsonl")
    with pytest.raises(TraceError, match="another process"):
        FileStore.reopen(tmp_path / "t.jsonl")
    store.close()
    FileStore.reopen(tmp_path / "t.jsonl").close()


def test_a_link_or_a_pipe_in_the_place_of_a_trace_is_refused(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").touch()
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    for name in ("link.jsonl", "pipe.jsonl"):
        with pytest.raises(TraceError):
            FileStore.reopen(tmp_path / name)
    with pytest.raises(TraceError):
        FileStore.create(tmp_path / "link.jsonl")


def test_writes_append_even_if_the_file_grew_in_between(tmp_path: Path) -> None:
    store = FileStore.create(tmp_path / "t.jsonl")
    store.write(b"a\n")
    with (tmp_path / "t.jsonl").open("ab") as file:
        file.write(b"x\n")
    store.write(b"b\n")
    assert (tmp_path / "t.jsonl").read_bytes() == b"a\nx\nb\n"
    with pytest.raises(TraceError, match="another process"):
        store.sync()
    with pytest.raises(TraceError):
        store.write(b"c\n")


def test_parts_are_named_in_order(tmp_path: Path) -> None:
    store = FileStore.create(tmp_path / "t.jsonl")
    for number in range(3):
        store.write(b"%d\n" % number)
        store.rotate()
    store.close()
    found = parts(tmp_path / "t.jsonl")
    assert found == [tmp_path / name for name in ("t.jsonl", "t.1.jsonl", "t.2.jsonl", "t.3.jsonl")]
    assert part_path(found[0], 2) == found[2]
    with pytest.raises(FileNotFoundError):
        parts(tmp_path / "none.jsonl")


def test_a_closed_store_takes_nothing(tmp_path: Path) -> None:
    store = FileStore.create(tmp_path / "t.jsonl")
    store.close()
    store.close()
    with pytest.raises(TraceError, match="closed"):
        store.write(b"a\n")


def test_a_torn_end_is_cut(tmp_path: Path) -> None:
    store = FileStore.create(tmp_path / "t.jsonl")
    store.write(b"a\nbcd")
    store.truncate(2)
    store.write(b"e\n")
    store.sync()
    assert (tmp_path / "t.jsonl").read_bytes() == b"a\ne\n"


def test_memory_holds_lines_by_part() -> None:
    store = MemoryStore()
    store.write(b"a\n")
    store.sync()
    store.rotate()
    store.write(b"b\n")
    store.close()
    assert (store.parts, store.size) == ([b"a\n", b"b\n"], 2)


def test_a_directory_is_made_for_its_owner_alone(tmp_path: Path) -> None:
    verify_directory(tmp_path / "a" / "b")
    assert (tmp_path / "a" / "b").stat().st_mode & 0o777 == 0o700
    (tmp_path / "file").touch()
    for bad in (tmp_path / "file", tmp_path / "file" / "below"):
        with pytest.raises(TraceError):
            verify_directory(bad)
    with pytest.raises(TraceError):
        sync_directory(tmp_path / "none")


def test_traces_can_be_read_where_files_can_not_be_locked() -> None:
    code = (
        "import sys; sys.modules['fcntl'] = None\n"
        "import nucleus.trace.verify, nucleus.trace.replay, nucleus.trace.writer, nucleus.trace.export\n"
        "import nucleus.cli.trace"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
