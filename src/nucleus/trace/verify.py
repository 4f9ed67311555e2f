"""Verification: the lines are the ones that were written, as far as that can be known.

Three bonds, from weak to strong:

chain       each line commits to the one before, byte for byte
checkpoint  a key that was erased since signed the Merkle root over all lines
            before it; the header names the first key, each checkpoint the next
held        a checkpoint or ledger entry kept outside of the file agrees

Without the third, somebody who rewrote the whole file, or cut its tail, can't
be told from the writer: ``complete`` is then False and the verdict is
"consistent, completeness unknown".

The fast path does not parse records. It binds their bytes; whether they have
the canonical form and what they say is judged by ``replay`` and by every
reader (``reader.read_records``), which accept no other form. Header,
checkpoints, and all lines that no verified checkpoint covers are parsed here.
"""

from collections.abc import Callable, Sequence
from itertools import chain
from pathlib import Path
from typing import Final, final

from nucleus.errors import TraceError
from nucleus.lean import dataclass, field
from nucleus.trace import checkpoint, note
from nucleus.trace.chain import GENESIS, verify_block
from nucleus.trace.checkpoint import Checkpoint
from nucleus.trace.ledger import Entry
from nucleus.trace.merkle import Frontier
from nucleus.trace.note import VerifierKey
from nucleus.trace.reader import Reader, parse_record, torn_error

BACKLOG: Final = 64 * 1024
"""Lines that may wait for a checkpoint before they are parsed; bounds the memory that a hostile file takes."""
_MARK: Final = b'"type":"checkpoint"'
_MARK_PLACE: Final = (92, 160)
"""Where it stands: after at most 16 digits of seq and 19 of time. Elsewhere it makes no checkpoint, and a line
without one is at most not certified."""

OnBlock = Callable[[Sequence[bytes], int], None]


@final
@dataclass(frozen=True, slots=True)
class Held:
    """What is known of a trace from outside of its file. All empty: nothing is."""

    notes: tuple[bytes, ...] = ()
    """Signed checkpoints, in any order."""
    entry: Entry | None = None
    """What the session ledger holds."""


@final
@dataclass(frozen=True, slots=True)
class Verified:
    """What is true of a trace that verified."""

    trace: str
    records: int
    checkpoints: int
    certified: int
    """Records under a signature of the trace's keys."""
    held: int
    """Records under a checkpoint held outside of the file; 0 if none is held."""
    complete: bool
    """Whether something held outside vouches that nothing before ``held`` is missing or replaced."""
    last: str
    """Hex SHA-256 of the last record's line."""
    ending: str
    """``closed`` by the writer's last checkpoint, ``recovered`` after an unclean end, or ``open``."""

    def summary(self) -> str:
        """Return one line for a person."""
        if not self.complete:
            return (
                f"consistent, completeness unknown: {self.records} records, {self.certified} under the trace's own "
                "signatures; no checkpoint is held outside of the file"
            )
        rest = self.records - self.held
        signed = max(0, self.certified - self.held)
        later = "" if rest <= 1 else f"; {rest} later records are consistent, {signed} of them signed"
        return f"verified: {self.records} records, {self.ending}; complete to record {self.held}{later}"


@final
@dataclass(slots=True)
class _Walk:
    """How far the walk over the lines has come."""

    held: dict[int, Checkpoint]
    prev: str = GENESIS
    count: int = 0
    trace: str = ""
    key: VerifierKey | None = None
    closed: bool = False
    checkpoints: int = 0
    certified: int = 0
    frontier: Frontier = field(default_factory=Frontier)
    uncertified: list[Sequence[bytes]] = field(default_factory=list)
    """The lines since the last verified checkpoint, its own included, but for those parsed already."""
    parsed: int = 0
    """The number of the first line in ``uncertified``."""
    ended: bool = False
    """Whether a close record stands among the lines that no checkpoint covers."""
    agreed: int = 0
    """The largest held size whose root agreed: the records before it are the ones that were certified."""


