"""After an unclean end: the worst is assumed, nothing is lost silently, and it is all on record."""

import errno
import os
from pathlib import Path

import pytest

from nucleus.errors import TraceError
from nucleus.kernel.state import State
from nucleus.trace.canonical import parse
from nucleus.trace.ledger import NAME, Ledger
from nucleus.trace.recovery import recover
from nucleus.trace.replay import replay
from nucleus.trace.verify import Held, verify
from nucleus.trace.writer import TraceWriter
from tests.trace.example import HEADER, Clock, Story, on_disk


def left_behind(tmp_path: Path) -> Story:
    """Return the story of a writer that died with a push in flight and a question open."""
    story = Story(TraceWriter.create(tmp_path, HEADER, clock=Clock())).tell()
    story.decide()
    story.ask("q9")
    story.writer.abandon()
    return story


def test_the_worst_is_assumed_after_an_unclean_end(tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    seq = story.writer.next_seq
    found = recover(story.writer.path, clock=Clock())
    assert (found.clean, found.torn, found.unknown) == (False, 0, (seq - 2,))
    assert "q9" in found.void
    assert all(state.exposure == 31 for state in found.states.values())
    main = story.states["main"]
    assert found.states["main"] == State(main.authority, 31, main.budget, main.version + 1)
    assert set(found.states) == {"main", "main.1"}


def test_the_old_trace_says_what_was_assumed(tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    found = recover(story.writer.path)
    verified, played = replay(story.writer.path)
    assert verified.ending == "recovered"
    assert played.states == found.states
    assert played.in_flight == {}
    kinds = [parse(line)["type"] for line in story.writer.path.read_bytes().split(b"\n")[-5:-1]]
    assert kinds == ["result", "change", "change", "close"]


def test_the_ledger_vouches_for_the_recovered_end(tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    found = recover(story.writer.path)
    entry = Ledger(tmp_path / NAME).find(found.trace, story.writer.path)
    verified = verify(story.writer.path, Held(entry=entry))
    assert (verified.complete, verified.held) == (True, found.link["records"])
    data = story.writer.path.read_bytes()
    story.writer.path.write_bytes(data.replace(b"unclean end", b"unclean und"))
    with pytest.raises(TraceError):
        verify(story.writer.path, Held(entry=entry))


@pytest.mark.parametrize("cut", [1, 2, 40, 200])
def test_a_torn_record_is_taken_away_and_the_trace_says_so(cut: int, tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    path = story.writer.path
    data = path.read_bytes()
    path.write_bytes(data[:-cut])
    torn = len(data) - cut - (data[:-1].rindex(b"\n") + 1)
    with pytest.raises(TraceError, match="torn"):
        verify(path)
    found = recover(path)
    assert found.torn == torn
    close = parse(path.read_bytes().split(b"\n")[-2])
    assert close["reason"].startswith(f"unclean end; a torn record of {torn} bytes was taken away")
    replay(path)


def test_every_prefix_of_a_trace_recovers(tmp_path: Path) -> None:
    """A crash is any prefix of what was written."""
    whole = on_disk(tmp_path / "whole", 1, close=False).path.read_bytes()
    first = whole.index(b"\n") + 1
    for size in range(first, len(whole), 97):
        path = tmp_path / f"cut{size}.jsonl"
        path.write_bytes(whole[:size])
        found = recover(path, ledger=tmp_path / "none")
        verified, played = replay(path)
        assert verified.ending == "recovered"
        assert played.states == found.states
        assert all(state.exposure == 31 for state in found.states.values())


def test_recovery_happens_once(tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    first = recover(story.writer.path)
    data = story.writer.path.read_bytes()
    second = recover(story.writer.path)
    assert data == story.writer.path.read_bytes()
    assert (first.states, first.link) == (second.states, second.link)
    assert not second.clean


def test_a_clean_end_is_left_as_it_is(tmp_path: Path) -> None:
    writer = on_disk(tmp_path)
    data = writer.path.read_bytes()
    found = recover(writer.path)
    assert (found.clean, found.unknown, found.records) == (True, (), ())
    assert found.states["main"].exposure != 31
    assert data == writer.path.read_bytes()


def test_a_living_writer_is_not_recovered_from(tmp_path: Path) -> None:
    writer = TraceWriter.create(tmp_path, HEADER)
    with pytest.raises(TraceError, match="another process"):
        recover(writer.path)


def test_a_tampered_trace_is_not_carried_on(tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    data = story.writer.path.read_bytes().replace(b'"outcome":"ok"', b'"outcome":"no"', 1)
    story.writer.path.write_bytes(data)
    with pytest.raises(TraceError, match="edited"):
        recover(story.writer.path)
    assert data == story.writer.path.read_bytes()


def test_a_tail_that_the_ledger_misses_is_not_carried_on(tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    lines = story.writer.path.read_bytes().split(b"\n")
    story.writer.path.write_bytes(b"\n".join(lines[:4]) + b"\n")
    with pytest.raises(TraceError, match="cut tail"):
        recover(story.writer.path)


def test_a_full_disk_leaves_the_trace_to_be_recovered_later(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    story = left_behind(tmp_path)
    data = story.writer.path.read_bytes()

    def full(_fd: int, _data: bytes) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(TraceError, match="No space left"):
            recover(story.writer.path)
    assert data == story.writer.path.read_bytes()
    assert recover(story.writer.path).torn == 0


def test_a_new_trace_carries_on(tmp_path: Path) -> None:
    story = left_behind(tmp_path)
    old = recover(story.writer.path)
    main = old.states["main"]
    state = [main.authority, main.exposure, main.budget, main.version]
    writer = TraceWriter.create(tmp_path, HEADER | {"state": state, "recovers": old.link})
    writer.append_all(old.records)
    writer.close("done")
    verified, found = replay(writer.path)
    assert verified.ending == "closed"
    assert found.states == old.states
    assert old.link["trace"] == story.writer.trace


def test_a_missing_trace_is_said_to_be_missing(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        recover(tmp_path / "none.jsonl")
