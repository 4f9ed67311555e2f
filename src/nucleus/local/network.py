"""The network of a box that lives: its way out, and ports that the owner named, in both directions.

Listening sockets in the box's network are made before the command begins, so
that nothing in it can take their place. The egress process is started when
the first connection comes: most commands need none. It gets the sockets and a
connection of the box's principal; if it ends, what it held open is cut, and
the next connection starts another one, a few times.

A port of the owner's (``--allow-local-port``) is asked for at each connection,
on the supervisor's own connection to the gate. A published port is the
owner's own listener on 127.0.0.1; whoever connects there is not the agent.
"""

import json
import os
import socket
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, final

from nucleus.egress.handover import hand_over
from nucleus.errors import CannotEnforce, Refused
from nucleus.gate import boxed
from nucleus.gate.connection import Connection
from nucleus.gate.spawn import Spawned, start
from nucleus.local.doors import BACKLOG, Doors
from nucleus.local.flows import CHUNK, Flow, Watch
from nucleus.policy import call as kinds

PROXY: Final = 3128
ROUTES: Final = 3129
STARTS: Final = 5
"""How often the egress process is started for one run."""
CONNECTIONS: Final = 128
"""Carried at once for ports; more wait."""
HANDED: Final = 192
"""Connections to the gate, all of a run's together, up to which programs in its box get one. The gate takes 256."""
GRACE: Final = 2.0
SPOKEN_LIMIT: Final = 1 << 20
"""Bytes kept of what the egress process reports."""

DOOR_VARIABLES: Final[Mapping[str, str]] = {boxed.VARIABLE: boxed.DOOR}
"""Tells the SDK in a box where the gate is reached."""

Say = Callable[[str], None]


def proxy_variables() -> dict[str, str]:
    """Return what tells programs the way out. Upper and lower case: curl reads only one, others only the other."""
    address = f"http://127.0.0.1:{PROXY}"
    names = ("http_proxy", "https_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY")
    inner = "localhost,127.0.0.1,::1"
    return {**dict.fromkeys(names, address), "no_proxy": inner, "NO_PROXY": inner}


