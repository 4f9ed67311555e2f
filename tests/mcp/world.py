"""A mediator between a client and a server that a test plays, and a gate that answers by a rule."""

import json
from collections.abc import Callable
from typing import Any

from nucleus.mcp.engine import Mediator
from nucleus.mcp.mapping import read_mappings
from nucleus.mcp.pins import Identity, Pins
from nucleus.mcp.steps import Effect, Note, ToClient, ToGate, ToServer

WHO = Identity(("/usr/bin/server",))
TOOL = {"name": "echo", "inputSchema": {"type": "object"}}
Rule = Callable[[dict[str, Any], bytes], str]


def allow(fields: dict[str, Any], body: bytes) -> str:
    return "perform"


def deny(fields: dict[str, Any], body: bytes) -> str:
    return "denied"


class World:
    """What each side got so far, and in which order everything happened."""

    def __init__(self, rule: Rule = allow, pins: Pins | None = None) -> None:
        self.pins = pins or Pins(WHO)
        self.mediator = Mediator(WHO, "notes", self.pins, read_mappings())
        self.rule = rule
        self.client: list[dict[str, Any]] = []
        self.server: list[dict[str, Any]] = []
        self.notes: list[str] = []
        self.asked: list[dict[str, Any]] = []
        self.order: list[str] = []
        self.held: list[ToGate] = []
        self.equal: list[str] = []
        """Tools that another server of the session lists too."""
        self.never: list[str] = []
        """Tools that the policy never allows."""
        self.slow = False
        """The gate answers only when told to."""
        self.full = False
        """The gate's socket takes nothing more."""
        self.unrecorded = ""
        """Why the gate can record no result, "" where it can."""

    def from_client(self, **fields: Any) -> None:
        self.raw_client(json.dumps({"jsonrpc": "2.0", **fields}).encode())

    def from_server(self, **fields: Any) -> None:
        self.raw_server(json.dumps({"jsonrpc": "2.0", **fields}).encode())

    def raw_client(self, line: Any) -> None:
        self._take(self.mediator.from_client(line))

    def raw_server(self, line: Any) -> None:
        self._take(self.mediator.from_server(line))

    def taken(self) -> None:
        """Let the gate's socket take everything."""
        self.full = False
        self._take(self.mediator.written())

    def end(self, why: str) -> None:
        self._take(self.mediator.end(why))

    def answer(self) -> None:
        """Let the gate answer everything that it was asked."""
        while self.held:
            asked = self.held.pop(0)
            self._take(self.mediator.from_gate(self._reply(asked)))

    def _reply(self, asked: ToGate) -> dict[str, Any]:
        if asked.fields["do"] == "done":
            return (
                {"what": "denied", "code": "trace", "why": self.unrecorded} if self.unrecorded else {"what": "released"}
            )
        if asked.fields["do"] == "tools":
            return {"what": "tools", "equal": self.equal, "never": self.never}
        verdict = self.rule(asked.fields, asked.body)
        if asked.fields["args"].get("violation"):
            verdict = "denied"
        return {"what": verdict, "number": len(self.asked), "code": "scope", "rules": ["scope"], "id": "ab12"}

    def _take(self, effects: list[Effect]) -> None:
        for effect in effects:
            match effect:
                case ToClient(line):
                    self.client.append(json.loads(line))
                    self.order.append("client")
                case ToServer(line):
                    self.server.append(json.loads(line))
                    self.order.append("server")
                case Note(text):
                    self.notes.append(text)
                case ToGate(fields, body):
                    self.asked.append({**fields, "body": body})
                    self.order.append(f"gate {fields['do']}")
                    self.held.append(effect)
        if not self.full and self.mediator.unwritten:
            self._take(self.mediator.written())
        if not self.slow:
            self.answer()

    def clear(self) -> None:
        for seen in (self.client, self.server, self.notes, self.asked, self.order):
            seen.clear()


def met(rule: Rule = allow, revision: str = "2025-11-25", tools: Any = (TOOL,)) -> World:
    """Return a world in which client and server shook hands and the client listed the tools."""
    world = World(rule)
    world.from_client(id=1, method="initialize", params={"protocolVersion": revision, "clientInfo": {"name": "c"}})
    world.from_server(id=1, result={"protocolVersion": revision, "capabilities": {}, "serverInfo": {"name": "s"}})
    world.from_client(method="notifications/initialized")
    world.from_client(id=2, method="tools/list")
    world.from_server(id=2, result={"tools": list(tools)})
    world.clear()
    return world
