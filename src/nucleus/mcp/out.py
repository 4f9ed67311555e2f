"""What a mediator wants done, in order: lines for either side, frames for the gate, lines for a person.

The gate gives exactly one answer to each frame, in order; what to do with it
is kept here. Its answer to "done" is waited for by nobody: what a call shows
has joined when it was allowed, so a result is handed on once the gate's
socket has taken the frame (decision 55).
"""

from collections import deque
from collections.abc import Callable
from typing import Any, Final, final

from nucleus.lean import dataclass, field
from nucleus.mcp.messages import Id, Message, Request, Response, encode, framed
from nucleus.mcp.steps import Effect, ToClient, ToGate, ToServer, note
from nucleus.policy.call import MCP, Call

RECORDED: Final = 100
"""Violations that are put on record one by one; later ones are only counted."""

UNREAD: Final = 64
"""Answers of the gate that may wait to be read until somebody needs one."""

Next = Callable[[dict[str, Any]], None]


@final
@dataclass(slots=True)
class Out:
    """The effects of one mediator that nobody took yet, and who waits for the gate."""

    name: str
    """What the owner's policy calls the server."""
    seconds: float = 0.0
    """How long the gate may hold a call that asks, where nobody is asked but the gate itself (``--observe``)."""
    violations: int = 0
    joined: bool = False
    """Content of this server was allowed once: its exposure has joined, and can't join more."""
    _effects: list[Effect] = field(default_factory=list)
    _gate: deque[Next | None] = field(default_factory=deque)
    """Who waits for the gate's answers, in order; None for the answer to a "done"."""
    _needed: int = 0
    """How many of these somebody waits for."""
    _unwritten: list[Callable[[], None]] = field(default_factory=list)
    """What goes on once the gate's socket has taken every frame so far."""

    def take(self) -> list[Effect]:
        """Return what is to be performed, once."""
        effects, self._effects = self._effects, []
        return effects

    def answered(self, reply: dict[str, Any]) -> None:
        """Take the gate's next answer. Raises IndexError for one that it owes nobody."""
        then = self._gate.popleft()
        if then is not None:
            self._needed -= 1
            then(reply)
        elif reply["what"] != "released":
            self.tell(f"a result is not on record: {reply.get('why') or reply.get('code')}")

    @property
    def listens(self) -> bool:
        """Whether the gate is to be read now: somebody waits for it, or it has said much."""
        return self._needed > 0 or len(self._gate) > UNREAD

    @property
    def owed(self) -> int:
        """How many answers the gate owes."""
        return len(self._gate)

    @property
    def unwritten(self) -> bool:
        """Whether something waits for the gate's socket to take what it was told."""
        return bool(self._unwritten)

    def written(self) -> None:
        """Know that the gate's socket has taken every frame so far: hand on what waited for that.

        INVARIANT: a result is handed on only here; where the gate is gone it never is (tests/mcp/test_out.py).
        """
        waiting, self._unwritten = self._unwritten, []
        for then in waiting:
            then()

    def withheld(self) -> None:
        """Forget what waited for the gate's socket: the gate is gone, or the server."""
        self._unwritten.clear()

    def judge(self, call: Call, then: Next) -> None:
        """Have a call decided, and go on with the verdict."""
        echoes = call.args.get("op") is None or call.args.get("echoes") is not False

        def decided(reply: dict[str, Any]) -> None:
            self.joined |= reply["what"] == "perform" and echoes
            then(reply)

        held = {"wait": self.seconds} if self.seconds else {}
        self.ask({"do": "call", "kind": call.kind, "args": dict(call.args), **held}, decided, call.body)

    def done(self, number: int, *, ok: bool, then: Callable[[], None] | None = None) -> None:
        """Tell the gate that what it allowed is done, and go on once its socket has taken that."""
        self._gate.append(None)
        self._effects.append(ToGate({"do": "done", "number": number, "ok": ok, "error": "" if ok else "OSError"}))
        if then is not None:
            self._unwritten.append(then)

    def ask(self, fields: dict[str, Any], then: Next, body: bytes = b"") -> None:
        """Send the gate a frame, and go on with its answer."""
        self._gate.append(then)
        self._needed += 1
        self._effects.append(ToGate(fields, body))

    def to_server(self, message: Message) -> None:
        """Send the server a message."""
        self._effects.append(ToServer(encode(message)))

    def forward(self, request: Request, judged: bytes) -> None:
        """Send the server a request, in the bytes in which its params were judged where they are known."""
        if judged and request.params and type(request.id) is int:
            self._effects.append(ToServer(framed(request.id, request.method, judged)))
        else:
            self.to_server(request)

    def to_client(self, message: Message) -> None:
        """Send the client a message."""
        self._effects.append(ToClient(encode(message)))

    def line(self, line: bytes) -> None:
        """Send the client a line that is no message of the protocol: the answer to what was none."""
        self._effects.append(ToClient(line))

    def fail(self, id_: Id, code: int, why: str) -> None:
        """Answer a request of the client with an error of ours."""
        self.to_client(Response(id_, error={"code": code, "message": why}))

    def tell(self, text: str) -> None:
        """Say one line to a person."""
        self._effects.append(note(f"{self.name}: {text}"))

    def violated(self, side: str, what: str, *, stopped: bool = True) -> None:
        """Note what a side did against the protocol, and have it recorded as refused.

        ``stopped``: a message of the side was not forwarded for it.
        """
        self.violations += stopped
        if self.violations > RECORDED:
            return
        stop = f"stopped a message of the {side}: " if stopped else ""
        self.tell(f"{stop}{what[:200]}")
        label = "".join(char if char.isalnum() else "-" for char in what)[:60]
        args = {"server": self.name, "tool": side, "violation": True, "label": label}
        self.ask({"do": "call", "kind": MCP, "args": args}, lambda _reply: None)
