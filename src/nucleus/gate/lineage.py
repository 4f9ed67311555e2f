"""What a process and its ancestors have seen, across gates: a principal is a process tree.

Each gate leaves, in the state directory, one small file for its client:
number and start time of the process, and the kernel state when the gate
ended. A later gate of the same process, or of one that it started, goes on
from there: exposure is joined, authority and budget are met. A gate that
ended without saying so (killed, power cut) left the worst: everything seen.

Files of processes that are gone are taken away: nobody can be their child.
Not done here: a process whose parent is gone has no lineage above it.

A session that its owner named (``--session NAME``) has such a file too, by its
name: clients that live for one call each are one after the other, and what
one read counts when the next one sends. It is good for as long as the
policy's budget of minutes after the last of them left (the longest of those
budgets counts), or until the owner asks for a fresh session.
"""

import json
import os
import time
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.peers import Process, descends_from, lives
from nucleus.kernel.capability import EVERYTHING
from nucleus.kernel.exposure import ALL_SEEN, CLEAN, valid
from nucleus.kernel.state import BUDGET_LIMIT
from nucleus.lean import dataclass

FOLDER: Final = "lineage"
NAMES: Final = "names"
SECOND_NS: Final = 1_000_000_000
NOTHING: Final = 0
"""The authority that a lockdown leaves."""


@final
@dataclass(frozen=True, slots=True)
class Inheritance:
    """Bounds for a new principal."""

    authority: int = EVERYTHING
    exposure: int = CLEAN
    budget: int = BUDGET_LIMIT
    unclean: tuple[str, ...] = ()
    """Traces of gates that ended without a word."""


def inherited(state: Path, client: Process) -> Inheritance:
    """Return what the client's earlier gates, and those of its ancestors, leave to it."""
    found = Inheritance()
    for path in sorted((state / FOLDER).glob("*.json")):
        process = _process(path)
        if process is None or not lives(process):
            path.unlink(missing_ok=True)
            continue
        try:
            related = (process.pid, process.start) == (client.pid, client.start) or descends_from(client.pid, process)
        except ProcessLookupError:
            related = True
        if related:
            found = met(found, _read(path))
    return found


def enter(state: Path, client: Process, trace: Path) -> None:
    """Leave the worst, and the trace, for whoever comes after an end without a word. Raises CannotEnforce."""
    _write(state, client, {"open": True, "trace": str(trace)})


def of_name(state: Path, name: str) -> Inheritance:
    """Return what earlier gates of the session of this name leave to the next one."""
    path = _named(state, name)
    try:
        until = json.loads(path.read_bytes())["until"]
    except FileNotFoundError:
        return Inheritance()
    except (OSError, ValueError, KeyError, TypeError):
        return _read(path)
    return Inheritance() if type(until) is int and until <= time.time_ns() else _read(path)


def enter_name(state: Path, name: str, trace: Path, seconds: int) -> None:
    """Leave the worst to the session's next gate: what ``enter`` is to a process. Raises CannotEnforce."""
    path = _named(state, name)
    _put(path, {"open": True, "trace": str(trace), "until": _until(path, seconds)})


def leave_name(state: Path, name: str, kernel_state: list[int], seconds: int, *, locked: bool = False) -> None:
    """Leave what is true at a clean end, for ``seconds``; nothing where it is ``locked``. Raises CannotEnforce."""
    authority, exposure, budget, _ = kernel_state
    left = {"authority": NOTHING if locked else authority, "exposure": exposure, "budget": budget}
    path = _named(state, name)
    _put(path, {"open": False, **left, "until": _until(path, seconds)})


def forget_names(state: Path) -> None:
    """Let every named session start anew: the owner asked for it. Raises OSError."""
    for path in (state / FOLDER / NAMES).glob("*.json"):
        path.unlink(missing_ok=True)


def met(one: Inheritance, other: Inheritance) -> Inheritance:
    """Return what both leave: whoever comes of both has the less of each."""
    unclean = tuple(dict.fromkeys(one.unclean + other.unclean))
    return Inheritance(
        one.authority & other.authority, one.exposure | other.exposure, min(one.budget, other.budget), unclean
    )