def verify(
    path: Path,
    held: Held | None = None,
    *,
    data: bytes | None = None,
    on_block: OnBlock | None = None,
    torn_end: bool = False,
) -> Verified:
    """Return what is true of the trace at ``path`` (or in ``data``), all bonds checked.

    ``on_block`` sees each block of lines after its chain was checked. With
    ``torn_end`` a torn last record counts as absent; recovery deals with it. Raises
    ``TraceError`` that names the first bad record and what was done to it,
    FileNotFoundError if there is no file.
    """
    held = held or Held()
    walk = _Walk(_held_sizes(held))
    reader = Reader(path, data)
    try:
        for lines in reader:
            _block(walk, lines, held)
            if on_block is not None:
                on_block(lines, walk.count - len(lines))
        if walk.count == 0:
            raise _torn_header()
        _end(walk, held, b"" if torn_end else reader.torn)
    except TraceError as error:
        raise error if error.path else TraceError(error.message, path=str(path), record=error.record) from error
    known = max(walk.held, default=0)
    finished = held.entry is not None and held.entry.closed == walk.count
    return Verified(
        trace=walk.trace,
        records=walk.count,
        checkpoints=walk.checkpoints,
        certified=walk.certified,
        held=walk.count if finished else known,
        complete=finished or known > 0,
        last=walk.prev,
        ending="closed" if walk.closed else "recovered" if walk.ended else "open",
    )


def _held_sizes(held: Held) -> dict[int, Checkpoint]:
    """Return the held checkpoints by size. Raises ``TraceError`` if one is no checkpoint, or two disagree."""
    found: dict[int, Checkpoint] = {}
    texts = [("the held checkpoint", data) for data in held.notes]
    if held.entry is not None:
        texts += [("the ledger", text.encode()) for text in held.entry.notes]
    for where, data in texts:
        try:
            point = checkpoint.parse(note.parse(data).text)
        except TraceError as error:
            raise TraceError(f"{where}: {error.message}") from error
        other = found.setdefault(point.size, point)
        if other.root != point.root:
            raise TraceError(f"fork: two held checkpoints of {point.size} records disagree", record=point.size)
    return found


def _block(walk: _Walk, lines: Sequence[bytes], held: Held) -> None:
    """Check one block: chain, then up to each checkpoint or held size in it, tree and signature."""
    start = walk.count
    digests = verify_block(lines, start, walk.prev)
    if start == 0:
        _header(walk, lines[0], digests[0].hex(), held)
    marks = {index for index, line in enumerate(lines) if line.find(_MARK, *_MARK_PLACE) > 0}
    stops = sorted(marks | {size - start for size in walk.held if start <= size < start + len(lines)})
    done = 0
    for stop in stops:
        _grow(walk, lines, digests, done, stop)
        done = stop
        _agree(walk)
        if stop in marks:
            _certify(walk, lines[stop])
        elif walk.count in walk.held:
            raise TraceError("deleted: a held checkpoint's own record should stand here", record=walk.count)
    _grow(walk, lines, digests, done, len(lines))
    walk.prev = digests[-1].hex()


def _grow(walk: _Walk, lines: Sequence[bytes], digests: list[bytes], done: int, stop: int) -> None:
    """Take lines ``done`` to ``stop`` into the tree; they wait for the checkpoint that covers them."""
    if walk.closed and walk.count + stop - done > walk.certified + 1:
        raise TraceError("inserted: a record after the last checkpoint of a closed trace", record=walk.certified + 1)
    walk.frontier.extend(digests[done:stop])
    walk.uncertified.append(lines[done:stop])
    walk.count += stop - done
    if walk.count - walk.parsed > BACKLOG:
        _parse_waiting(walk)


def _parse_waiting(walk: _Walk) -> None:
    """Parse the lines that no checkpoint covers. Raises ``TraceError`` for one that can't stand where it stands."""
    for line in chain.from_iterable(walk.uncertified):
        kind = parse_record(line, walk.parsed)["type"]
        if kind == "header" and walk.parsed > 0:
            raise TraceError("inserted: a second header", record=walk.parsed)
        if walk.ended and kind != "checkpoint":
            raise TraceError("inserted: a record after the close of the trace", record=walk.parsed)
        walk.ended = walk.ended or kind == "close"
        walk.parsed += 1
    walk.uncertified.clear()


