"""Speeds of the trace: append, verify, replay. Functions for whoever assembles a table.

Each returns seconds for one record, best of several rounds. ``build`` makes an
ordinary trace: a decision and its result in turn, a cost at each decision, a
checkpoint whenever one is due.
"""

import tempfile
import time
from collections.abc import Callable
from operator import attrgetter
from pathlib import Path
from typing import Any

from nucleus.kernel.boundary import FACTS, admit
from nucleus.kernel.state import Request, State
from nucleus.trace.record import VERDICTS, rule_names
from nucleus.trace.replay import replay
from nucleus.trace.verify import verify
from nucleus.trace.writer import BUFFERED, SYNC, TraceWriter

BEGIN = State(0xFFFFFF, 0, 10**12, 0)
READ = Request(0, 1, 1, 1, 0, 0, 2, 2, 0, 0, 0, 0, 0)
HEADER: dict[str, Any] = {
    "kernel": "0" * 64,
    "policy": {"digest": "0" * 64, "layers": []},
    "level": "mediated",
    "containment": None,
    "principal": "main",
    "state": [BEGIN.authority, BEGIN.exposure, BEGIN.budget, BEGIN.version],
}
ROUNDS = 5
FACTS_OF = attrgetter(*FACTS)
"""As ``nucleus.gate.records`` does it."""


def record_of(state: State) -> tuple[dict[str, Any], State]:
    """Decide once and return the record of it, with the next state."""
    verdict, rules, after = admit(state, READ)
    record = {
        "type": "decision",
        "principal": "main",
        "kind": "fs.read",
        "args": {"path": "src/module.py"},
        "digest": "d" * 64,
        "destination": "",
        "facts": list(FACTS_OF(READ)),
        "verdict": VERDICTS[verdict],
        "rules": rule_names(rules),
        "state": [after.authority, after.exposure, after.budget, after.version],
        "approval": None,
        "id": "n-123456",
    }
    return record, after


def build(directory: Path, records: int) -> Path:
    """Write an ordinary trace of about ``records`` records and return its file."""
    writer = TraceWriter.create(directory, HEADER, durability=BUFFERED)
    state = BEGIN
    for _ in range(records // 2):
        record, state = record_of(state)
        of = writer.append(record).seq
        fields = {"principal": "main", "of": of, "outcome": "ok", "bytes": 100, "digest": "e" * 64, "error": None}
        writer.append({"type": "result", **fields})
        if writer.due:
            writer.checkpoint()
    writer.close("measured")
    return writer.path


def best(act: Callable[[], int]) -> float:
    """Return the least seconds for one record; ``act`` returns how many it took."""
    found = []
    for _ in range(ROUNDS):
        begin = time.perf_counter()
        count = act()
        found.append((time.perf_counter() - begin) / count)
    return min(found)


def verify_seconds(path: Path) -> float:
    """Chain, tree and signatures."""
    return best(lambda: verify(path).records)


def replay_seconds(path: Path) -> float:
    """All of that, and every decision again."""
    return best(lambda: replay(path)[0].records)


def append_seconds(directory: Path, durability: str = BUFFERED, records: int = 20_000) -> float:
    """Record, hash and append, of a decision that was made already."""
    record, _ = record_of(BEGIN)
    writer = TraceWriter.create(directory, HEADER, durability=durability)

    def appended() -> int:
        for _ in range(records):
            writer.append(record)
        writer.sync()
        return records

    seconds = best(appended)
    writer.close("measured")
    return seconds


def measure(records: int = 100_000) -> dict[str, float]:
    """Return the speeds: records per second for verify and replay, microseconds for append."""
    with tempfile.TemporaryDirectory() as name:
        directory = Path(name) / "traces"
        path = build(directory, records)
        return {
            "verify records/s": 1 / verify_seconds(path),
            "verify + replay records/s": 1 / replay_seconds(path),
            "append us (buffered)": append_seconds(directory) * 1e6,
            "append us (sync, grouped)": append_seconds(directory, SYNC) * 1e6,
        }


if __name__ == "__main__":
    for row, figure in measure().items():
        print(f"{row:28}{figure:14,.1f}")