def verify_unlocked(before: Inheritance) -> None:
    """Raise CannotEnforce where what was before ended in a lockdown: a new gate would undo it."""
    if before.authority == NOTHING:
        raise CannotEnforce(
            "this session was locked down",
            why="a lockdown is for good: a client that comes back, or what it starts, does not get out of it",
            fix="end the client and start it anew; for --session NAME: nucleus session new",
        )


def living(lines: Iterable[tuple[Process, ...]]) -> list[tuple[Process, ...]]:
    """Return the lines to which something can still be left: some process of each lives."""
    return [line for line in lines if any(lives(one) for one in line)]


def line_of(state: Path, client: Process) -> tuple[Process, ...]:
    """Return the client and its living ancestors that had a gate themselves. Asked while the client lives."""
    found = [client]
    for path in sorted((state / FOLDER).glob("*.json")):
        process = _process(path)
        if process is None or (process.pid, process.start) == (client.pid, client.start):
            continue
        try:
            related = descends_from(client.pid, process)
        except ProcessLookupError:
            related = True
        found += [process] if related else []
    return tuple(found)


def leave(state: Path, line: tuple[Process, ...], kernel_state: list[int], *, locked: bool = False) -> None:
    """Leave what is true at a clean end to each process of ``line`` (``line_of``). Raises CannotEnforce.

    What a child saw, its parent can have been told: it is joined to what the
    parent left, never in its place. An end without a word stays what it is.
    ``locked``: nothing is left to the client itself, for a lockdown is for good.
    """
    authority, exposure, budget, _ = kernel_state
    mine = Inheritance(authority, exposure, budget)
    client, *ancestors = line
    _leave(state, client, Inheritance(NOTHING, exposure, budget) if locked else mine)
    for process in ancestors:
        left = _read(_place(state, process))
        if not left.unclean:
            _leave(state, process, met(left, mine))


def _leave(state: Path, process: Process, left: Inheritance) -> None:
    fields = {"authority": left.authority, "exposure": left.exposure, "budget": left.budget}
    _write(state, process, {"open": False, **fields})


def _write(state: Path, client: Process, fields: dict[str, Any]) -> None:
    _put(_place(state, client), fields)


def _put(path: Path, fields: dict[str, Any]) -> None:
    fresh = path.with_suffix(f".{os.getpid()}")
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        with os.fdopen(fd, "w", encoding="ascii") as file:
            json.dump(fields, file)
        os.replace(fresh, path)
    except OSError as error:
        raise CannotEnforce(
            "what this process has seen can't be kept", why=f"{path}: {error.strerror}", fix="check the state directory"
        ) from error


def _place(state: Path, process: Process) -> Path:
    return state / FOLDER / f"{process.pid}-{process.start}.json"


def _named(state: Path, name: str) -> Path:
    """Return the file of a name, under its digest: a name may hold what no file name may."""
    return state / FOLDER / NAMES / f"{sha256(name.encode()).hexdigest()[:32]}.json"


def _until(path: Path, seconds: int) -> int:
    """Return how long what is left under a name holds: no gate of the name takes back what an earlier one said.

    Whoever starts a gate chooses its policy, and one of a minute would make the name forget in a minute.
    """
    after = time.time_ns() + seconds * SECOND_NS
    try:
        said = json.loads(path.read_bytes())["until"]
    except (OSError, ValueError, KeyError, TypeError):
        return after
    return max(after, said) if type(said) is int else after


def _process(path: Path) -> Process | None:
    pid, _, start = path.stem.partition("-")
    return Process(int(pid), 0, int(start)) if pid.isdecimal() and start.isdecimal() else None


def _read(path: Path) -> Inheritance:
    """Return what one file leaves; the worst for one that is open or says nothing valid."""
    trace = ""
    try:
        fields = json.loads(path.read_bytes())
        trace = str(fields.get("trace", ""))
        left = Inheritance(fields["authority"], fields["exposure"], fields["budget"])
        ints = all(type(value) is int for value in (left.authority, left.exposure, left.budget))
        if fields["open"] is False and ints and valid(left.exposure) and left.budget >= 0:
            return left
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Inheritance(EVERYTHING, ALL_SEEN, BUDGET_LIMIT, (trace,) if trace else ())
    return Inheritance(EVERYTHING, ALL_SEEN, BUDGET_LIMIT, (trace,) if trace else ())
