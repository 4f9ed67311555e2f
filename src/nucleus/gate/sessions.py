"""Finding, joining and starting the session that a process belongs to.

A session is one principal for everything that one client starts: its mediated
servers, its hooks, agents that use the SDK. The client is the nearest
ancestor of the caller that is no launcher (a shell that runs one command,
``timeout``, ``uv``), known by its number and start time. So two servers of
one client have one exposure, one budget and one list of approvals, and two
clients side by side have two. ``--session NAME`` makes one of several.

Whoever comes first starts the gate; others join through its door. The gate
ends with its last connection, not with its first: what its client has seen is
kept then (``lineage``), and the client's next session goes on with it.
"""

import fcntl
import os
import socket
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from nucleus.errors import CannotEnforce, StateBlocked
from nucleus.gate.connection import Connection, refusal
from nucleus.gate.desk import FOLDER, gates, socket_name
from nucleus.gate.door import door_of
from nucleus.gate.peers import CHAIN_LIMIT, Process, descends_from, process_of
from nucleus.gate.spawn import Spawned, outside, start

LAUNCHERS: Final = frozenset(
    (
        *("sh", "ash", "bash", "dash", "busybox", "fish", "ksh", "mksh", "zsh"),
        *("doas", "env", "ionice", "nice", "nohup", "pipx", "setsid", "stdbuf", "strace", "sudo", "time", "timeout"),
        *("unshare", "uv", "uvx", "xargs"),
    )
)
"""Programs that start another one on somebody's behalf and wait for it."""
INITS: Final = frozenset(("catatonit", "docker-init", "dumb-init", "init", "runit", "s6-svscan", "systemd", "tini"))
"""Programs that adopt whatever lost its parent: nobody's client."""
TRIES: Final = 100
PAUSE: Final = 0.05
"""Seconds between looks at a gate that is about to end. 100 of them are longer than any last record takes."""


class _Line(NamedTuple):
    process: Process
    group: int
    program: str


@final
class Entered:
    """A connection of the session's principal, and the gate's word on what was opened."""

    def __init__(self, connection: Connection, opened: Mapping[str, Any], spawned: Spawned | None) -> None:
        self.connection = connection
        self.opened = dict(opened)
        self.spawned = spawned
        """The gate, where it was started here; None where it was there."""

    def leave(self, seconds: float) -> None:
        """Close the connection; wait up to ``seconds`` for the gate's last record where nobody else is left.

        A gate that others use goes on without its starter, and is never killed from here.
        """
        others = 1
        with suppress(StateBlocked):
            reply, _ = self.connection.request({"do": "leave"})
            others = int(reply.get("others", 0))
        self.connection.close()
        if self.spawned is not None and others == 0:
            self.spawned.end(seconds)


def client_process(pid: int) -> Process:
    """Return the client on whose behalf ``pid`` runs: its nearest ancestor that is no launcher.

    A shell counts as a launcher while what it started is in its own process group: an interactive one gives
    each command a group, and is the client of what a person starts there. An orphan is its own client. Raises
    ProcessLookupError, CannotEnforce.
    """
    below = _line(pid)
    for _ in range(CHAIN_LIMIT):
        if below.process.parent == 0:
            return below.process
        above = _line(below.process.parent)
        if above.program in INITS:
            return below.process
        if above.program not in LAUNCHERS or above.group != below.group:
            return above.process
        below = above
    raise CannotEnforce(
        "this process's client can't be found", why=f"more than {CHAIN_LIMIT} ancestors", fix="name a --session"
    )


def find(state: Path, pid: int, name: str = "") -> tuple[dict[str, Any], Path] | None:
    """Return entry and door of the session that ``pid`` belongs to, or of the one called ``name``; None if neither.

    Raises CannotEnforce for a name beside the client's own session: two of one client would split what it saw.
    """
    named = None
    for entry, _ in gates(state):
        if any(_descends(pid, Process(number, 0, started)) for number, started in entry["clients"]):
            if name and entry["name"] != name:
                called = entry["name"] or "its own"
                raise CannotEnforce(
                    f"this process can't be in session {name}",
                    why=f"its client is in session {called} already, and what that saw would not count here",
                    fix="give all servers of one client the same --session, or none",
                )
            return entry, door_of(state, entry["principal"])
        if name and entry["name"] == name:
            named = entry, door_of(state, entry["principal"])
    return named


def enter(fields: Mapping[str, Any], *, name: str = "") -> Entered:
    """Join the session of this process, or start it as the first one there.

    ``fields`` is what a gate is opened with; where the session is open already its policies are met with those
    that hold. Raises PolicyError, CannotEnforce, Refused.
    """
    outside(str(fields["workspace"]))
    state, client = Path(str(fields["state"])), client_process(os.getpid())
    who = {"name": name, "client": [client.pid, client.start]}
    with _turn(state):
        for _ in range(TRIES):
            found = find(state, os.getpid(), name)
            if found is None:
                return _started({**fields, "session": who})
            joined = join(found[1], {**fields, **who})
            if joined is not None:
                return joined
            time.sleep(PAUSE)
    raise CannotEnforce(
        "the session of this client does not answer",
        why="its gate neither serves nor ends",
        fix="look at 'nucleus session list'; end the process of the gate",
    )


def join(door: Path, fields: Mapping[str, Any]) -> Entered | None:
    """Return a connection through a door; None where the gate is about to end. Raises what the gate refuses."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        with socket_name(door) as short:
            sock.connect(short)
        connection = Connection(sock)
        reply, _ = connection.request({"do": "join", **fields})
    except (OSError, StateBlocked):
        sock.close()
        return None
    if reply["what"] != "opened":
        sock.close()
        raise refusal(reply)
    return Entered(connection, reply, None)


def _started(fields: Mapping[str, Any]) -> Entered:
    spawned = start(["gate"], quiet=True)
    connection = Connection(spawned.sock)
    reply, _ = connection.request({"do": "open", **fields})
    if reply["what"] != "opened":
        spawned.end(PAUSE * TRIES)
        raise refusal(reply)
    return Entered(connection, reply, spawned)


@contextmanager
def _turn(state: Path) -> Iterator[None]:
    """Let one process at a time look for a session and start it: two that look at once would start two."""
    folder = state / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)


def _descends(pid: int, ancestor: Process) -> bool:
    try:
        return descends_from(pid, ancestor)
    except ProcessLookupError:
        return False


def _line(pid: int) -> _Line:
    """Return a process with its group and the name of its program."""
    process = process_of(pid)
    group = os.getpgid(pid)
    try:
        program = os.path.basename(os.readlink(f"/proc/{pid}/exe"))
    except OSError:
        program = Path(f"/proc/{pid}/comm").read_text("utf-8", "replace").strip()
    return _Line(process, group, program)