def _agree(walk: _Walk) -> None:
    """Know that the tree has the root that a held checkpoint of its size has."""
    point = walk.held.get(walk.count)
    if point is None:
        return
    if checkpoint.ORIGIN + walk.trace != point.origin:
        raise _swapped()
    if walk.frontier.root() != point.root:
        since = f"records {walk.agreed} to {walk.count - 1}" if walk.agreed else f"the first {walk.count} records"
        raise TraceError(
            f"fork: {since} are not the ones that the held checkpoint of {walk.count} certifies", record=walk.agreed
        )
    walk.agreed = walk.count


def _header(walk: _Walk, line: bytes, digest: str, held: Held) -> None:
    record = parse_record(line, 0)
    if record["type"] != "header":
        raise TraceError("deleted: the first record is not a header", record=0)
    walk.trace = record["trace"]
    walk.key = _key(record["key"], 0)
    if walk.key.name != checkpoint.ORIGIN + walk.trace:
        raise TraceError("the header's key belongs to another trace", record=0)
    entry = held.entry
    if entry is None:
        return
    if entry.trace != walk.trace:
        raise TraceError(f"whole-file swap: the ledger knows trace {entry.trace:.40} at this path", record=0)
    if (entry.header, entry.key) != (digest, record["key"]):
        raise TraceError("whole-file swap: the header is not the one in the ledger", record=0)


def _certify(walk: _Walk, line: bytes) -> None:
    """Check the checkpoint in ``line``, the next to be counted: place, root, time and signature."""
    number = walk.count
    record = parse_record(line, number)
    if record["type"] != "checkpoint":
        return
    if walk.key is None:
        raise TraceError("forged: a checkpoint after the last one, whose key signs nothing", record=number)
    try:
        signed = note.parse(record["note"].encode())
        point = checkpoint.parse(note.verify(signed, [walk.key]))
    except TraceError as error:
        raise TraceError(f"forged: {error.message}", record=number) from error
    if len(signed.signatures) != 1 or (point.size, point.time_ns) != (number, record["time_ns"]):
        raise TraceError("forged: a checkpoint that was made for another place", record=number)
    if point.root != walk.frontier.root():
        raise TraceError(
            f"edited, and the chain recomputed: one of records {walk.certified} to {number - 1} is not what was signed",
            record=walk.certified,
        )
    if walk.held.get(number, point) != point:
        raise TraceError("fork: this checkpoint is not the one that is held", record=number)
    walk.key = point.next_key
    walk.closed = point.next_key is None
    walk.checkpoints += 1
    walk.certified = walk.parsed = number
    walk.uncertified.clear()
    walk.ended = False


def _end(walk: _Walk, held: Held, torn: bytes) -> None:
    """Check what only the end shows: a torn record, a cut tail, the form of lines that nothing covers."""
    # INVARIANT: the last line is bound by no link. It is a verified checkpoint, every byte of which its own
    # signature and the link before it determine, or it is parsed here and counts as not certified.
    _parse_waiting(walk)
    if torn:
        raise torn_error(walk.count, torn)
    # A checkpoint is a record before it is handed out, so the record of a held one must be there.
    beyond = max((size for size in walk.held if size >= walk.count), default=-1)
    if beyond >= 0:
        if walk.held[beyond].origin != checkpoint.ORIGIN + walk.trace:
            raise _swapped()
        raise TraceError(
            f"cut tail: a held checkpoint certifies {beyond} records before it, the file has {walk.count} in all",
            record=walk.count,
        )
    entry = held.entry
    if entry is None or entry.closed < 0:
        return
    if entry.closed != walk.count:
        what = "cut tail" if entry.closed > walk.count else "inserted at the end"
        raise TraceError(
            f"{what}: the ledger closed the trace at {entry.closed} records, the file has {walk.count}",
            record=min(walk.count, entry.closed),
        )
    if entry.last != walk.prev:
        raise TraceError(
            "fork: the last records are not the ones that the ledger closed the trace with", record=walk.agreed
        )


def _key(text: str, number: int) -> VerifierKey:
    try:
        return note.parse_key(text)
    except TraceError as error:
        raise TraceError(error.message, record=number) from error


def _torn_header() -> TraceError:
    return TraceError("no header: the file holds no whole record", record=0)


def _swapped() -> TraceError:
    return TraceError("whole-file swap: the held checkpoint is of another trace", record=0)
