"""The connection to the gate: many questions open at once, and word of what changed.

The gate answers each question by its tag. It also says, unasked, when what
the principal has seen, or its policy, is another than before. When the
connection ends there is nobody to decide: whoever waits is refused, and
``gone`` is called.
"""

import asyncio
import itertools
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, Protocol, final

from nucleus.egress.limits import PIECE
from nucleus.errors import StateBlocked
from nucleus.lean import dataclass, field


class Splitter(Protocol):
    """Takes the gate's bytes apart."""

    def feed(self, data: bytes) -> Iterable[tuple[dict[str, Any], bytes]]:
        """Yield each frame that is complete after ``data``. Raises for what is no frame."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Wire:
    """How frames are written and read, and what an answer no means: the gate's own, handed in."""

    encode: Callable[[dict[str, Any], bytes], bytes]
    splitter: Callable[[], Splitter]
    refusal: Callable[[Mapping[str, Any]], Exception]


@final
@dataclass(frozen=True, slots=True)
class Permit:
    """What the gate allowed, once."""

    number: int
    resolved: Mapping[str, Any]
    exposure: int
    """What the principal has seen once this is done: what was decided upon."""
    credential: str = ""


@final
@dataclass(frozen=True, slots=True)
class State:
    """What the gate last said of the principal."""

    exposure: int = 0
    closed: bool = False
    policy: str = ""


GONE: Final = "the gate is gone; nothing can be allowed any more"


@final
@dataclass(slots=True)
class GateLink:
    """One principal's connection to the gate."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    wire: Wire
    changed: Callable[[State], None]
    """Called with each state that the gate tells."""
    gone: Callable[[], None]
    """Called once, when the connection has ended."""
    _open: dict[int, "asyncio.Future[tuple[dict[str, Any], bytes]]"] = field(default_factory=dict)
    _tags: "itertools.count[int]" = field(default_factory=itertools.count)
    _ended: bool = False

    async def ask(
        self, kind: str, args: Mapping[str, Any], *, leaves: int = 0, wait: float = 0.0, body: bytes = b""
    ) -> Permit:
        """Return the permit for a call that leaves ``leaves`` bytes beside its own.

        ``wait``: seconds for a person's answer. Raises Refused, and StateBlocked where the gate is gone.
        """
        fields = {"do": "call", "kind": kind, "args": dict(args), "leaves": leaves, "wait": wait}
        reply, _ = await self._request(next(self._tags), fields, body)
        if reply["what"] != "perform":
            raise self.wire.refusal(reply)
        return Permit(reply["number"], reply["resolved"], reply["exposure"], reply.get("credential", ""))

    async def perform(
        self, kind: str, args: Mapping[str, Any], *, wait: float = 0.0, body: bytes = b""
    ) -> tuple[dict[str, Any], bytes]:
        """Have the gate itself do a call, and return its answer. Raises Refused."""
        fields = {"do": "call", "kind": kind, "args": dict(args), "wait": wait}
        reply, content = await self._request(next(self._tags), fields, body)
        if reply["what"] != "released":
            raise self.wire.refusal(reply)
        return reply, content

    async def surroundings(self) -> tuple[dict[str, Any], bytes]:
        """Return what the gate knows that routes go by. Raises Refused."""
        reply, content = await self._request(next(self._tags), {"do": "surroundings"}, b"")
        if reply["what"] != "surroundings":
            raise self.wire.refusal(reply)
        return reply, content

    def done(self, permit: Permit, *, ok: bool, size: int) -> None:
        """Say that what a permit allowed has ended, and how many bytes came of it."""
        if not self._ended:
            fields = {"do": "done", "number": permit.number, "ok": ok, "error": "" if ok else "OSError", "bytes": size}
            self.writer.write(self.wire.encode(fields, b""))

    async def _request(self, tag: int, fields: dict[str, Any], body: bytes) -> tuple[dict[str, Any], bytes]:
        if self._ended:
            raise _gone()
        future: asyncio.Future[tuple[dict[str, Any], bytes]] = asyncio.get_running_loop().create_future()
        self._open[tag] = future
        try:
            self.writer.write(self.wire.encode({**fields, "tag": tag}, body))
            await self.writer.drain()
            return await future
        except OSError:
            raise _gone() from None
        except asyncio.CancelledError:
            # The answer may still come: a permit that nobody uses is given back.
            future.cancel()
            raise
        finally:
            if not future.cancelled():
                self._open.pop(tag, None)

    async def run(self) -> None:
        """Read what the gate says until it is gone. Anything that is no answer ends the connection."""
        splitter = self.wire.splitter()
        try:
            while data := await self.reader.read(PIECE):
                for reply, body in splitter.feed(data):
                    self._take(reply, body)
        except Exception:  # whatever is wrong with the gate, nobody decides any more
            self._end()
            raise
        self._end()

    def _take(self, reply: dict[str, Any], body: bytes) -> None:
        if reply["what"] == "state":
            self.changed(State(reply["exposure"], reply["closed"], reply["policy"]))
            return
        future = self._open.get(reply["tag"])
        if future is None:
            return  # the answer to "done"
        if future.cancelled():
            del self._open[reply["tag"]]
            if reply["what"] == "perform":
                self.done(Permit(reply["number"], {}, 0), ok=False, size=0)
        elif not future.done():
            future.set_result((reply, body))

    def _end(self) -> None:
        self._ended = True
        self.writer.close()
        for future in self._open.values():
            if not future.done():
                future.set_exception(_gone())
        self._open.clear()
        self.gone()


def _gone() -> StateBlocked:
    return StateBlocked(GONE, code="gate", rule="session", next_step="start a new session")