@final
class Network:
    """What is listened to for one box. ``close`` ends all of it."""

    def __init__(
        self,
        first: int,
        watch: Watch,
        gate: Connection,
        settings: Mapping[str, Any],
        say: Say,
        bootstrap: Path | None = None,
    ) -> None:
        """Enter the network of the box whose process 1 is ``first``, and listen. Raises CannotEnforce.

        ``bootstrap``: what the egress process is started by, of a test that composes a run (``spawn.start``).
        """
        self._bootstrap = bootstrap
        self._watch = watch
        self._gate = gate
        self._settings = dict(settings)
        self._say = say
        self._egress: Spawned | None = None
        self._starts = 0
        self._spoken = b""
        self._pairs: set[_Pair] = set()
        self._listeners: list[socket.socket] = []
        self._doors = Doors(first)
        try:
            self._out = (self._doors.listen(PROXY), self._doors.listen(ROUTES))
        except OSError as error:
            raise CannotEnforce("the box's way out can't be made", why=str(error), fix="nucleus doctor") from error
        self._listeners += self._out
        self._await_first()

    def let_in(self, ports: Sequence[int]) -> None:
        """Let the box reach these ports of the owner's 127.0.0.1, at the same numbers. Raises CannotEnforce."""
        for port in ports:
            try:
                listener = self._doors.listen(port)
            except OSError as error:
                raise CannotEnforce(f"--allow-local-port {port}", why=str(error), fix="leave it out") from error
            self._listen(listener, partial(self._to_owner, port))

    def open_door(self, listener: int, opened: Mapping[str, Any]) -> None:
        """Hand a connection of the box's principal to each program that connects to ``listener`` in the box.

        ``opened`` is what the gate said when the principal opened. A program gets none while ``HANDED`` others are
        held: the rest of what the gate takes is for the servers and the routes of this side.
        """
        sock = socket.socket(fileno=os.dup(listener))
        sock.setblocking(False)
        self._listeners.append(sock)
        shown = {name: opened[name] for name in ("principal", "level", "workspace")} | {"trace": "", "notes": []}

        def accept() -> None:
            with suppress(OSError, Refused):
                caller, _ = sock.accept()
                with caller:
                    told, _ = self._gate.request({"do": "leave"})  # tells how many others there are, and ends nothing
                    if told.get("others", HANDED) >= HANDED:
                        return
                    made, _ = self._gate.branch({"do": "attach", "role": boxed.ROLE})
                    boxed.hand_over(caller, made, shown)
                    made.close()

        self._watch.read(sock.fileno(), accept)

    def publish(self, ports: Sequence[int]) -> None:
        """Let the owner reach these ports of the box at 127.0.0.1. Raises CannotEnforce for one that is taken."""
        for port in ports:
            listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                listener.bind(("127.0.0.1", port))
                listener.listen(BACKLOG)
            except OSError as error:
                listener.close()
                raise CannotEnforce(f"--publish {port}", why=str(error), fix="publish another port") from error
            self._listen(listener, partial(self._doors.connect, port))

    def close(self) -> None:
        """End the egress process, the connections and the listeners."""
        if self._egress is not None:
            self._watch.forget(self._egress.sock.fileno())
            self._last_words(self._egress)
            self._egress.end(GRACE)
        for pair in list(self._pairs):
            pair.close()
        for listener in self._listeners:
            self._watch.forget(listener.fileno())
            listener.close()
        self._doors.close()

    def _last_words(self, egress: Spawned) -> None:
        """Tell the egress process that it is over, and hear what it has to report."""
        with suppress(OSError):
            egress.sock.shutdown(socket.SHUT_WR)
            egress.sock.settimeout(GRACE)
            while data := egress.sock.recv(CHUNK):
                self._spoken += data

    def used(self) -> dict[str, Any]:
        """Return what the egress processes reported of their use, as far as it was heard. After ``close``."""
        found: dict[str, Any] = {}
        for line in self._spoken.split(b"\n"):
            with suppress(ValueError):
                said = json.loads(line)
                found |= said if type(said) is dict else {}
        found.pop("ready", None)
        return found

    def _await_first(self) -> None:
        for listener in self._out:
            self._watch.read(listener.fileno(), self._start_egress)

    def _start_egress(self) -> None:
        for listener in self._out:
            self._watch.read(listener.fileno(), None)
        self._starts += 1
        try:
            gate, _ = self._gate.branch({"do": "attach", "role": "egress"})
            spawned = start(["egress"], self._bootstrap)
            with socket.socket(fileno=os.dup(gate.fileno())) as handed:
                hand_over(spawned.sock, self._settings, *self._out, handed)
            gate.close()
        except (Refused, CannotEnforce, OSError) as error:
            self._no_way_out(str(error))
            return
        self._egress = spawned
        self._watch.read(spawned.sock.fileno(), self._egress_speaks)

    def _egress_speaks(self) -> None:
        if self._egress is None:
            return
        try:
            data = self._egress.sock.recv(CHUNK)
        except OSError:
            data = b""
        if data:
            self._spoken = (self._spoken + data)[-SPOKEN_LIMIT:]
            return
        self._watch.forget(self._egress.sock.fileno())
        self._egress.end(GRACE)
        self._egress = None
        if self._starts < STARTS:
            self._await_first()
        else:
            self._no_way_out("it ended too often")

    def _no_way_out(self, why: str) -> None:
        """Close the way out: a connection is refused from here on, rather than waited for."""
        self._say(f"there is no way out of the box any more: {why}")
        for listener in self._out:
            self._watch.forget(listener.fileno())
            listener.close()
        self._listeners = [one for one in self._listeners if one not in self._out]

    def _to_owner(self, port: int) -> socket.socket:
        """Return a connection to a port of the owner's, decided and recorded first. Raises Refused, OSError."""
        from nucleus.gate.connection import refusal

        request = {"do": "call", "kind": kinds.PORT, "args": {"port": port}}
        reply, _ = self._gate.request(request)
        if reply["what"] != "perform":
            raise refusal(reply)
        done = {"do": "done", "number": reply["number"], "ok": False, "error": "OSError"}
        try:
            made = socket.create_connection(("127.0.0.1", port), timeout=GRACE)
            done["ok"] = True
        finally:
            self._gate.request(done)
        return made

    def _listen(self, listener: socket.socket, far: Callable[[], socket.socket]) -> None:
        listener.setblocking(False)
        self._listeners.append(listener)

        def accept() -> None:
            try:
                near, _ = listener.accept()
            except OSError:
                return  # the caller is gone again
            if len(self._pairs) >= CONNECTIONS:
                near.close()
                return
            try:
                other = far()
            except (Refused, OSError) as error:
                self._say(f"a connection was not made: {error}")
                near.close()
                return
            self._pairs.add(_Pair(self._watch, near, other, self._pairs.discard))

        self._watch.read(listener.fileno(), accept)


@final
class _Pair:
    """Two connected sockets, carried over both ways until both directions are over."""

    def __init__(self, watch: Watch, near: socket.socket, far: socket.socket, gone: Callable[["_Pair"], None]) -> None:
        self._watch = watch
        self._sockets = (near, far)
        self._gone = gone
        self._flows: list[Flow] = []
        for one in self._sockets:
            one.setblocking(False)
        for source, target in ((near, far), (far, near)):
            at_end = partial(self._ended, target)
            self._flows.append(Flow(watch, source.fileno(), target.fileno(), at_end=at_end, size=CHUNK))

    def _ended(self, target: socket.socket) -> None:
        """Pass the end on; let go of both when nothing more can come."""
        try:
            target.shutdown(socket.SHUT_WR)
        except OSError:
            self.close()
            return
        if len(self._flows) > 1 and all(flow.over for flow in self._flows):
            self.close()

    def close(self) -> None:
        """Cut it."""
        for one in self._sockets:
            if one.fileno() >= 0:
                self._watch.forget(one.fileno())
                one.close()
        self._gone(self)
