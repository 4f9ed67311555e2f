"""The egress process: sockets and settings in, traffic that was allowed out, until any of its neighbours is gone."""

import asyncio
import contextlib
import json
import socket
import ssl
from collections.abc import Callable, Mapping
from dataclasses import fields
from typing import Any, Final, final

from nucleus.egress.channels import Channels
from nucleus.egress.dial import Dialer, Resolver
from nucleus.egress.git import GitRemotes
from nucleus.egress.handover import Handed, say, take_over
from nucleus.egress.indexes import indexes
from nucleus.egress.limits import Limits, Pace
from nucleus.egress.link import GateLink, Wire
from nucleus.egress.listener import Listener
from nucleus.egress.model import ModelChannel, models
from nucleus.egress.npm import NodeIndex
from nucleus.egress.proxy import Proxy
from nucleus.egress.pump import Pump
from nucleus.egress.pypi import PythonIndex
from nucleus.egress.routes import Routes
from nucleus.egress.servers import Servers
from nucleus.egress.sets import Sets
from nucleus.egress.upstream import Upstream
from nucleus.errors import StateBlocked
from nucleus.lean import dataclass

PROBLEMS: Final = 20
"""Defects that are noted."""


@final
@dataclass(frozen=True, slots=True)
class Parts:
    """What the composition root brings: this room imports neither the gate nor the tools."""

    wire: Wire
    public: Resolver
    """Of any name: refuses one that has an address which is not public."""
    inside: Resolver
    """Of a local network's name that the owner named: refuses loopback, the link, and what is no host's."""
    trust: Callable[[], ssl.SSLContext]


def serve(descriptor: int, parts: Parts, *, confined: bool) -> int:
    """Serve what is handed over at ``descriptor`` until supervisor or gate is gone; return the exit status.

    ``confined``: whether this process gave its files up; the supervisor is told.
    """
    pair = socket.socket(fileno=descriptor)
    try:
        handed = take_over(pair)
    except (OSError, ValueError):
        return 2
    try:
        return asyncio.run(Egress(handed, parts, confined=confined).run(pair))
    except (OSError, ValueError, StateBlocked):
        return 2


@final
class Egress:
    """One box's way out."""

    def __init__(self, handed: Handed, parts: Parts, *, confined: bool) -> None:
        self._handed = handed
        self._confined = confined
        self._parts = parts
        self._limits = limits_of(handed.settings)
        wait = handed.settings.get("wait", 0)
        self._channels = Channels(float(wait) if type(wait) in {int, float} else 0.0, self._limits.calls_a_second)
        self._problems: list[str] = []
        """Defects that a request ran into: it was cut, and the report says so."""
        self._sets = Sets(self._channels)
        self._indexes = indexes(handed.settings.get("indexes", {}))
        self._models = models(handed.settings.get("models", {}))
        self._servers = Servers(handed.settings.get("mcp", {}), self._limits.idle_seconds)
        self._model: ModelChannel | None = None
        self._git: GitRemotes | None = None
        self._over = asyncio.Event()

    async def run(self, pair: socket.socket) -> int:
        """Serve until it is over. Every connection is cut then, whatever it was in the middle of."""
        gate = await self._link()
        reading = asyncio.create_task(gate.run())
        loop = asyncio.get_running_loop()
        loop.set_exception_handler(self._defect)
        pump = Pump(self._channels, self._limits, Pace(self._limits.bytes_a_second, loop.time))
        dialer = Dialer(self._parts.public, self._parts.inside, self._parts.trust, self._limits)
        self._sets.learn(json.loads((await gate.surroundings())[1]))
        routes = self._routes(pump, Upstream(pump, dialer))
        listeners = [Listener(Proxy(pump, dialer).handle, self._limits), Listener(routes.handle, self._limits)]
        sockets = (self._handed.proxy, self._handed.routes)
        servers = [
            await asyncio.start_server(one.client, sock=sock) for one, sock in zip(listeners, sockets, strict=True)
        ]
        pair.setblocking(False)
        loop.add_reader(pair, self._heard, pair)
        say(pair, {"ready": True, "confined": self._confined})
        await self._over.wait()
        loop.remove_reader(pair)
        for server in servers:
            server.close()
        self._channels.cut_all()
        for one in listeners:
            await one.end()
        self._sets.close()
        reading.cancel()
        await asyncio.gather(reading, return_exceptions=True)
        self._report(pair)
        return 0

    def _report(self, pair: socket.socket) -> None:
        """Tell the supervisor, if it still listens, what the models said of their use."""
        used = {} if self._model is None else self._model.usage
        with contextlib.suppress(OSError):
            models = {name: one.shown() for name, one in used.items() if one.requests}
            said = {} if self._git is None else self._git.said
            more = {"said_in_fetches": said, "problems": self._problems}
            say(pair, {"models": models, **{name: value for name, value in more.items() if value}})

    def _defect(self, _loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        """Note what nobody expected, by its kind alone: what it holds may be the agent's words."""
        if len(self._problems) < PROBLEMS:
            self._problems.append(type(context.get("exception")).__name__)

    def _routes(self, pump: Pump, upstream: Upstream) -> Routes:
        """Return the routes of this box."""
        self._model = ModelChannel(pump, upstream, self._models)
        self._git = GitRemotes(pump, upstream)
        return Routes(
            {
                "pypi": PythonIndex(pump, upstream, self._sets, self._indexes["pypi"]).handle,
                "npm": NodeIndex(pump, upstream, self._sets, self._indexes["npm"]).handle,
                "git": self._git.handle,
                "mcp": self._servers.handle,
                "model": self._model.handle,
            }
        )

    async def _link(self) -> GateLink:
        reader, writer = await asyncio.open_unix_connection(sock=self._handed.gate)
        gate = GateLink(reader, writer, self._parts.wire, self._channels.changed, self._gone)
        self._channels.gate = gate
        return gate

    def _gone(self) -> None:
        self._channels.cut_all()
        self._over.set()

    def _heard(self, pair: socket.socket) -> None:
        """Take what the supervisor says: its end is the end."""
        try:
            data = pair.recv(1 << 16)
        except BlockingIOError:
            return
        except OSError:
            data = b""
        if not data:
            self._over.set()


def limits_of(settings: Mapping[str, Any]) -> Limits:
    """Return the bounds that the supervisor sets. Raises ValueError for one that is none."""
    given = settings.get("limits", {})
    known = {one.name: one.type for one in fields(Limits)}
    if type(given) is not dict or not known.keys() >= given.keys():
        raise ValueError(f"limits are some of {', '.join(known)}")
    if any(type(value) not in {int, float} or value < 0 for value in given.values()):
        raise ValueError("a limit is a number that is not negative")
    return Limits(**given)
