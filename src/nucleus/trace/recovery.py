"""Recovery: what is known after a writer died, on the side of caution.

The keys died with the writer, so nobody can sign for it. ``recover`` takes a
torn last record away, and ends the trace with records that say what is
assumed: every effect without a result has an unknown outcome, every principal
has seen everything, all approvals and questions are void. Costs need no rule of
their own: a decision is charged when it is made.

The last records are under no signature; the ledger holds their digest. A new
trace carries on: its header takes ``states`` and ``link``, its first records
are ``records``.
"""

import os
import time
from hashlib import sha256
from pathlib import Path
from typing import Any, final

from nucleus.errors import TraceError
from nucleus.kernel.delegate import absorb
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.kernel.state import State
from nucleus.lean import dataclass
from nucleus.trace import canonical
from nucleus.trace.ledger import NAME, Ledger
from nucleus.trace.reader import Reader, read_header
from nucleus.trace.replay import replay
from nucleus.trace.steps import Replayed, ints
from nucleus.trace.store import FileStore
from nucleus.trace.verify import Held
from nucleus.trace.writer import Clock


@final
@dataclass(frozen=True, slots=True)
class Recovery:
    """What a trace comes down to once its writer is gone."""

    trace: str
    clean: bool
    """Whether the writer had closed it; then nothing was assumed or changed."""
    torn: int
    """Bytes of a record that was never whole, taken away."""
    states: dict[str, State]
    """Each principal as it may go on."""
    unknown: tuple[int, ...]
    """Decisions whose effect may or may not have happened."""
    void: tuple[str, ...]
    """Questions and approvals that count no more."""
    records: tuple[dict[str, Any], ...]
    """What a trace that carries on begins with."""
    link: dict[str, Any]
    """For its header, under ``recovers``: which trace, how many records, the SHA-256 of the last."""


def recover(path: Path, *, ledger: Path | None = None, clock: Clock = time.time_ns) -> Recovery:
    """Return what the trace at ``path`` comes down to; end it if it has no end yet.

    Holds its lock meanwhile. Raises ``TraceError`` if a writer is still alive, if
    the trace is not what was written, or if the end can't be written; then
    nothing but the torn bytes was changed. FileNotFoundError if there is none.
    """
    store = FileStore.reopen(path)
    try:
        header = read_header(path)
        book = Ledger(path.parent / NAME if ledger is None else ledger)
        entry = book.find(header["trace"], path)
        verified, found = replay(path, Held(entry=entry), torn_end=True)
        torn = _torn(path)
        if verified.ending != "open":
            return _recovery(header["trace"], found, clean=verified.ending == "closed", torn=torn, seen=path)
        _take_away(store, torn)
        unknown = tuple(sorted(map(int, found.in_flight)))
        records = _ending(found, torn)
        data = b""
        seq, prev = verified.records, verified.last
        for record in records:
            line = (canonical.prefix(prev, seq, clock()) + canonical.body(record)).encode("ascii")
            seq, prev = seq + 1, sha256(line).hexdigest()
            data += line + b"\n"
        store.write(data)
        store.sync()
        if entry is not None and entry.trace == header["trace"]:
            ended = {"event": "close", "trace": entry.trace, "size": seq, "last": prev}
            book.append({**ended, "reason": records[-1]["reason"], "time_ns": clock()})
        return _recovery(header["trace"], found, clean=False, torn=torn, seen=path, unknown=unknown)
    finally:
        store.close()


def _ending(found: Replayed, torn: bytes) -> list[dict[str, Any]]:
    """Return the records that end a trace for its writer."""
    lost = [
        {
            "type": "result",
            "principal": name,
            "of": int(of),
            "outcome": "unknown",
            "bytes": 0,
            "digest": "",
            "error": "unclean end",
        }
        for of, name in sorted(found.in_flight.items(), key=lambda item: int(item[0]))
    ]
    reason = "unclean end"
    if torn:
        reason += f"; a torn record of {len(torn)} bytes was taken away, SHA-256 {sha256(torn).hexdigest()}"
    return [*lost, *_changes(found.states), {"type": "close", "reason": reason}]


def _changes(states: dict[str, State]) -> list[dict[str, Any]]:
    return [
        {"type": "change", "principal": name, "what": "recover", "args": [], "state": ints(absorb(state, ALL_SEEN))}
        for name, state in states.items()
    ]


def _recovery(
    trace: str, found: Replayed, *, clean: bool, torn: bytes, seen: Path, unknown: tuple[int, ...] = ()
) -> Recovery:
    states = found.states if clean else {name: absorb(state, ALL_SEEN) for name, state in found.states.items()}
    records = () if clean else tuple(_changes(states))
    size, last = 0, b""
    for lines in Reader(seen):
        size, last = size + len(lines), lines[-1]
    link = {"trace": trace, "records": size, "last": sha256(last).hexdigest()}
    return Recovery(trace, clean, len(torn), dict(states), unknown, tuple(found.questions), records, link)


def _torn(path: Path) -> bytes:
    reader = Reader(path)
    for _ in reader:
        pass
    return reader.torn


def _take_away(store: FileStore, torn: bytes) -> None:
    if torn:
        if os.fstat(store.fileno()).st_size != store.size:
            raise TraceError("another process changed the file while it was recovered", path=str(store.path))
        store.truncate(store.size - len(torn))
