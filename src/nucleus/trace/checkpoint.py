"""Checkpoints: signed tree heads whose key is used once (c2sp.org/tlog-checkpoint).

The text of a checkpoint, with two extension lines::

    nucleus-runtime/trace/TRACE     origin, and the name of every key
    1024                            records before the checkpoint record
    base64(root)                    of their Merkle tree
    time 1790000000000000000        of the checkpoint record, so that the
                                    signature covers every byte of its line
    next NAME+ID+KEY                the key of the next checkpoint, or "end"

Forward security: each key signs one checkpoint, which names the next key; then
the private half is dropped. Who takes over the process can sign from there
on, and can't rewrite what was certified before. The first key is in the
header and in the session ledger.

What is not done: Python can't promise that the memory of a dropped key is
overwritten. It lives in OpenSSL, which clears it on free.
"""

import base64
from typing import Final, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nucleus.errors import TraceError
from nucleus.lean import dataclass
from nucleus.trace import note
from nucleus.trace.note import VerifierKey

ORIGIN: Final = "nucleus-runtime/trace/"
END: Final = "end"


@final
@dataclass(frozen=True, slots=True)
class Checkpoint:
    """What a checkpoint says. ``next_key`` is None for the last one."""

    origin: str
    size: int
    root: bytes
    time_ns: int
    next_key: VerifierKey | None

    def text(self) -> str:
        """Return the text that is signed."""
        following = END if self.next_key is None else str(self.next_key)
        root = base64.b64encode(self.root).decode()
        return f"{self.origin}\n{self.size}\n{root}\ntime {self.time_ns}\nnext {following}\n"


class Signer:
    """Signs the checkpoints of one trace, each with a key of its own that never touches disk."""

    __slots__ = ("_key", "origin")

    def __init__(self, trace: str) -> None:
        self.origin = ORIGIN + trace
        self._key: Ed25519PrivateKey | None = Ed25519PrivateKey.generate()

    def public(self) -> VerifierKey:
        """Return the public half of the key that signs next. Raises ``TraceError`` after the last."""
        return _public(self.origin, self._live())

    def prepare(self, size: int, root: bytes, time_ns: int, *, last: bool) -> tuple[str, Ed25519PrivateKey | None]:
        """Return the signed note and the key that comes next, without moving on to it."""
        following = None if last else Ed25519PrivateKey.generate()
        next_key = None if following is None else _public(self.origin, following)
        text = Checkpoint(self.origin, size, root, time_ns, next_key).text()
        return note.sign(text, self._live(), self.origin), following

    def evolve(self, following: Ed25519PrivateKey | None) -> None:
        """Drop the key that has signed. INVARIANT: called as soon as its checkpoint is on disk."""
        self._key = following

    def _live(self) -> Ed25519PrivateKey:
        if self._key is None:
            raise TraceError("the last checkpoint was signed; no key is left")
        return self._key


def parse(text: str) -> Checkpoint:
    """Return what the text of a note says. Raises ``TraceError`` unless it is a checkpoint in canonical form."""
    lines = text.split("\n")
    if len(lines) != 6 or lines[5] or not lines[3].startswith("time ") or not lines[4].startswith("next "):
        raise TraceError("not a checkpoint of a trace (origin, size, root, time, next)")
    size, time_ns = _number(lines[1]), _number(lines[3].removeprefix("time "))
    try:
        root = base64.b64decode(lines[2], validate=True)
    except ValueError:
        raise TraceError("a checkpoint whose root is not base64") from None
    following = lines[4].removeprefix("next ")
    next_key = None if following == END else note.parse_key(following)
    found = Checkpoint(lines[0], size, root, time_ns, next_key)
    if len(root) != 32 or found.text() != text or not found.origin.startswith(ORIGIN):
        raise TraceError("not a checkpoint of a trace in canonical form")
    return found


def _public(origin: str, key: Ed25519PrivateKey) -> VerifierKey:
    return VerifierKey(origin, key.public_key().public_bytes_raw())


def _number(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or len(text) > 20:
        raise TraceError("a checkpoint with a malformed number")
    return int(text)
