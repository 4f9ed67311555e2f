"""What the mediator wants done: lines for either side, frames for the gate, words for a person."""

import json
from typing import Any, final

from nucleus.lean import dataclass
from nucleus.mcp.messages import MessageError
from nucleus.mcp.text import escaped


@final
@dataclass(frozen=True, slots=True)
class ToClient:
    """A line for the client."""

    line: bytes


@final
@dataclass(frozen=True, slots=True)
class ToServer:
    """A line for the server."""

    line: bytes


@final
@dataclass(frozen=True, slots=True)
class ToGate:
    """A frame for the gate. It gives exactly one answer to each, in order."""

    fields: dict[str, Any]
    body: bytes = b""


@final
@dataclass(frozen=True, slots=True)
class Note:
    """One line for a person, escaped."""

    text: str


Effect = ToClient | ToServer | ToGate | Note


def note(text: str) -> Note:
    """Return a note of one line in which nothing hides."""
    return Note(escaped(text).replace("\n", "\\n"))


def no_id(error: MessageError) -> bytes:
    """Return the answer to what is no message: JSON-RPC 2.0 (section 5) gives it the id null."""
    fields = {"jsonrpc": "2.0", "id": None, "error": {"code": error.code, "message": str(error)}}
    return json.dumps(fields, separators=(",", ":")).encode() + b"\n"
