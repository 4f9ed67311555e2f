"""No edit slips past: every byte of a trace, every line, and what only something held outside can show."""

from collections.abc import Callable
from dataclasses import replace
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace import verify as module
from nucleus.trace.canonical import encode, parse
from nucleus.trace.checkpoint import parse as parse_checkpoint
from nucleus.trace.ledger import NAME, Entry, Ledger
from nucleus.trace.note import parse as parse_note
from nucleus.trace.verify import Held, Verified, verify
from nucleus.trace.writer import TraceWriter
from tests.trace.example import HEADER, Clock, Story, in_memory, on_disk, rechained

WHERE = Path("memory.jsonl")
TRACE = in_memory(1)
LINES = TRACE.split(b"\n")[:-1]
NOTES = tuple(parse(line)["note"].encode() for line in LINES if b'"type":"checkpoint"' in line)
SIZES = [number for number, line in enumerate(LINES) if b'"type":"checkpoint"' in line]


def checked(data: bytes, held: Held | None = None) -> Verified:
    return verify(WHERE, held, data=data)


def refused(data: bytes, held: Held | None = None) -> TraceError:
    with pytest.raises(TraceError) as caught:
        verify(WHERE, held, data=data)
    return caught.value


def test_what_was_written_is_consistent_and_its_completeness_unknown() -> None:
    found = checked(TRACE)
    assert (found.records, found.checkpoints, found.certified) == (len(LINES), 3, len(LINES) - 1)
    assert (found.complete, found.ending) == (False, "closed")
    assert found.summary().startswith("consistent, completeness unknown")


def test_a_held_checkpoint_makes_it_complete_as_far_as_it_goes() -> None:
    for size, note in zip(SIZES, NOTES, strict=True):
        found = checked(TRACE, Held((note,)))
        assert (found.complete, found.held) == (True, size)


def test_every_single_byte_is_bound() -> None:
    """Exhaustive over places: the lowest bit of each byte of a whole trace."""
    for place in range(len(TRACE)):
        changed = bytearray(TRACE)
        changed[place] ^= 1
        refused(bytes(changed))


@given(st.integers(0, len(TRACE) - 1), st.integers(1, 255))
def test_no_byte_can_be_changed(place: int, by: int) -> None:
    changed = bytearray(TRACE)
    changed[place] ^= by
    error = refused(bytes(changed))
    bad = TRACE.count(b"\n", 0, place)
    torn = b"\n" in {TRACE[place : place + 1], bytes(changed[place : place + 1])}
    # One line became two, or two one; or the last line that nothing commits to lost its link.
    assert error.record in ({bad - 1, bad, bad + 1} if torn else {bad - 1, bad})


@given(st.integers(0, len(TRACE) - 1), st.binary(min_size=1, max_size=5))
def test_no_bytes_can_be_put_in(place: int, extra: bytes) -> None:
    refused(TRACE[:place] + extra + TRACE[place:])


@given(st.integers(0, len(TRACE) - 1), st.integers(1, 600))
def test_no_bytes_can_be_taken_out(place: int, count: int) -> None:
    data = TRACE[:place] + TRACE[place + count :]
    if data == b"".join(line + b"\n" for line in LINES[: data.count(b"\n")]) and data:
        assert not checked(data).complete  # a cut tail: without something held it can't be known
        data = TRACE[:place] + TRACE[place + count :]
        refused(data, Held(NOTES))
        return
    refused(data)


@given(st.permutations(range(len(LINES))))
def test_no_lines_can_change_places(order: list[int]) -> None:
    if order != list(range(len(LINES))):
        refused(b"\n".join(LINES[index] for index in order) + b"\n")


@given(st.integers(0, len(LINES)), st.integers(0, len(LINES) - 1))
def test_no_line_can_be_repeated(place: int, copied: int) -> None:
    refused(b"\n".join([*LINES[:place], LINES[copied], *LINES[place:]]) + b"\n")


@given(st.integers(0, len(LINES) - 2))
def test_no_line_can_be_left_out(place: int) -> None:
    error = refused(b"\n".join(LINES[:place] + LINES[place + 1 :]) + b"\n")
    assert (error.record, error.message[:7]) == (place, "deleted")


@pytest.mark.parametrize("kept", range(1, len(LINES)))
def test_a_cut_tail_is_named_by_whatever_is_held(kept: int) -> None:
    cut = b"\n".join(LINES[:kept]) + b"\n"
    error = refused(cut, Held(NOTES))
    assert (error.record, error.message[:8]) == (kept, "cut tail")


def edit(line: bytes) -> bytes:
    return line.replace(b'"kind":"fs.read"', b'"kind":"fs.list"')


