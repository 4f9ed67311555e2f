"""Hostile files become lines, or a clear error."""

import os
from pathlib import Path

import pytest

from nucleus.errors import TraceError
from nucleus.trace import reader as module
from nucleus.trace.canonical import LINE_LIMIT
from nucleus.trace.reader import Reader, parse_record, read_header, read_records
from nucleus.trace.store import part_path
from tests.trace.example import in_memory

WHERE = Path("memory.jsonl")


def lines(path: Path, data: bytes | None = None) -> tuple[list[bytes], bytes]:
    reader = Reader(path, data)
    return [line for block in reader for line in block], reader.torn


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 1 << 20])
def test_blocks_of_any_size_give_the_same_lines(size: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    data = in_memory(2)
    (tmp_path / "t.jsonl").write_bytes(data)
    monkeypatch.setattr(module, "BLOCK_BYTES", size)
    assert lines(tmp_path / "t.jsonl") == (data.split(b"\n")[:-1], b"")


def test_parts_are_one_trace(tmp_path: Path) -> None:
    data = in_memory(2)
    cut = data.index(b"\n", 3000) + 1
    (tmp_path / "t.jsonl").write_bytes(data[:cut])
    part_path(tmp_path / "t.jsonl", 1).write_bytes(data[cut:])
    assert lines(tmp_path / "t.jsonl")[0] == data.split(b"\n")[:-1]


def test_a_part_that_ends_inside_a_record_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b"a\nb")
    part_path(tmp_path / "t.jsonl", 1).write_bytes(b"c\n")
    with pytest.raises(TraceError, match="inside a record"):
        lines(tmp_path / "t.jsonl")


def test_what_follows_the_last_newline_is_torn() -> None:
    assert lines(WHERE, b"a\nb\nc") == ([b"a", b"b"], b"c")
    with pytest.raises(TraceError, match="torn"):
        list(read_records(WHERE, in_memory()[:-1]))


def test_a_line_without_end_takes_no_more_memory_than_a_line(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(b"x" * (LINE_LIMIT * 2))
    with pytest.raises(TraceError, match="more than"):
        lines(tmp_path / "t.jsonl")


def test_links_pipes_and_directories_are_no_traces(tmp_path: Path) -> None:
    (tmp_path / "real.jsonl").write_bytes(in_memory())
    (tmp_path / "link.jsonl").symlink_to(tmp_path / "real.jsonl")
    os.mkfifo(tmp_path / "pipe.jsonl")
    (tmp_path / "dir.jsonl").mkdir()
    for name in ("link", "pipe", "dir"):
        with pytest.raises((TraceError, OSError)):
            lines(tmp_path / f"{name}.jsonl")


def test_a_header_is_read_alone(tmp_path: Path) -> None:
    (tmp_path / "t.jsonl").write_bytes(in_memory())
    assert read_header(tmp_path / "t.jsonl")["type"] == "header"
    for data in (b"", b"{}\n", in_memory().split(b"\n")[1] + b"\n"):
        (tmp_path / "t.jsonl").write_bytes(data)
        with pytest.raises(TraceError):
            read_header(tmp_path / "t.jsonl")


def test_the_first_record_that_can_not_be_read_is_named() -> None:
    data = in_memory().split(b"\n")
    data[4] = data[4].replace(b'"outcome"', b'"outcame"')
    with pytest.raises(TraceError) as caught:
        list(read_records(WHERE, b"\n".join(data)))
    assert caught.value.record == 4


@pytest.mark.parametrize("name", [b'"prev":"', b'"seq":', b'"time_ns":'])
def test_a_record_out_of_any_chain_is_refused(name: bytes) -> None:
    line = in_memory().split(b"\n")[0]
    parts = [part for part in line[1:].split(b",") if not part.startswith(name)]
    with pytest.raises(TraceError, match="without prev"):
        parse_record(b"{" + b",".join(parts), 0)
