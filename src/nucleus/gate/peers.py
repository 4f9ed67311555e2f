"""Who is at the other end of a local socket, and who started whom.

A process is named by its number *and* its start time: numbers are reused,
the pair is not. Everything is read from ``/proc`` and from the kernel's own
record of the peer (unix(7) SO_PEERCRED, SO_PEERPIDFD since Linux 6.5), never
from what the peer says of itself.

Not done here: a process whose parent ended is adopted by init or by a
subreaper, so a descendant that detaches on purpose (double fork) no longer
descends from anybody below those. ``descends_from`` stops mistakes and
straightforward self-approval; only a sealed or contained client is kept from
detaching at all.
"""

import os
import socket
import struct
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass

SO_PEERPIDFD: Final = 77
"""asm-generic/socket.h; the socket module of Python 3.11 has no name for it."""
CHAIN_LIMIT: Final = 4096
"""Parents followed at most. A chain this long is not a process tree; it is refused."""
_CREDENTIALS: Final = struct.Struct("iii")
_PARENT: Final = 1
_START: Final = 19
"""Fields of ``/proc/PID/stat`` after the closing bracket of the name, counted from 0 (proc(5))."""


@final
@dataclass(frozen=True, slots=True)
class Process:
    """A process that will never be taken for another one. ``start`` is in clock ticks since boot."""

    pid: int
    parent: int
    start: int


@final
@dataclass(frozen=True, slots=True)
class Peer:
    """Who opened the other end of a local socket."""

    pid: int
    uid: int
    gid: int
    start: int
    pinned: bool
    """Whether the kernel named the process itself (SO_PEERPIDFD) and not only its number."""


def process_of(pid: int) -> Process:
    """Return the living process that has this number now.

    Raises ProcessLookupError if there is none, CannotEnforce if ``/proc`` can't be read.
    """
    try:
        with Path(f"/proc/{pid}/stat").open("rb") as file:
            line = file.read()
    except (FileNotFoundError, ProcessLookupError):
        if not Path("/proc/self/stat").exists():
            raise CannotEnforce(
                "a process can't be identified", why="/proc is not there", fix="mount -t proc proc /proc (Linux only)"
            ) from None
        raise ProcessLookupError(f"process {pid} is gone") from None
    except PermissionError:
        raise CannotEnforce(
            "a process can't be identified",
            why=f"/proc/{pid} is not readable",
            fix="run the gate as the user of its client, or mount /proc without hidepid",
        ) from None
    return parse_stat(line)


def lives(process: Process) -> bool:
    """Whether a process is still there, and no other under its number."""
    try:
        return process_of(process.pid).start == process.start
    except ProcessLookupError:
        return False


def parse_stat(line: bytes) -> Process:
    """Return what one line of ``/proc/PID/stat`` says.

    A process chooses its own name, and the name may hold spaces, brackets and
    newlines: fields are counted from the *last* closing bracket. Raises
    ValueError for anything else than such a line.
    """
    number, opening, _ = line.partition(b" (")
    _, closing, tail = line.rpartition(b") ")
    fields = tail.split()
    if not opening or not closing or len(fields) <= _START:
        raise ValueError(f"not a line of /proc/PID/stat: {line[:80]!r}")
    return Process(int(number), int(fields[_PARENT]), int(fields[_START]))


def descends_from(pid: int, ancestor: Process) -> bool:
    """Whether ``pid`` is ``ancestor`` or was started by it, directly or through living processes.

    A parent younger than its child is a reused number and ends the walk: the
    true parent is gone. Raises ProcessLookupError if ``pid`` itself is gone
    or ends during the walk, CannotEnforce if the walk can't be finished.
    """
    first = current = process_of(pid)
    for _ in range(CHAIN_LIMIT):
        if (current.pid, current.start) == (ancestor.pid, ancestor.start):
            return True
        if current.parent == 0:
            return _still(first)
        try:
            above = process_of(current.parent)
        except ProcessLookupError:
            # The parent ended between two reads: the child has been adopted, so its line is read again.
            current = process_of(current.pid)
            continue
        if above.start > current.start:
            return _still(first)
        current = above
    raise CannotEnforce(
        "a caller's ancestors can't be followed",
        why=f"more than {CHAIN_LIMIT} steps from process {pid}",
        fix="call from an ordinary terminal",
    )


def _still(process: Process) -> bool:
    """Return False ("no descendant") if ``process`` still is what it was; raises ProcessLookupError else."""
    if process_of(process.pid).start != process.start:
        raise ProcessLookupError(f"process {process.pid} ended while it was identified")
    return False


def peer_of(sock: socket.socket) -> Peer:
    """Return the process that opened the other end of a connected local socket.

    For a socketpair this is the process that made the pair, not one that
    inherited an end of it. Raises ProcessLookupError if that process is gone,
    CannotEnforce where the kernel keeps no such record.
    """
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size)
    except (AttributeError, OSError) as error:
        raise CannotEnforce(
            "the caller can't be identified", why=str(error), fix="use a connected unix socket on Linux"
        ) from error
    pid, uid, gid = _CREDENTIALS.unpack(raw)
    if pid <= 0:
        raise ProcessLookupError("the caller is gone, or lives in a process namespace that is not visible from here")
    pidfd, pinned = _pidfd_of(sock, pid)
    try:
        start = process_of(pid).start
        # INVARIANT: the descriptor is asked after the start time was read; if it still names this
        # number, the start time belongs to the peer and not to a later owner of the number.
        if _pid_behind(pidfd) != pid:
            raise ProcessLookupError(f"process {pid} ended while it was identified")
    finally:
        os.close(pidfd)
    return Peer(pid, uid, gid, start, pinned)


def _pidfd_of(sock: socket.socket, pid: int) -> tuple[int, bool]:
    """Return a descriptor for the peer, and whether it came with the socket."""
    try:
        raw = sock.getsockopt(socket.SOL_SOCKET, SO_PEERPIDFD, 4)
    except OSError:
        return os.pidfd_open(pid), False
    return struct.unpack("i", raw)[0], True


def _pid_behind(pidfd: int) -> int:
    """Return the number of the process behind a pidfd, -1 once it was reaped."""
    with Path(f"/proc/self/fdinfo/{pidfd}").open("rb") as file:
        for line in file:
            if line.startswith(b"Pid:"):
                return int(line.split()[1])
    return -1