def test_an_edit_with_the_chain_recomputed_is_caught_by_the_next_checkpoint() -> None:
    error = refused(rechained(LINES, edit))
    assert "chain recomputed" in error.message or "forged" in error.message
    assert error.record <= SIZES[0]


def test_switched_off_the_checkpoints_and_the_same_edit_passes() -> None:
    """Negative control: chain alone does not stop who recomputes it."""
    bare = TraceWriter.in_memory(HEADER, clock=Clock())
    lines = Story(bare).tell(1, checkpoints=False).writer.lines().split(b"\n")[:-1]
    found = checked(rechained(lines, edit))
    assert (found.certified, found.complete) == (0, False)


def test_a_removed_checkpoint_leaves_its_records_certified_by_none() -> None:
    without = [line for line in LINES if b'"type":"checkpoint"' not in line]
    assert checked(rechained(without)).certified == 0
    assert "held checkpoint" in refused(rechained(without), Held(NOTES[:1])).message


def test_a_fork_after_a_held_checkpoint_is_bracketed() -> None:
    writer = TraceWriter.in_memory(HEADER, clock=Clock())
    story = Story(writer).tell(1)
    held = [parse(line)["note"].encode() for line in writer.lines().split(b"\n")[:-1] if b'"type":"checkpoint"' in line]
    other = writer.lines()
    story.decide()
    held.append(writer.checkpoint().encode())
    lines = other.split(b"\n")[:-1]
    fake = encode({**parse(lines[-1]), "prev": sha256(lines[-1]).hexdigest(), "seq": len(lines), "of": 99})
    more = [encode({**parse(fake), "prev": sha256(fake).hexdigest(), "seq": len(lines) + 1})]
    more.append(encode({**parse(fake), "prev": sha256(more[0]).hexdigest(), "seq": len(lines) + 2}))
    error = refused(other + b"\n".join([fake, *more]) + b"\n", Held(tuple(held)))
    assert error.message.startswith("fork: ")
    assert error.record == SIZES[1]


def test_two_held_checkpoints_that_disagree_show_a_fork() -> None:
    one, two = (TraceWriter.in_memory(HEADER) for _ in range(2))
    for writer in (one, two):
        Story(writer).decide()
    assert "fork" in refused(TRACE, Held((one.checkpoint().encode(), two.checkpoint().encode()))).message


def test_a_whole_file_swap_is_named() -> None:
    other = in_memory(1)
    assert "whole-file swap" in refused(other, Held(NOTES[:1])).message
    assert "whole-file swap" in refused(in_memory(0, close=False), Held(NOTES[-1:])).message


def test_a_closed_trace_can_not_be_carried_on() -> None:
    last = parse(LINES[-1])
    for kind in ({"type": "close", "reason": "again"}, {"type": "checkpoint", "note": last["note"]}):
        extra = encode({"prev": sha256(LINES[-1]).hexdigest(), "seq": len(LINES), "time_ns": 5, **kind})
        error = refused(TRACE + extra + b"\n")
        assert (error.record, error.message.split(":")[0]) in {(len(LINES), "inserted"), (len(LINES), "forged")}


def test_an_open_trace_with_a_record_after_its_close_is_refused() -> None:
    writer = TraceWriter.in_memory(HEADER)
    writer.append({"type": "close", "reason": "x"})
    Story(writer).decide()
    assert "after the close" in refused(writer.lines()).message


def test_a_second_header_is_refused() -> None:
    writer = TraceWriter.in_memory(HEADER)
    header = parse(writer.lines().split(b"\n")[0])
    writer.append({name: value for name, value in header.items() if name not in {"prev", "seq", "time_ns"}})
    assert "second header" in refused(writer.lines()).message


@pytest.mark.parametrize("data", [b"", b"{", b"\n", b"\n\n", b"x\n", TRACE[:-1], LINES[1] + b"\n"])
def test_what_is_no_trace_is_refused(data: bytes) -> None:
    refused(data)


@given(st.binary(max_size=400))
def test_hostile_bytes_raise_and_nothing_else(data: bytes) -> None:
    refused(data)
    refused(TRACE + data + b"\n")


@given(st.binary(max_size=200) | st.sampled_from(NOTES).flatmap(lambda n: st.integers(0, len(n)).map(lambda i: n[:i])))
def test_hostile_checkpoints_raise_and_nothing_else(note: bytes) -> None:
    if note not in NOTES:
        refused(TRACE, Held((note,)))


def test_a_torn_end_is_an_error_that_only_recovery_may_overlook() -> None:
    torn = b"\n".join(LINES[:5]) + b"\n" + LINES[5][:40]
    error = refused(torn)
    assert (error.record, error.message[:5]) == (5, "torn:")
    assert verify(WHERE, data=torn, torn_end=True).records == 5


