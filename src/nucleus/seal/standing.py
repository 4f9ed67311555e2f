"""What must be true of a process before it can be sealed. Reads ``/proc``, changes nothing.

A seal binds the calling thread and what it starts later. Whatever else
already acts for the process would stay free: other threads, children, open
files and sockets, memory shared with others. Each is refused with its fix.

The checks find mistakes, not accomplices: code that ran here before the seal
had all the authority of the user and may have started a process that no check
of this process can find. Seal before anything untrusted is imported or read.
"""

import os
import re
import stat
from collections.abc import Collection, Iterator
from pathlib import Path
from typing import Final

from nucleus.errors import CannotEnforce

_WALL: Final = 0x40000000
"""__WALL of wait(2): children of every kind."""
_ZOMBIE: Final = "Z"
_SHARED: Final = re.compile(r"^[0-9a-f]+-[0-9a-f]+ ...s ")
_NOT_SEALED: Final = "the process can't be sealed"


def one_thread() -> None:
    """Return if this process has one thread. Raises CannotEnforce."""
    threads = len(os.listdir("/proc/self/task"))
    if threads != 1:
        raise CannotEnforce(
            _NOT_SEALED,
            why=f"it has {threads} threads, and a seal binds only the calling one",
            fix="seal before threads, executors and libraries with thread pools (OPENBLAS_NUM_THREADS=1) are started",
        )


def no_children(known: Collection[int] = ()) -> None:
    """Return if this process has no living child but ``known``. Raises CannotEnforce."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT | _WALL)
    except ChildProcessError:
        return
    strange = [child for child in _children() if child not in known]
    if strange:
        raise CannotEnforce(
            _NOT_SEALED,
            why=f"it has started processes that would stay unsealed: {', '.join(map(str, sorted(strange)))}",
            fix="end them and wait for them first, or seal before starting them through the gate",
        )


def _children() -> Iterator[int]:
    """Yield the living children. All processes are looked at: ``children`` in /proc is a kernel option."""
    mine = str(os.getpid())
    for entry in os.listdir("/proc"):
        if not entry.isdigit():
            continue
        try:
            tail = Path(f"/proc/{entry}/stat").read_bytes().rpartition(b") ")[2]
        except (FileNotFoundError, ProcessLookupError):
            continue
        state, parent = tail.decode("ascii").split()[:2]
        if parent == mine and state != _ZOMBIE:
            yield int(entry)


def no_stray_descriptors(kept: Collection[int]) -> None:
    """Return if nothing is open but ``kept`` and null devices. Raises CannotEnforce that names what is."""
    strays = {number: name for number, name in _descriptors().items() if number not in kept and not _null(number)}
    if strays:
        listed = ", ".join(f"{number} ({name})" for number, name in sorted(strays.items()))
        raise CannotEnforce(
            _NOT_SEALED,
            why=f"descriptors are open that would stay usable: {listed}",
            fix="close them before the seal, and start event loops after it; those that were inherited: "
            f"PROGRAM {' '.join(f'{number}>&-' for number in sorted(strays))}, or os.closerange({min(strays)}, "
            f"{max(strays) + 1}) first",
        )


def _descriptors() -> dict[int, str]:
    """Return what is open, by number, without the descriptor that the listing itself uses."""
    found = {}
    for entry in os.listdir("/proc/self/fd"):
        try:
            found[int(entry)] = os.readlink(f"/proc/self/fd/{entry}")
        except FileNotFoundError:
            continue
    return found


def only_local_streams(kept: Collection[int]) -> None:
    """Return if each of ``kept`` is a connected local stream socket. Raises CannotEnforce.

    A datagram socket could be pointed anywhere with every message; a
    listening or unconnected one leads to whom nobody has judged.
    """
    import socket

    for number in kept:
        try:
            with socket.socket(fileno=os.dup(number)) as sock:
                local = sock.family == socket.AF_UNIX
                stream = sock.type in (socket.SOCK_STREAM, socket.SOCK_SEQPACKET)
                sock.getpeername()
        except OSError as error:
            raise _wrong(number, str(error)) from error
        if not (local and stream):
            raise _wrong(number, f"it is {sock.family.name}, {sock.type.name}")


def _wrong(number: int, why: str) -> CannotEnforce:
    return CannotEnforce(
        _NOT_SEALED,
        why=f"descriptor {number} is to be kept, but is no connected local stream socket: {why}",
        fix="keep only the gate's socketpair (AF_UNIX, SOCK_STREAM or SOCK_SEQPACKET)",
    )


def no_shared_memory() -> None:
    """Return if no mapping could carry a write to somebody else. Raises CannotEnforce.

    A mapping counts when it is shared and may become writable: protection can
    be raised later, so what it is now says nothing (``mw`` in proc(5) smaps).
    """
    if not any(map(_SHARED.match, Path("/proc/self/maps").read_text(encoding="utf-8", errors="replace").splitlines())):
        return
    shared = list(_writable(Path("/proc/self/smaps").read_text(encoding="utf-8", errors="replace").splitlines()))
    if shared:
        raise CannotEnforce(
            _NOT_SEALED,
            why=f"memory is shared writably with others: {'; '.join(shared)}",
            fix="unmap it first (mmap objects, multiprocessing values, shared memory)",
        )


def _writable(smaps: list[str]) -> Iterator[str]:
    """Yield the headings of shared mappings whose flags allow them to become writable."""
    heading = ""
    for line in smaps:
        if line.startswith("VmFlags:") and heading and "mw" in line.split():
            yield heading
        elif re.match(r"^[0-9a-f]+-[0-9a-f]+ ", line):
            heading = " ".join(line.split()) if _SHARED.match(line) else ""


def foreign_streams() -> tuple[int, ...]:
    """Return which of descriptors 0 to 2 lead to a terminal, a file, a socket or a device, and need a relay."""
    return tuple(number for number in (0, 1, 2) if _is_open(number) and not _harmless(number))


def _is_open(number: int) -> bool:
    return Path(f"/proc/self/fd/{number}").is_symlink()


def _harmless(number: int) -> bool:
    """Whether it is the null device or an unnamed pipe: nothing but bytes can come through."""
    return _null(number) or os.readlink(f"/proc/self/fd/{number}").startswith("pipe:[")


def _null(number: int) -> bool:
    """Whether it is the null device, which takes everything and gives nothing."""
    try:
        status = os.fstat(number)
    except OSError:
        return False
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == os.makedev(1, 3)
