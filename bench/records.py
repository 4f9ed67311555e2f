"""The trace: a decision put on record, verification, replay, and a trace that has grown to a million records."""

import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from bench.clock import Candidate, Figure, figure, interleaved, ratio, unit
from bench.table import AT_LEAST, Row, Section
from bench.trace import BEGIN, HEADER, READ, build, record_of
from nucleus.gate.board import Board, Settings
from nucleus.gate.events import Done, Opened, Perform, Submit
from nucleus.kernel.boundary import FACTS, admit
from nucleus.kernel.state import Request
from nucleus.policy import call as kinds
from nucleus.policy.call import Classified
from nucleus.trace.replay import replay
from nucleus.trace.verify import verify
from nucleus.trace.writer import BUFFERED, SYNC, TraceWriter

GROWN = 1_000_000
READ_FACTS = tuple(getattr(READ, name) for name in FACTS)
FIELDS = ("op", "legs", "carried", "sink", "scope", "trusted", "home", "attested", "public", "fixed")
CLASSIFIED = Classified(*(getattr(READ, name) for name in FIELDS))


def decides(turns: int) -> None:
    """Build a request and admit it: the measure of what a record adds."""
    for _ in range(turns):
        admit(BEGIN, Request(*READ_FACTS))


def recorded(writer: TraceWriter) -> Callable[[int], object]:
    """Return a loop that decides, and has the decision chained and in the file."""

    def act(turns: int) -> None:
        state = BEGIN
        for _ in range(turns):
            record, state = record_of(state)
            writer.append(record)
        if writer.due:
            writer.checkpoint()

    return act


def stepped(writer: TraceWriter) -> Callable[[int], object]:
    """Return a loop of the gate's own steps: decision with its record, then result with its record."""
    opened = Opened(HEADER["principal"], BEGIN.authority, 0, BEGIN.budget, 1 << 62, 1 << 40, 0)
    opening: Any = SimpleNamespace(writer=writer, event=opened, principal=HEADER["principal"], level="mediated")
    board = Board(opening, Settings(clock=lambda: 0))

    def act(turns: int) -> None:
        for turn in range(turns):
            args = {"path": "src/module.py"}
            event = Submit(HEADER["principal"], turn, "n-123456", kinds.READ, args, "d" * 64, CLASSIFIED, 1, 0, 0)
            perform = board.step(event)[0]
            assert isinstance(perform, Perform)
            board.step(Done(perform.number, "ok", 100, "e" * 64, "", 0))

    return act


def grow(writer: TraceWriter, records: int) -> None:
    """Append records until the trace has as many as that."""
    record, _ = record_of(BEGIN)
    while writer.next_seq < records:
        writer.append(record)
        if writer.due:
            writer.checkpoint()


def appending(folder: Path, rounds: int, grown: int) -> tuple[Row, ...]:
    """Return the rows of writing."""
    made = {
        name: TraceWriter.create(folder / name, HEADER, durability=durability)
        for name, durability in (("fresh", SYNC), ("buffered", BUFFERED), ("steps", SYNC), ("long", SYNC))
    }
    grow(made["long"], grown)
    candidates = [
        unit(1000),
        Candidate("decide", decides, 1000),
        Candidate("fresh", recorded(made["fresh"]), 500),
        Candidate("buffered", recorded(made["buffered"]), 500),
        Candidate("long", recorded(made["long"]), 500),
        Candidate("steps", stepped(made["steps"]), 100),
    ]
    times = interleaved(candidates, rounds * 2)
    for writer in made.values():
        writer.close("measured")
    return (
        Row(
            "decide + record + hash + append",
            ratio(times, "fresh", "decide"),
            "x decide",
            6,
            2.5,
            note="each record written to the file, synced in groups, as the product does; no record is kept back",
        ),
        Row("the same, lines kept in memory until synced", ratio(times, "buffered", "decide"), "x decide"),
        Row(
            f"the same after {grown // 1000:,}k records, against an empty trace",
            ratio(times, "long", "fresh"),
            "x",
            1.1,
            1,
        ),
        Row(
            "the gate's steps of one call: decision and result, both on record",
            ratio(times, "steps", "decide"),
            "x decide",
        ),
    )


def reading(folder: Path, rounds: int, records: int) -> tuple[Row, ...]:
    """Return the rows of checking, in records a second of one processor."""
    path = build(folder / "read", records)
    return (
        Row("trace verify", _rate(lambda: verify(path).records, rounds), "records/s/core", 400e3, 900e3, AT_LEAST),
        Row(
            "trace verify and replay",
            _rate(lambda: replay(path)[0].records, rounds),
            "records/s/core",
            250e3,
            600e3,
            AT_LEAST,
        ),
    )


def _rate(act: Callable[[], int], rounds: int) -> Figure:
    found = []
    for _ in range(rounds):
        begin = time.thread_time()
        count = act()
        found.append(count / (time.thread_time() - begin))
    # An absolute figure belongs to an undisturbed processor, so it is the best round that counts; ratios are medians.
    return replace(figure(found), median=max(found))


def measure(rounds: int, grown: int = GROWN, records: int = 200_000) -> Section:
    """Return the rows of the trace."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        return Section("Trace", (*appending(folder, rounds, grown), *reading(folder, rounds, records)))
