"""The writer: a record is in the chain, and as durable as promised, before its effect.

``append``      the record is in the file (it survives the death of this process)
``sync``        everything appended survives a power cut
``checkpoint``  everything appended is certified, on disk, and in the ledger

A caller syncs before every effect with a sink and before every spent approval.
Records of sink-free calls are synced in groups: at the latest with the
``GROUP_RECORDS``-th, or with the first append after ``GROUP_NS``.

Durability ``buffered`` keeps lines in memory until ``sync`` and never waits for the disk.
It is for tests and measurements, and the header says so.

INVARIANT: after an exception from ``append`` or ``append_all`` the trace holds
none of their records, or the writer refuses everything from then on
(tests/trace/test_writer.py fills a disk at every byte).
"""

import os
import secrets
import time
from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any, Final

from nucleus.errors import TraceError
from nucleus.trace import canonical
from nucleus.trace.chain import GENESIS
from nucleus.trace.checkpoint import Signer
from nucleus.trace.ledger import NAME, Ledger
from nucleus.trace.merkle import Frontier
from nucleus.trace.record import CHAINED, VERSION, Ref, verify_shape
from nucleus.trace.store import FileStore, MemoryStore, Store
from nucleus.trace.witness import Witness

SYNC: Final = "sync"
BUFFERED: Final = "buffered"
GROUP_RECORDS: Final = 4096
GROUP_NS: Final = 50_000_000
"""A power cut loses at most this much of sink-free records; recovery then assumes the worst exposure."""
BUFFER_BYTES: Final = 64 * 1024
CHECKPOINT_RECORDS: Final = 4096
"""After so many records ``due`` says that a checkpoint should follow."""
PART_BYTES: Final = 64 * 1024 * 1024
"""A checkpoint beyond this size ends the part; the next one carries the chain on."""

Clock = Callable[[], int]
"""Nanoseconds of wall clock, for people who read the trace. Nothing is decided by it."""


