"""The approver's door: a 0600 socket in the state directory, outside of every workspace.

``nucleus approvals``, ``approve``, ``deny`` and ``lockdown`` come in here. A
caller is refused if it runs as another user, or if it is the client of this
gate or descends from it: whoever asks does not answer.

Not done here: below level ``sealed`` a client can start a process that no
longer descends from it; the approver stops mistakes there, not hostile code.
"""

import json
import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.loop import Link, Loop
from nucleus.gate.peers import Process, descends_from, lives, peer_of, process_of
from nucleus.gate.protocol import packed

FOLDER: Final = "gates"
BACKLOG: Final = 8

Handler = Callable[[dict[str, Any], str], dict[str, Any]]
"""(request, who asks) -> answer."""


@final
class Desk:
    """One gate's door for approvers, and its entry in the list of gates of this user."""

    def __init__(
        self,
        loop: Loop,
        state: Path,
        principal: str,
        client: Process,
        handler: Handler,
        session: str | None = None,
    ) -> None:
        """Open it. ``session``: the name of a session that others join, "" for its client's own, None for no such."""
        self._loop = loop
        self._name = session or ""
        self._clients = [client]
        self._shared = session is not None
        self._retired = False
        self._handler = handler
        self._watching: list[Link] = []
        folder = state / FOLDER
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self._entry = folder / f"{principal}.json"
        self._socket = folder / f"{principal}.sock"
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._bind()
        loop.listen(self._listener, self._accept)

    @property
    def told(self) -> dict[str, Any]:
        """What the list of gates says of this one: its session's name, and its clients."""
        return {"name": self._name, "clients": [client.pid for client in self._clients]}

    @property
    def watched(self) -> bool:
        """Whether a person watches for questions now."""
        return bool(self._watching)

    def has(self, pid: int) -> bool:
        """Whether a process is a client of this gate or descends from one. Raises ProcessLookupError if it is gone."""
        return any(descends_from(pid, one) for one in self._clients)

    def know(self, client: Process) -> None:
        """Know another client of this session: it does not answer either. Raises OSError.

        One that is gone is let go: nothing can descend from it any more.
        """
        self._clients = [*(one for one in self._clients if lives(one)), client]
        self._tell()

    def retire(self) -> None:
        """Be nobody's session any more for those who look for one. Whoever is here stays. Raises OSError."""
        self._retired = True
        self._tell()

    def announce(self, question: dict[str, Any]) -> None:
        """Show a question to everybody who watches."""
        for link in list(self._watching):
            link.send(*packed({"question": question}))

    def close(self) -> None:
        """Take the door and the entry away."""
        self._listener.close()
        for path in (self._socket, self._entry):
            path.unlink(missing_ok=True)

    def _tell(self) -> None:
        fresh = self._entry.with_suffix(".new")
        fresh.write_text(self._told(), encoding="ascii")
        fresh.replace(self._entry)

    def _told(self) -> str:
        """Return the entry of this gate in the list of gates."""
        me = process_of(os.getpid())
        entry = {
            "principal": self._entry.stem,
            "name": "" if self._retired else self._name,
            "shared": self._shared,
            "clients": [] if self._retired else [[client.pid, client.start] for client in self._clients],
            "gate": [me.pid, me.start],
        }
        return json.dumps(entry)

    def _bind(self) -> None:
        old = os.umask(0o077)
        try:
            with socket_name(self._socket) as name:
                self._listener.bind(name)
            self._listener.listen(BACKLOG)
            self._entry.write_text(self._told(), encoding="ascii")
        except OSError as error:
            self._listener.close()
            raise CannotEnforce(
                "nobody could answer a question of this gate",
                why=f"{self._socket}: {error.strerror or error}",
                fix="choose a writable state directory with --state",
            ) from error
        finally:
            os.umask(old)

    def _accept(self, sock: socket.socket) -> None:
        try:
            peer = peer_of(sock)
            allowed = peer.uid == os.getuid() and not self.has(peer.pid)
        except (ProcessLookupError, CannotEnforce):
            allowed = False
        if not allowed:
            with suppress(OSError):
                sock.send(b"")
            sock.close()
            return
        self.admit(sock, f"uid {peer.uid} pid {peer.pid}")

    def admit(self, sock: socket.socket, by: str) -> None:
        """Take the frames of an approver that is known to be one."""
        self._loop.add(sock, lambda link, fields, _: self._asked(link, fields, by), self._left)

    def _asked(self, link: Link, fields: dict[str, Any], by: str) -> None:
        if fields.get("do") == "watch":
            self._watching.append(link)
        link.send(*packed(self._handler(fields, by)))

    def _left(self, link: Link, _why: str) -> None:
        if link in self._watching:
            self._watching.remove(link)


@contextmanager
def socket_name(path: Path) -> Iterator[str]:
    """Give a short name for a socket: unix(7) allows 107 bytes, and a state directory may be deeper."""
    folder = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/self/fd/{folder}/{path.name}"
    finally:
        os.close(folder)


def gates(state: Path) -> Iterator[tuple[dict[str, Any], Path]]:
    """Yield entry and socket of each living gate of this user; entries of dead ones are taken away."""
    for path in sorted((state / FOLDER).glob("*.json")):
        try:
            entry = json.loads(path.read_text(encoding="ascii"))
            pid, start = entry["gate"]
            alive = process_of(pid).start == start
        except (OSError, ValueError, KeyError, TypeError):
            alive = False
        if alive:
            yield entry, path.with_suffix(".sock")
            continue
        for dead in (path, path.with_suffix(".sock"), path.with_suffix(".door")):
            dead.unlink(missing_ok=True)


def ancestor_gate(state: Path, client: Process) -> str:
    """Return the principal of a living gate whose client is ``client`` or an ancestor of it, "" if there is none.

    A second gate beside a living one would have an exposure of its own: what is read through one left by the other.
    """
    for entry, _ in gates(state):
        try:
            if any(descends_from(client.pid, Process(pid, 0, start)) for pid, start in entry["clients"]):
                return str(entry["principal"])
        except ProcessLookupError:
            continue
    return ""
