"""The door of a session: a 0600 socket by which other processes of the same principal come in.

Mediated servers, hooks and the SDK of one client are one principal. Each of
them is a process of its own, so each opens a connection here, and each is a
branch of the principal that the gate has: it gets nothing that is not spent
there. The kernel says who connects (``peers``): another user is refused, and
so is a process that does not descend from a client of this session. A session
with a name takes further clients, and what those have seen joins first.
"""

import os
import socket
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.desk import FOLDER, socket_name
from nucleus.gate.loop import Link, Loop, OnEnd, OnFrame
from nucleus.gate.peers import Peer, Process, descends_from, peer_of

BACKLOG: Final = 32
NAME_LIMIT: Final = 64
STRANGER: Final = "only the client of a session, and what it started, may join it"


@final
class Door:
    """The listening socket of one session, and who came in through it."""

    def __init__(self, loop: Loop, state: Path, principal: str, asked: OnFrame, left: OnEnd) -> None:
        self._loop = loop
        self._asked = asked
        self._left = left
        self._welcome: Callable[[Link], None] = lambda _link: None
        self._peers: dict[Link, Peer] = {}
        self._path = door_of(state, principal)
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        old = os.umask(0o077)
        try:
            with socket_name(self._path) as name:
                self._listener.bind(name)
            self._listener.listen(BACKLOG)
        except OSError as error:
            self._listener.close()
            raise CannotEnforce(
                "nobody could join this session",
                why=f"{self._path}: {error.strerror or error}",
                fix="choose a writable state directory with --state",
            ) from error
        finally:
            os.umask(old)

    def begin(self, welcome: Callable[[Link], None]) -> None:
        """Let callers in; ``welcome`` hears of each connection before its first frame."""
        self._welcome = welcome
        self._loop.listen(self._listener, self._accept)

    def peer(self, link: Link) -> Peer | None:
        """Return who is at the other end of a connection, None if it did not come through this door."""
        return self._peers.get(link)

    def close(self) -> None:
        """Take the door away. Who is in stays in."""
        self._listener.close()
        self._path.unlink(missing_ok=True)

    def _accept(self, sock: socket.socket) -> None:
        try:
            peer = peer_of(sock)
        except (ProcessLookupError, CannotEnforce):
            peer = None
        if peer is None or peer.uid != os.getuid():
            with suppress(OSError):
                sock.send(b"")
            sock.close()
            return
        link = self._loop.add(sock, self._asked, self._gone)
        self._peers[link] = peer
        self._welcome(link)

    def _gone(self, link: Link, why: str) -> None:
        self._peers.pop(link, None)
        self._left(link, why)


def door_of(state: Path, principal: str) -> Path:
    """Return where the door of a principal's session is."""
    return state / FOLDER / f"{principal}.door"


def name_of(fields: Mapping[str, Any]) -> str:
    """Return the name of the session that a frame asks for, "" for the client's own. Raises CannotEnforce."""
    name = fields.get("name", "")
    if type(name) is str and len(name) <= NAME_LIMIT and name.isprintable() and name.isascii() and " " not in name:
        return name
    raise CannotEnforce(
        "there can be no session of that name",
        why="a name is up to 64 printable ASCII characters without a space",
        fix="--session NAME",
    )


def client_of(fields: Mapping[str, Any], caller: int) -> Process:
    """Return the client that a frame names, if ``caller`` is it or descends from it. Raises CannotEnforce."""
    named = fields.get("client")
    if type(named) is list and [type(one) for one in named] == [int, int]:
        client = Process(named[0], 0, named[1])
        with suppress(ProcessLookupError):
            if descends_from(caller, client):
                return client
    raise CannotEnforce("this session can't be joined", why=STRANGER, fix="start it from the client itself")


def newcomer(session: str, fields: Mapping[str, Any], caller: int) -> Process:
    """Return the client that joins the session of this name with ``caller``. Raises CannotEnforce."""
    if not session or name_of(fields) != session:
        raise CannotEnforce("this session can't be joined", why=STRANGER, fix="start it from the client itself")
    return client_of(fields, caller)
