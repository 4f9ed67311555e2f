"""The session ledger: what a user's machine remembers of every trace, apart from the trace.

One append-only file (0600) of canonical JSON lines in the state directory:

open        trace, path, header (SHA-256 of the header line), key
checkpoint  trace, size, note
close       trace, size, last (SHA-256 of the last line), reason

With it, ``verify`` knows the first key, and how far the trace had come: a cut
tail, a fork or another file in its place stand out.

What is not done: whoever can write both the trace and the ledger can bring them
in line. A ``--witness`` on another machine, or held checkpoints, see that too.
"""

import os
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import TraceError
from nucleus.lean import dataclass
from nucleus.trace import canonical, note
from nucleus.trace.store import APPEND_FLAGS, READ_FLAGS, lock, sync_directory, verify_directory

NAME: Final = "ledger.jsonl"
LEDGER_LIMIT: Final = 1 << 28
"""Bytes that a reader takes. Hundreds of thousands of checkpoints."""


@final
@dataclass(frozen=True, slots=True)
class Entry:
    """What the ledger holds of one trace."""

    trace: str
    path: str
    header: str
    key: str
    notes: tuple[str, ...] = ()
    """The checkpoints, oldest first."""
    closed: int = -1
    """Records of the finished trace, -1 while it is open."""
    last: str = ""
    """Hex SHA-256 of its last line."""


class Ledger:
    """The ledger file at ``path``. Reading needs no lock: lines are appended whole."""

    __slots__ = ("path",)

    def __init__(self, path: Path) -> None:
        self.path = path

    def append(self, fields: dict[str, Any]) -> None:
        """Add one line, on disk afterwards. Raises ``TraceError``."""
        line = canonical.encode(fields) + b"\n"
        verify_directory(self.path.parent)
        try:
            fd = os.open(self.path, APPEND_FLAGS | os.O_CREAT, 0o600)
        except OSError as error:
            raise TraceError(f"can't open the ledger: {error.strerror}", path=str(self.path)) from error
        try:
            lock(fd, self.path, wait=True)
            try:
                size = _whole_lines(fd)
                _write_whole(fd, line, size)
                os.fsync(fd)
            except OSError as error:
                raise TraceError(f"can't write the ledger: {error.strerror}", path=str(self.path)) from error
        finally:
            os.close(fd)
        if size == 0:
            sync_directory(self.path.parent)

    def find(self, trace: str, path: Path) -> Entry | None:
        """Return what is held of ``trace``, or else of the newest trace at ``path``, or None.

        An entry for the path with another ``trace`` means that the file was
        replaced; ``verify`` says so. Raises ``TraceError`` for a malformed ledger.
        """
        entries = self.entries()
        if trace in entries:
            return entries[trace]
        here = os.path.abspath(path)  # not resolve(): a link in the path must not be followed
        return next((entry for entry in reversed(entries.values()) if entry.path == here), None)

    def entries(self) -> dict[str, Entry]:
        """Return every trace held, oldest first. A ledger that does not exist holds none."""
        found: dict[str, Entry] = {}
        for number, line in enumerate(self._lines(), 1):
            try:
                _take(found, canonical.parse(line))
            except (TraceError, KeyError, TypeError) as error:
                what = f"line {number} of the ledger is not one that a writer writes: {error}"
                raise TraceError(what, path=str(self.path)) from error
        return found

    def _lines(self) -> list[bytes]:
        try:
            fd = os.open(self.path, READ_FLAGS)
        except FileNotFoundError:
            return []
        except OSError as error:
            raise TraceError(f"can't read the ledger: {error.strerror}", path=str(self.path)) from error
        with os.fdopen(fd, "rb") as file:
            data = file.read(LEDGER_LIMIT + 1)
        if len(data) > LEDGER_LIMIT:
            raise TraceError("the ledger is larger than any that a writer writes", path=str(self.path))
        return data.split(b"\n")[:-1]


def _take(found: dict[str, Entry], line: dict[str, Any]) -> None:
    """Add one line of the ledger to ``found``."""
    trace = line["trace"]
    if line["event"] == "open":
        note.parse_key(line["key"])
        found[trace] = Entry(trace, line["path"], line["header"], line["key"])
        return
    old = found[trace]
    if line["event"] == "checkpoint":
        found[trace] = Entry(trace, old.path, old.header, old.key, (*old.notes, line["note"]))
    else:
        found[trace] = Entry(trace, old.path, old.header, old.key, old.notes, line["size"], line["last"])


def _whole_lines(fd: int) -> int:
    """Return the size of the file without a torn last line, and cut that away: its append never returned."""
    size = whole = os.fstat(fd).st_size
    tail = b""
    while whole > 0 and b"\n" not in tail:
        step = min(whole, 4096)
        whole -= step
        tail = os.pread(fd, step, whole)
    whole += tail.rfind(b"\n") + 1
    if whole != size:
        os.ftruncate(fd, whole)
    return whole


def _write_whole(fd: int, line: bytes, size: int) -> None:
    """Write all of ``line`` at the end or nothing."""
    try:
        written = os.write(fd, line)
        while written < len(line):
            written += os.write(fd, line[written:])
    except OSError:
        os.ftruncate(fd, size)
        raise
