r"""What a client's tool hook says to the session daemon, and what it hears: one line in, one line out.

The hook itself is a few words of shell, so that no Python starts for a call.
The socket is ``hooks/PID.sock`` in the state directory, 0600, where PID is
the number of the client's process: a hook looks along its own ancestors for
the one that has a socket, and where none has, ``nucleus hook`` opens the
session, once for each client process. Whoever connects must be that process
or descend from it, and be the same user.

Two forms of a request; which one it is says the first byte:

- ``{"client": "claude-code", "event": {...}}`` and a newline. The connection
  stays, for more lines.
- ``claude-code``, a newline, then the event as the client wrote it (JSON, of
  any number of lines) until the writing side is closed. For ``sh``::

      { echo claude-code; cat; } | nc -NU "$socket" | { read -r status text; ... }

The answer to the first form is ``{"status": 0}`` or ``{"status": 2, "code":
"approval_required", "id": "1f3a", "say": "..."}`` and a newline; to the
second form ``0`` or ``2 text`` and a newline. No answer at all (a daemon that
is gone, a line cut short) is ``2``: a hook says 0 only after it read 0.

An event is translated into calls (``Translate``), each of which the gate
decides and records *before* the client performs it: exposure is joined then,
and the outcome is known to nobody here. All calls must be allowed.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final, final

from nucleus.gate.connection import refusal
from nucleus.lean import dataclass
from nucleus.mcp.messages import MessageError, parse_object, written
from nucleus.policy.call import Call

FOLDER: Final = "hooks"
"""In the state directory."""
LINE_LIMIT: Final = 8 << 20
"""Bytes of one event: a client's hook carries whole files that it wants to write."""
NAME_LIMIT: Final = 64
ALLOW: Final = 0
REFUSE: Final = 2
"""The only two statuses: clients treat any other as "go on"."""

Translate = Callable[[str, Mapping[str, Any]], tuple[Call, ...]]
"""(client, event) -> the calls that the event would make. No calls: nothing to decide. Raises ValueError for an
event of a shape that nobody knows; that is refused."""


@final
@dataclass(frozen=True, slots=True)
class Asked:
    """One request of a hook."""

    client: str
    event: Mapping[str, Any]
    bare: bool
    """It came in the form for ``sh``, and is answered in it."""


@final
class Requests:
    """Cuts what one connection says into requests. Holds at most one, of at most ``LINE_LIMIT`` bytes."""

    def __init__(self) -> None:
        self._held = bytearray()

    def feed(self, data: bytes) -> Iterator[Asked]:
        """Yield each JSON line that is complete after ``data``. Raises ValueError for what is no request."""
        self._held += data
        while self._held.startswith(b"{") and (end := self._held.find(b"\n")) >= 0:
            line = bytes(self._held[:end])
            del self._held[: end + 1]
            yield _whole(line)
        if len(self._held) > LINE_LIMIT:
            raise ValueError(f"an event of more than {LINE_LIMIT} bytes")

    def end(self) -> Iterator[Asked]:
        """Yield the request that the end of the writing side completes. Raises ValueError for a line cut short."""
        held, self._held = bytes(self._held), bytearray()
        if not held:
            return
        if held.startswith(b"{"):
            raise ValueError("a line without its end")
        name, newline, event = held.partition(b"\n")
        if not newline:
            raise ValueError("a client's name and no event")
        yield Asked(_name(name.decode("ascii", "replace").strip()), _object(event), bare=True)


def answered(asked: Asked | None, reply: Mapping[str, Any] | None, *, why: str = "") -> bytes:
    """Return the line for the hook: ``reply`` is the gate's first answer that is no permit, None where all are.

    ``why`` is for what never reached the gate; it is a refusal.
    """
    bare = asked is None or asked.bare
    if reply is None and not why:
        return b"0\n" if bare else b'{"status":0}\n'
    say = why or str(refusal(reply or {"what": "denied"}))
    if bare:
        return f"{REFUSE} {' '.join(say.split())}\n".encode("ascii", "backslashreplace")
    fields = {"status": REFUSE, "code": str((reply or {}).get("code", "hook")), "id": str((reply or {}).get("id", ""))}
    return written({**fields, "say": say}) + b"\n"


def _whole(line: bytes) -> Asked:
    fields = _object(line)
    if set(fields) != {"client", "event"} or type(fields["event"]) is not dict:
        raise ValueError("a request has client and event")
    return Asked(_name(fields["client"]), fields["event"], bare=False)


def _object(text: bytes) -> dict[str, Any]:
    try:
        return parse_object(text)
    except MessageError as error:
        raise ValueError(str(error)) from error


def _name(name: object) -> str:
    if type(name) is str and 0 < len(name) <= NAME_LIMIT and name.isascii() and name.replace("-", "").isalnum():
        return name
    raise ValueError("a client's name is letters, digits and hyphens")