class TraceWriter:
    """Appends to one trace, alone. Made by ``create`` or ``in_memory``."""

    def __init__(self, store: Store, trace: str, clock: Clock, *, durability: str, part_bytes: int) -> None:
        self.trace = trace
        self.next_seq = 0
        self._store = store
        self._clock = clock
        self._waits = durability == SYNC
        self._part_bytes = part_bytes
        self._prev = GENESIS
        self._signer = Signer(trace)
        self._frontier = Frontier()
        self._entries: list[bytes] = []
        self._pending: list[bytes] = []
        self._pending_bytes = 0
        self._unsynced = 0
        self._synced_at = time.monotonic_ns()
        self._ledger: Ledger | None = None
        self._witness: Witness | None = None
        self._refused = ""

    @classmethod
    def create(
        cls,
        directory: Path,
        header: dict[str, Any],
        *,
        witness: Path | None = None,
        durability: str = SYNC,
        clock: Clock = time.time_ns,
        ledger: Path | None = None,
        part_bytes: int = PART_BYTES,
    ) -> "TraceWriter":
        """Return the writer of a new trace in ``directory``, its header on disk and in the ledger.

        ``header`` holds kernel, policy, level, containment, principal and
        state; version, trace id, first key, times and durability are added.
        The ledger is ``directory/ledger.jsonl`` unless another is named.
        Raises ``TraceError`` if the directory is not ours alone or can't be
        written, ``CannotEnforce`` where files can't be locked.
        """
        trace = secrets.token_hex(16)
        store = FileStore.create(directory / f"{trace}.jsonl")
        try:
            writer = cls(store, trace, clock, durability=_durability(durability), part_bytes=part_bytes)
            writer._witness = None if witness is None else Witness(witness, trace)
            writer._begin(header, durability)
            writer._ledger = Ledger(directory / NAME if ledger is None else ledger)
            opened = {
                "event": "open",
                "trace": trace,
                "path": os.path.abspath(store.path),
                "header": writer._prev,
                "key": str(writer._signer.public()),
                "time_ns": clock(),
            }
            writer._ledger.append(opened)
        except BaseException:
            store.close()
            store.path.unlink(missing_ok=True)
            raise
        return writer

    @classmethod
    def in_memory(
        cls, header: dict[str, Any], *, clock: Clock = time.time_ns, part_bytes: int = PART_BYTES
    ) -> "TraceWriter":
        """Return a writer with the same behaviour that keeps its lines in memory (``lines``)."""
        trace = secrets.token_hex(16)
        writer = cls(MemoryStore(), trace, clock, durability=BUFFERED, part_bytes=part_bytes)
        writer._begin(header, BUFFERED)
        return writer

    @property
    def path(self) -> Path:
        """Return the first file of the trace."""
        return self._store.path

    @property
    def due(self) -> bool:
        """Whether enough was appended that a checkpoint should follow. The writer never adds one by itself."""
        return len(self._entries) >= CHECKPOINT_RECORDS

    def append(self, record: dict[str, Any]) -> Ref:
        """Add one record, chained and in the file afterwards.

        Raises ``TraceError`` if it has no canonical form or can't be written;
        then the trace is as it was.
        """
        seq = self.next_seq
        text = canonical.body(record)
        line = f'{{"prev":"{self._prev}","seq":{seq},"time_ns":{self._clock()}{text}'.encode("ascii")
        raw = sha256(line).digest()
        self._write(line + b"\n")
        self._entries.append(raw)
        self._prev = raw.hex()
        self.next_seq = seq + 1
        if self._waits:
            self._grouped(1)
        return Ref(seq, raw)

    def append_all(self, records: Sequence[dict[str, Any]]) -> list[Ref]:
        """Add the records of one step with one write: all of them or none. Raises ``TraceError``."""
        prev, refs, lines = self._prev, [], []
        for seq, record in enumerate(records, self.next_seq):
            text = canonical.body(record)
            line = (canonical.prefix(prev, seq, self._clock()) + text).encode("ascii")
            raw = sha256(line).digest()
            prev = raw.hex()
            refs.append(Ref(seq, raw))
            lines.append(line + b"\n")
        if refs:
            self._write(b"".join(lines))
            self._entries += [ref.digest for ref in refs]
            self._prev = prev
            self.next_seq += len(refs)
            if self._waits:
                self._grouped(len(refs))
        return refs

    def sync(self) -> None:
        """Return when every record is on disk. Raises ``TraceError``, and then refuses for good."""
        self._flush()
        if self._waits:
            self._guard(self._store.sync)
        self._unsynced = 0
        self._synced_at = time.monotonic_ns()

    def checkpoint(self) -> str:
        """Certify everything appended, and return the signed note. Its key is gone afterwards.

        The record is on disk, the note in the ledger and at the witness.
        Raises ``TraceError``; a note that did not reach ledger or witness
        makes the writer refuse for good.
        """
        return self._certify(last=False)

    def close(self, reason: str) -> str:
        """End the trace: a close record and the last checkpoint, which names no next key.

        The files are released even if that fails. Raises ``TraceError``; the
        trace then has an unclean end, which ``recover`` finds.
        """
        try:
            self.append({"type": "close", "reason": reason})
            signed = self._certify(last=True)
            if self._ledger is not None:
                ended = {"event": "close", "trace": self.trace, "size": self.next_seq, "last": self._prev}
                self._ledger.append({**ended, "reason": reason, "time_ns": self._clock()})
        finally:
            self._refused = self._refused or "the trace is closed"
            self._store.close()
        return signed

    def abandon(self) -> None:
        """Release the files without an end, as the death of the process would. ``recover`` finds it so."""
        self._refused = "the trace was abandoned"
        self._store.close()

    def lines(self) -> bytes:
        """Return what a writer in memory has written, all parts. Raises ``TraceError`` for one on files."""
        if not isinstance(self._store, MemoryStore):
            raise TraceError("this writer keeps its lines in files; read them there", path=str(self.path))
        return b"".join([*self._store.parts, *self._pending])

    def _begin(self, header: dict[str, Any], durability: str) -> None:
        record = {
            "boot_ns": _boot_ns(),
            **header,
            "type": "header",
            "v": VERSION,
            "trace": self.trace,
            "key": str(self._signer.public()),
            "durability": durability,
        }
        if not CHAINED.isdisjoint(header):
            record = {name: value for name, value in record.items() if name not in CHAINED}
        verify_shape(record)
        self.append(record)
        self.sync()

    def _certify(self, *, last: bool) -> str:
        self._flush()
        self._frontier.extend(self._entries)
        self._entries.clear()
        now = self._clock()
        signed, following = self._signer.prepare(self.next_seq, self._frontier.root(), now, last=last)
        text = canonical.body({"type": "checkpoint", "note": signed})
        line = (canonical.prefix(self._prev, self.next_seq, now) + text).encode("ascii")
        digest = sha256(line)
        self._write(line + b"\n")
        self._entries.append(digest.digest())
        self._prev = digest.hexdigest()
        self.next_seq += 1
        self.sync()
        self._signer.evolve(following)
        self._publish(signed)
        if not last and self._store.size >= self._part_bytes:
            self._guard(self._store.rotate)
        return signed

    def _publish(self, signed: str) -> None:
        """Hand the note to ledger and witness."""
        size = self.next_seq - 1
        ledger, witness = self._ledger, self._witness
        if ledger is not None:
            entry = {"event": "checkpoint", "trace": self.trace, "size": size, "note": signed}
            self._guard(lambda: ledger.append(entry))
        if witness is not None:
            self._guard(lambda: witness.keep(size, signed))

    def _write(self, data: bytes) -> None:
        if self._refused:
            raise TraceError(self._refused, path=str(self.path))
        if self._waits:
            self._store.write(data)
            return
        self._pending.append(data)
        self._pending_bytes += len(data)
        if self._pending_bytes >= BUFFER_BYTES:
            self._flush()

    def _flush(self) -> None:
        if self._refused:
            raise TraceError(self._refused, path=str(self.path))
        if self._pending:
            data = b"".join(self._pending)
            self._pending.clear()
            self._pending_bytes = 0
            # Their records were acknowledged already, so a failure here can't be undone.
            self._guard(lambda: self._store.write(data))

    def _grouped(self, records: int) -> None:
        """Sync a group of sink-free records that is large or old."""
        self._unsynced += records
        if self._unsynced >= GROUP_RECORDS or time.monotonic_ns() - self._synced_at >= GROUP_NS:
            self.sync()

    def _guard(self, action: Callable[[], object]) -> None:
        """Do what can't be taken back: a failure ends the writer."""
        try:
            action()
        except TraceError as error:
            self._refused = f"the trace can't be carried on: {error.message}"
            raise


def _durability(durability: str) -> str:
    if durability not in {SYNC, BUFFERED}:
        raise TraceError(f"durability is 'sync' or 'buffered', not {durability!r:.40}")
    return durability


def _boot_ns() -> int:
    """Return nanoseconds since boot, suspended time included, -1 where the system does not say."""
    clock = getattr(time, "CLOCK_BOOTTIME", None)
    return -1 if clock is None else time.clock_gettime_ns(clock)
