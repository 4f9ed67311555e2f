"""What the mediator wants done: lines for either side, frames for the gate, words for a person."""

import json
from typing import Any, Final, final

from nucleus.lean import dataclass
from nucleus.mcp.messages import MessageError
from nucleus.mcp.text import escaped


@final
@dataclass(slots=True, unsafe_hash=True)
class ToClient:
    """A line for the client."""

    line: Final[bytes]


@final
@dataclass(slots=True, unsafe_hash=True)
class ToServer:
    """A line for the server."""

    line: Final[bytes]


@final
@dataclass(slots=True, unsafe_hash=True)
class ToGate:
    """A frame for the gate. It gives exactly one answer to each, in order."""

    fields: Final[dict[str, Any]]
    body: Final[bytes] = b""


@final
@dataclass(slots=True, unsafe_hash=True)
class Note:
    """One line for a person, escaped."""

    text: Final[str]


Effect = ToClient | ToServer | ToGate | Note


def note(text: str) -> Note:
    """Return a note of one line in which nothing hides."""
    return Note(escaped(text).replace("\n", "\\n"))


def no_id(error: MessageError) -> bytes:
    """Return the answer to what is no message: JSON-RPC 2.0 (section 5) gives it the id null."""
    fields = {"jsonrpc": "2.0", "id": None, "error": {"code": error.code, "message": str(error)}}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
