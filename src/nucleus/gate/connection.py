"""The client's end of the socket to the gate: calls in, results or errors out.

One blocking request at a time on each connection; a thread that wants to
work beside another attaches a connection of its own. If the gate is gone,
every call raises StateBlocked: there is nobody to decide, so nothing happens.
"""

import builtins
import os
import socket
import threading
import weakref
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from typing import Any, Final, final

from nucleus.errors import (
    ApprovalRequired,
    BudgetExceeded,
    CannotEnforce,
    PolicyDenied,
    PolicyError,
    Refused,
    StateBlocked,
)
from nucleus.gate.client import Result
from nucleus.gate.protocol import HEADER, ProtocolError, answer, answers, decode, encode, send

GONE: Final = "the gate is gone; nothing can be allowed any more"
AHEAD: Final = 64
"""Frames that are sent before the first of their answers is read."""
PATIENCE: Final[ContextVar[float]] = ContextVar("nucleus_patience", default=0.0)
"""Seconds that a question of this context waits, where that is more than the connection's own."""
_BLOCKED: Final = frozenset({"session", "locked_down", "trace", "gate", "malformed"})
_FAILURES: Final = {
    name: kind
    for name, kind in vars(builtins).items()
    if isinstance(kind, type) and issubclass(kind, Exception) and name[0] != "_"
}


_OPEN: "Final[weakref.WeakSet[Connection]]" = weakref.WeakSet()
"""Connections of this process. A forked child closes its copies: it would speak on its parent's."""


def abandon_all() -> None:
    """Close every connection of this process: its gate then ends."""
    for connection in list(_OPEN):
        connection.abandon()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=abandon_all)


