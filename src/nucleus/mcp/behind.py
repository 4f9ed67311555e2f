"""MCP servers for a box: one process outside of it, with a mediator for each session of each server.

The supervisor of a run hands over what to serve and a connection of the box's
principal; requests come by a socket of the owner's, from the egress process.
The servers run as the owner, outside of the box: what they answer is judged
and joins the box's exposure like anything else that comes in.
"""

import json
import os
import socket
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from nucleus.errors import CannotEnforce, NucleusError
from nucleus.gate.connection import Connection
from nucleus.gate.desk import socket_name
from nucleus.gate.sessions import Entered
from nucleus.gate.spawn import Spawned, start
from nucleus.mcp import mediate, stdio
from nucleus.mcp.front import CONNECTIONS, Front
from nucleus.mcp.listening import Sessions, gate_is_there
from nucleus.mcp.pins import Identity, PinFile

ROLE: Final = "servers"
HOST: Final = "mcp"
READY: Final = b"ready\n"
LIMIT: Final = 16 << 20
SECONDS: Final = 20.0


def begin(place: Path, tasks: Sequence[mediate.Task], gate: Connection, opened: Mapping[str, Any]) -> Spawned:
    """Start the process that serves ``tasks`` at the socket ``place``; it ends when the returned socket is closed.

    Raises CannotEnforce, Refused.
    """
    branch, _ = gate.branch({"do": "attach"})
    memory = os.memfd_create("nucleus-servers", os.MFD_CLOEXEC)
    try:
        os.write(
            memory,
            json.dumps({"place": str(place), "opened": dict(opened), "tasks": [asdict(one) for one in tasks]}).encode(),
        )
        os.lseek(memory, 0, os.SEEK_SET)
        spawned = start([ROLE])
        try:
            socket.send_fds(spawned.sock, [b"."], [memory, branch.fileno()])
            spawned.sock.settimeout(SECONDS)
            ready = spawned.sock.recv(len(READY)) == READY
            spawned.sock.settimeout(None)
        except BaseException:
            spawned.end(stdio.GRACE)
            raise
    except OSError as error:
        raise CannotEnforce(
            "the MCP servers could not be served", why=str(error), fix="leave --mcp-config out"
        ) from error
    finally:
        os.close(memory)
        branch.close()
    if not ready:
        spawned.end(stdio.GRACE)
        raise CannotEnforce("the MCP servers could not be served", why="their process ended", fix="see above")
    return spawned


def serve(descriptor: int) -> int:
    """Serve what is handed over at ``descriptor``, until its other end is closed or the gate is gone."""
    pair = socket.socket(fileno=descriptor)
    _, numbers, _, _ = socket.recv_fds(pair, 1, 2)
    if len(numbers) != 2:
        return 2
    with os.fdopen(numbers[0], "rb") as file:
        told = json.loads(file.read(LIMIT))
    try:
        return _serve(pair, Entered(socket.socket(fileno=numbers[1]), told["opened"], 0), told)
    except NucleusError as error:
        sys.stderr.write(f"nucleus: {error.diagnostics()}\n")
        return 1


def _serve(pair: socket.socket, entered: Entered, told: Mapping[str, Any]) -> int:
    every, place = [], Path(told["place"])
    paths = {}
    for fields in told["tasks"]:
        task = mediate.Task(**{**fields, "command": tuple(fields["command"])})
        file = PinFile(task.state, Identity(task.command))
        sessions = Sessions(task, mediate.Kept(file, file.load(), mediate.mappings_of(task.state)), entered)
        every.append(sessions)
        paths[f"/mcp/{task.name}"] = sessions.open
    listener = _listen(place)
    front = Front(listener, paths, "", hosts={HOST})
    pair.sendall(READY)
    try:
        front.run(lambda: gate_is_there(pair) and gate_is_there(entered.sock))
    finally:
        listener.close()
        place.unlink(missing_ok=True)
        front.end()
        for sessions in every:
            sessions.wait(4 * stdio.GRACE)
        entered.leave(stdio.GRACE)
    return 0


def _listen(place: Path) -> socket.socket:
    """Return a listening socket that only its owner may connect to. Raises CannotEnforce."""
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    old = os.umask(0o077)
    try:
        with suppress(FileNotFoundError):
            place.unlink()
        with socket_name(place) as short:
            sock.bind(short)
        sock.listen(CONNECTIONS)
    except OSError as error:
        sock.close()
        raise CannotEnforce("the MCP servers have no socket", why=str(error), fix="use --state DIR") from error
    finally:
        os.umask(old)
    return sock