def test_the_ledger_vouches_for_the_whole_of_a_closed_trace(tmp_path: Path) -> None:
    writer = on_disk(tmp_path)
    entry = Ledger(tmp_path / NAME).find(writer.trace, writer.path)
    found = verify(writer.path, Held(entry=entry))
    assert (found.complete, found.held, found.ending) == (True, found.records, "closed")


def swap(one: Path, other: Path) -> None:
    one.write_bytes(other.read_bytes())


def cut(one: Path, _: Path) -> None:
    one.write_bytes(b"".join(one.read_bytes().splitlines(keepends=True)[:-2]))


def reheader(one: Path, _: Path) -> None:
    lines = one.read_bytes().split(b"\n")[:-1]
    one.write_bytes(rechained(lines, lambda line: line.replace(b'"level":"mediated"', b'"level":"contained"')))


@pytest.mark.parametrize(
    ("attack", "named"), [(swap, "whole-file swap"), (cut, "cut tail"), (reheader, "whole-file swap")]
)
def test_the_ledger_names(attack: Callable[[Path, Path], None], named: str, tmp_path: Path) -> None:
    one, other = on_disk(tmp_path / "a"), on_disk(tmp_path / "b")
    ledger = Ledger(tmp_path / "a" / NAME)
    attack(one.path, other.path)
    entry = ledger.find(parse(one.path.read_bytes().split(b"\n")[0])["trace"], one.path)
    with pytest.raises(TraceError, match=named):
        verify(one.path, Held(entry=entry))


def test_a_missing_file_is_not_a_finding(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        verify(tmp_path / "none.jsonl")


def entry(**more: Any) -> Entry:
    """Return what a ledger without checkpoints would hold of the trace."""
    header = parse(LINES[0])
    known = Entry(header["trace"], "x", sha256(LINES[0]).hexdigest(), header["key"])
    return replace(known, **more)


LAST = sha256(LINES[-1]).hexdigest()


def test_a_ledger_that_knows_only_the_start_leaves_completeness_unknown() -> None:
    assert not checked(TRACE, Held(entry=entry())).complete


@pytest.mark.parametrize(
    ("known", "named", "record"),
    [
        (entry(closed=len(LINES) + 2, last=LAST), "cut tail", len(LINES)),
        (entry(closed=len(LINES) - 2, last=LAST), "inserted at the end", len(LINES) - 2),
        (entry(closed=len(LINES), last="0" * 64), "fork", 0),
        (entry(trace="other"), "whole-file swap", 0),
        (entry(header="0" * 64), "whole-file swap", 0),
        (entry(key="other"), "whole-file swap", 0),
    ],
)
def test_the_ledger_disagrees_by_name(known: Entry, named: str, record: int) -> None:
    error = refused(TRACE, Held(entry=known))
    assert (error.record, error.message.split(":")[0]) == (record, named)


def test_the_ledger_vouches_for_a_closed_trace_by_its_last_line() -> None:
    found = checked(TRACE, Held(entry=entry(closed=len(LINES), last=LAST)))
    assert (found.complete, found.held) == (True, len(LINES))


def test_a_held_checkpoint_of_the_same_tree_but_another_time_is_a_fork() -> None:
    point = parse_checkpoint(parse_note(NOTES[0]).text)
    other = replace(point, time_ns=point.time_ns + 1).text() + NOTES[0].decode()[len(point.text()) :]
    assert "not the one that is held" in refused(TRACE, Held((other.encode(),))).message


@pytest.mark.parametrize(
    ("old", "new", "why"),
    [
        (b'"type":"header"', b'"type":"change"', "change record without"),
        (b'"key":"nucleus', b'"key":"nukleus', "does not match it"),
        (b'"trace":"', b'"trace":"x', "another trace"),
    ],
)
def test_a_header_that_is_none_is_refused(old: bytes, new: bytes, why: str) -> None:
    assert why in refused(rechained([LINES[0].replace(old, new)])).message


def test_lines_without_a_checkpoint_are_parsed_as_they_pile_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Memory stays bounded, and a line that is no record is found long before the end."""
    monkeypatch.setattr(module, "BACKLOG", 4)
    writer = TraceWriter.in_memory(HEADER, clock=Clock())
    lines = Story(writer).tell(20, checkpoints=False).writer.lines().split(b"\n")[:-1]
    assert checked(b"\n".join(lines) + b"\n").records == len(lines)
    assert checked(TRACE).certified == len(LINES) - 1
    bad = rechained(lines, lambda line: line + b" " if b'"seq":3,' in line else line)
    assert refused(bad).record == 3
