"""Connections that are handed into a box: what they may ask of the gate, and how a process in the box gets one.

The supervisor of a box listens at ``DOOR`` inside. Whoever connects there is
handed a connection of the box's principal: one message, a frame that says
what was opened, and the descriptor. From then on it speaks to the gate itself.

A box works on a copy. Files and commands are its own there, so nothing
that a worker would do on the host's workspace is asked through such a
connection; neither are the supervisor's own rights, the trace or a lockdown. Nor is a
quarantine: nothing in a box keeps what one process has seen from the others.
"""

import socket
from collections.abc import Mapping
from typing import Any, Final

from nucleus.errors import CannotEnforce
from nucleus.gate.connection import Connection
from nucleus.gate.protocol import HEADER, ProtocolError, decode, encode
from nucleus.policy import call as kinds

ROLE: Final = "box"
"""What ``attach`` names to make such a connection. Only the connection that opened the principal may."""
DOOR: Final = "/run/nucleus.sock"
"""Where the supervisor listens, in the box."""
VARIABLE: Final = "NUCLEUS_DOOR"
"""Tells the SDK that it is in a box, and where the door is."""
VERBS: Final = frozenset({"call", "done", "status", "attach", "delegate"})
KINDS: Final = frozenset(
    {kinds.FETCH, kinds.SEARCH, kinds.TOOL, kinds.PULL_REQUEST, kinds.COMMENT, kinds.LABEL, kinds.ISSUE}
)
"""Calls whose effect is not on the host's workspace."""
OWNER_S: Final = frozenset({"role", "policies", "revision", "revised", "seal", "containment"})
"""Fields that only the owner's side fills."""
NOT_IN_A_BOX: Final = {
    "what": "denied",
    "code": "capability",
    "rules": ["capability"],
    "next_step": "in a box files, commands and git are your own: use open(), subprocess and git; no quarantine",
}
SECONDS: Final = 20.0


def asks_too_much(fields: Mapping[str, Any]) -> bool:
    """Whether a frame asks for what no connection in a box may have.

    INVARIANT: the lists are of what may be asked (test_boxed.py).
    """
    verb = fields.get("do")
    if verb == "call":
        return fields.get("kind") not in KINDS
    if "schema" in fields:
        # INVARIANT: no quarantine in a box. Whatever reads there is in one box with who began it, so what a child
        # of it saw would be known to the box, and not to the gate.
        return True
    # A policy file is named by a path of the host's: what is wrong with it would tell what stands there.
    return verb not in VERBS or any(fields.get(name) for name in OWNER_S)


def hand_over(caller: socket.socket, made: Connection, opened: Mapping[str, Any]) -> None:
    """Give a connection to a process in the box. Raises OSError."""
    socket.send_fds(caller, [encode({**opened, "what": "opened"})], [made.fileno()])


def enter(door: str) -> tuple[Connection, dict[str, Any]]:
    """Return a connection from the supervisor of the box that this process is in, and what was opened.

    Raises CannotEnforce if nobody is there.
    """
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        caller.settimeout(SECONDS)
        try:
            caller.connect(door)
            data, passed, _, _ = socket.recv_fds(caller, 1 << 16, 1)
            fields = decode(data[HEADER.size :])
        except (OSError, ProtocolError) as error:
            raise CannotEnforce(
                "the supervisor of this box does not answer", why=str(error), fix="run it again"
            ) from error
    if not passed:
        raise CannotEnforce("the supervisor of this box gives no connection", fix="run it again")
    return Connection(socket.socket(fileno=passed[0])), fields
