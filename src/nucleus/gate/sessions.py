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
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, NamedTuple, final

from nucleus.errors import CannotEnforce
from nucleus.gate.connection import Connection, refusal
from nucleus.gate.desk import FOLDER, gates, socket_name
from nucleus.gate.door import door_of
from nucleus.gate.peers import CHAIN_LIMIT, Process, descends_from, process_of
from nucleus.gate.protocol import ProtocolError, encode, receive, send
from nucleus.gate.spawn import outside, start
from nucleus.lean import dataclass

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
CHUNK: Final = 1 << 16
TRIES: Final = 100
PAUSE: Final = 0.05
"""Seconds between looks at a gate that is about to end. 100 of them are longer than any last record takes."""


class _Line(NamedTuple):
    process: Process
    group: int
    program: str


@final
@dataclass(frozen=True, slots=True)
class Begun:
    """A frame that is sent, and what comes of it is not known yet. Survives an exec: all of it are numbers."""

    sock: int
    """Descriptor of the connection."""
    lock: int
    """Descriptor of the lock that keeps others from starting a second gate; closed by ``settle``."""
    gate: int
    """Number of the gate's process where it was started here, 0 where it was there."""


@final
class Entered:
    """A connection of the session's principal, and the gate's word on what was opened."""

    def __init__(self, sock: socket.socket, opened: Mapping[str, Any], gate: int) -> None:
        self.sock = sock
        self.connection = Connection(sock)
        self.opened = dict(opened)
        self.gate = gate
        """Number of the gate's process, where it was started here; 0 where it was there."""

    def leave(self, seconds: float) -> None:
        """Close the connection; wait up to ``seconds`` for the gate's last record where nobody else is left.

        Answers that nobody took are dropped. The gate is never killed from here: others may use it, and it ends
        by itself.
        """
        last = b""
        with suppress(OSError):
            self.sock.setblocking(True)
            self.sock.settimeout(seconds)
            self.sock.sendall(encode({"do": "leave"}))
            self.sock.shutdown(socket.SHUT_WR)
            while chunk := self.sock.recv(CHUNK):
                last = (last + chunk)[-CHUNK:]
        self.connection.close()
        alone = last.rpartition(b'{"what":"left",')[2].startswith(b'"others":0}')
        if self.gate and (alone or not last):
            _ended(self.gate, seconds)


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


def living(fields: Mapping[str, Any]) -> Entered | None:
    """Return a connection of the session that this process's client shares, None where there is none.

    Where an ancestor has a gate that is not shared (an SDK session of its own), that is not joined: it hands
    out its authority by ``delegate``. Raises what the gate refuses.
    """
    found = find(Path(str(fields["state"])), os.getpid())
    return None if found is None or not found[0]["shared"] else settle(begin(fields))


def enter(fields: Mapping[str, Any], *, name: str = "", client: Process | None = None) -> Entered:
    """Join the session of this process, or start it as the first one there.

    ``fields`` is what a gate is opened with; where the session is open already its policies are met with those
    that hold. ``client``: where another ancestor than the nearest is meant. Raises PolicyError, CannotEnforce,
    Refused.
    """
    for _ in range(TRIES):
        entered = settle(begin(fields, name=name, client=client))
        if entered is not None:
            return entered
        time.sleep(PAUSE)
    raise CannotEnforce(
        "the session of this client does not answer",
        why="its gate neither serves nor ends",
        fix="look at 'nucleus session list'; end the process of the gate",
    )


def begin(fields: Mapping[str, Any], *, name: str = "", client: Process | None = None) -> Begun:
    """Connect to the session of this process, or start its gate, and ask for a connection of its principal.

    Nothing is waited for but the turn: a gate takes longer to start than this process to get ready. Raises
    CannotEnforce.
    """
    outside(str(fields["workspace"]))
    state, client = Path(str(fields["state"])), client or client_process(os.getpid())
    who = {"name": name, "client": [client.pid, client.start], "observe": fields.get("observe") is True}
    lock = _turn(state)
    try:
        found = find(state, os.getpid(), name)
        if found is None:
            spawned = start(["gate"], quiet=True)
            send(spawned.sock, {"do": "open", **fields, "session": who})
            spawned.process.returncode = 0  # ``settle`` and ``leave`` wait for it, by its number
            return Begun(spawned.sock.detach(), lock, spawned.pid)
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        with sock, suppress(OSError), socket_name(found[1]) as short:
            sock.connect(short)
            send(sock, {"do": "join", **fields, **who})
            return Begun(sock.detach(), lock, 0)
        return Begun(-1, lock, 0)
    except BaseException:
        os.close(lock)
        raise


def settle(begun: Begun) -> Entered | None:
    """Return what was entered; None where that gate is about to end. Raises what the gate refuses."""
    if begun.sock < 0:
        os.close(begun.lock)
        return None
    sock = socket.socket(fileno=begun.sock)
    try:
        reply, _ = receive(sock)
    except (OSError, EOFError, ProtocolError) as error:
        sock.close()
        if not begun.gate:
            return None
        raise CannotEnforce("the gate ended while it opened", why=str(error), fix="nucleus doctor") from error
    finally:
        os.close(begun.lock)
    if reply["what"] != "opened":
        sock.close()
        if begun.gate:
            _ended(begun.gate, PAUSE * TRIES)
        raise refusal(reply)
    return Entered(sock, reply, begun.gate)


def _turn(state: Path) -> int:
    """Wait until no other process looks for a session or starts one; return the lock."""
    folder = state / FOLDER
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    lock = os.open(folder / "lock", os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
    except BaseException:
        os.close(lock)
        raise
    return lock


def _ended(pid: int, seconds: float) -> None:
    """Wait for a child to end, ``seconds`` at most: a gate without connections ends by itself."""
    deadline = time.monotonic() + seconds
    with suppress(ChildProcessError):
        while os.waitpid(pid, os.WNOHANG)[0] == 0 and time.monotonic() < deadline:
            time.sleep(0.005)


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