@final
class Connection:
    """One principal's connection. Safe to share between threads: requests wait for each other."""

    def __init__(self, sock: socket.socket, *, wait: float = 0.0) -> None:
        self._sock = sock
        self._lock = threading.Lock()
        _OPEN.add(self)
        self.wait = wait
        self.local: Callable[[str, Mapping[str, Any], bytes], Result | None] | None = None
        """In a box: performs what is the box's own, and returns None for what the gate is to be asked."""
        """Seconds that a question waits for its answer; 0 takes "pending" for an answer at once."""

    def mediate(self, kind: str, args: Mapping[str, Any], body: bytes = b"", seen: int = 0) -> Result:
        """Have one call decided, recorded and performed, and return its result.

        Raises Refused where it was not allowed, StateBlocked where the gate is
        gone, and the built-in exception of an effect that failed.
        """
        own = None if self.local is None else self.local(kind, args, body)
        if own is not None:
            return own
        request = {
            "do": "call",
            "kind": kind,
            "args": dict(args),
            "seen": seen,
            "quarantined": quarantined(args),
            "wait": patience(self.wait),
        }
        reply, content = self.request(request, body)
        if reply["what"] != "released":
            raise refusal(reply)
        if reply["status"] != "ok":
            raise failure(reply["value"])
        return Result(reply["value"], content, reply["exposure"], reply["source"], reply["seq"])

    def request(self, fields: dict[str, Any], body: bytes = b"") -> tuple[dict[str, Any], bytes]:
        """Send one frame and return the answer. Raises StateBlocked if the gate is gone, ValueError if too large."""
        try:
            frame = encode(fields, body)
        except ProtocolError as error:
            raise ValueError(str(error)) from error
        with self._lock:
            try:
                self._sock.sendall(frame)
                return answer(self._sock)
            except (OSError, EOFError, ProtocolError) as error:
                raise _gone() from error

    def ahead(self, fields: dict[str, Any]) -> Callable[[], dict[str, Any]]:
        """Send one frame; what is returned waits for the answer. Other work is done meanwhile, and nothing asked.

        Both raise StateBlocked if the gate is gone.
        """

        def guarded(act: Callable[[], Any]) -> Any:
            with self._lock:
                try:
                    return act()
                except (OSError, EOFError, ProtocolError) as error:
                    raise _gone() from error

        guarded(lambda: send(self._sock, fields))
        return lambda: dict(guarded(lambda: answer(self._sock))[0])

    def several(self, asked: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
        """Send frames without waiting for each answer, and return all answers in order.

        Raises StateBlocked if the gate is gone, ValueError for a frame that is too large. Only for what the gate
        answers at once: what it has to find something out for would be overtaken.
        """
        try:
            frames = [encode(fields) for fields in asked]
        except ProtocolError as error:
            raise ValueError(str(error)) from error
        found: list[dict[str, Any]] = []
        with self._lock:
            try:
                for at in range(0, len(frames), AHEAD):
                    part = frames[at : at + AHEAD]
                    self._sock.sendall(b"".join(part))
                    found += answers(self._sock, len(part))
            except (OSError, EOFError, ProtocolError) as error:
                raise _gone() from error
        return found

    def branch(self, fields: dict[str, Any]) -> "tuple[Connection, dict[str, Any]]":
        """Return the connection that the gate makes for ``fields``, and what it said. Raises Refused."""
        with self._lock:
            try:
                send(self._sock, fields)
                data, passed, _flags, _address = socket.recv_fds(self._sock, 1 << 20, 1)
                reply = decode(_rest(self._sock, data))
            except (OSError, EOFError, ProtocolError) as error:
                raise _gone() from error
        if not passed:
            raise refusal(reply)
        return Connection(socket.socket(fileno=passed[0]), wait=self.wait), reply

    def fileno(self) -> int:
        """Return the descriptor of the socket."""
        return self._sock.fileno()

    def abandon(self) -> None:
        """Close this process's copy of the socket, whoever holds the lock."""
        self._lock = threading.Lock()
        self._sock.close()

    def close(self) -> None:
        """Close the socket. The gate closes the principal with its last connection."""
        self._sock.close()


def _gone() -> StateBlocked:
    return StateBlocked(GONE, code="gate", rule="session", next_step="open a new session")


def quarantined(value: object, depth: int = 32) -> bool:
    """Whether a value, or one inside of it, left a quarantine (``nucleus.quarantine`` marks them)."""
    if getattr(value, "__nucleus_quarantined__", False) is True or depth == 0:
        return True
    if isinstance(value, Mapping):
        return any(quarantined(item, depth - 1) for pair in value.items() for item in pair)
    return isinstance(value, list | tuple) and any(quarantined(item, depth - 1) for item in value)


def patience(own: float) -> float:
    """Return the seconds that a question may wait: the connection's own, or more in a context that waits."""
    return max(own, PATIENCE.get())


def _rest(sock: socket.socket, data: bytes) -> bytes:
    """Return the JSON of a frame of which ``data`` came with the descriptor."""
    if not data:
        raise EOFError("the connection was closed")
    while len(data) < HEADER.size:
        data += _some(sock)
    size, _ = HEADER.unpack(data[: HEADER.size])
    while len(data) < HEADER.size + size:
        data += _some(sock)
    return data[HEADER.size :]


def _some(sock: socket.socket) -> bytes:
    chunk = sock.recv(1 << 16)
    if not chunk:
        raise EOFError("the connection was closed")
    return chunk


def refusal(reply: Mapping[str, Any]) -> Exception:
    """Return the error that a reply other than "released" stands for."""
    if reply["what"] == "cannot":
        if reply["kind"] == "PolicyError":
            return PolicyError(reply["message"], path=reply["path"], line=reply["line"], fix=reply["fix"])
        return CannotEnforce(reply["message"], why=reply["why"], fix=reply["fix"])
    code = str(reply.get("code", "gate"))
    rules = reply.get("rules") or [code]
    kind: type[Refused] = PolicyDenied
    if reply["what"] == "pending":
        kind = ApprovalRequired
    elif code == "budget":
        kind = BudgetExceeded
    elif code in _BLOCKED:
        kind = StateBlocked
    return kind(
        _sentence(reply, code, rules),
        code=code,
        id=str(reply.get("id", "")),
        rule=", ".join(rules),
        where=str(reply.get("where", "")),
        next_step=str(reply.get("next_step", "")),
    )


def _sentence(reply: Mapping[str, Any], code: str, rules: list[str]) -> str:
    """Return one line that is safe to show to a model: verdict, code, id, and that retrying is no use."""
    name = f" [{reply['id']}]" if reply.get("id") else ""
    if reply["what"] == "pending":
        id_ = reply.get("id", "?")
        if code == "expired":
            return f"expired, id {id_}: nobody answered in time; the same call asks anew"
        return (
            f"pending, id {id_}: approval required ({', '.join(rules)}). A person answers, in another terminal: "
            f"nucleus approve {id_}. Do not retry before that; then make the same call again"
        )
    if code == "refused_by_owner":
        return f"denied by the owner{name}: do not retry"
    if code in _BLOCKED:
        return f"blocked ({code}){name}: this session can do nothing more; do not retry"
    return f"denied ({code}){name}: do not retry"


def failure(value: Mapping[str, Any]) -> Exception:
    """Return the built-in exception that a failed effect stands for."""
    kind = _FAILURES.get(str(value.get("type", "")), OSError)
    number = value.get("errno", 0)
    message = str(value.get("message", "the effect failed"))
    if issubclass(kind, OSError) and type(number) is int and number > 0:
        return kind(number, message)
    if issubclass(kind, UnicodeError):
        return ValueError(message)
    return kind(message)
