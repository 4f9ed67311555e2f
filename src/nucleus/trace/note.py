"""C2SP signed notes: text that carries Ed25519 signatures (c2sp.org/signed-note).

A note is text that ends in a newline, an empty line, and lines of the form
``EM-DASH name base64(key id || signature)``. The key id is the first four
bytes of SHA-256 over name, newline, the byte 0x01 and the public key. A key
travels as ``name+hex(key id)+base64(0x01 || public key)``.

Signing and verification are ``cryptography``'s; here is only the format.
"""

import base64
import binascii
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nucleus.errors import TraceError
from nucleus.lean import dataclass

NOTE_LIMIT: Final = 64 * 1024
"""Bytes. Room for sixteen large witness signatures, which a verifier must accept."""
SIGNATURES_LIMIT: Final = 100
_DASH: Final = "\u2014 "
_ED25519: Final = b"\x01"


@final
@dataclass(frozen=True, slots=True)
class VerifierKey:
    """The public half of a key, under the name that its signatures carry."""

    name: str
    public: bytes

    @property
    def id(self) -> bytes:
        """Return the four bytes that, with the name, say which key signed."""
        return sha256(self.name.encode() + b"\n" + _ED25519 + self.public).digest()[:4]

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{base64.b64encode(_ED25519 + self.public).decode()}"


@final
@dataclass(frozen=True, slots=True)
class Note:
    """The text that is signed, and the signatures: (name, key id, signature)."""

    text: str
    signatures: tuple[tuple[str, bytes, bytes], ...]


def parse_key(text: str) -> VerifierKey:
    """Return the key that ``text`` spells. Raises ``TraceError``."""
    parts = text.split("+", 2)
    if len(parts) != 3 or not _name_ok(parts[0]):
        raise TraceError("not a verifier key (name+id+key)")
    raw = _unbase64(parts[2])
    if len(raw) != 33 or raw[:1] != _ED25519:
        raise TraceError("not an Ed25519 verifier key")
    key = VerifierKey(parts[0], raw[1:])
    if key.id.hex() != parts[1]:
        raise TraceError("a verifier key whose id does not match it")
    return key


def sign(text: str, key: Ed25519PrivateKey, name: str) -> str:
    """Return the note over ``text`` with one signature. Raises ``TraceError`` if ``text`` can't be a note's."""
    if not text.endswith("\n") or not _text_ok(text) or not _name_ok(name):
        raise TraceError("a note's text ends in a newline and holds no control characters; its key has a plain name")
    public = VerifierKey(name, key.public_key().public_bytes_raw())
    signature = base64.b64encode(public.id + key.sign(text.encode())).decode()
    return f"{text}\n{_DASH}{name} {signature}\n"


def parse(data: bytes) -> Note:
    """Return the note in ``data``; nothing in it is verified. Raises ``TraceError``."""
    if len(data) > NOTE_LIMIT:
        raise TraceError(f"a note of more than {NOTE_LIMIT} bytes")
    try:
        whole = data.decode("utf-8")
    except UnicodeDecodeError:
        raise TraceError("a note that is not UTF-8") from None
    split = whole.rfind("\n\n")
    if split < 0 or not whole.endswith("\n") or not _text_ok(whole):
        raise TraceError("not a signed note: text, an empty line, signature lines")
    text, lines = whole[: split + 1], whole[split + 2 : -1].split("\n")
    if len(lines) > SIGNATURES_LIMIT:
        raise TraceError(f"a note with more than {SIGNATURES_LIMIT} signatures")
    return Note(text, tuple(_signature(line) for line in lines))


def verify(note: Note, keys: Sequence[VerifierKey]) -> str:
    """Return the text, once one of ``keys`` is known to have signed it.

    Signatures by other keys are ignored. Raises ``TraceError`` if none of
    ``keys`` signed, or if a signature by one of them does not hold.
    """
    signed = False
    for name, key_id, signature in note.signatures:
        for key in keys:
            if (key.name, key.id) == (name, key_id):
                try:
                    Ed25519PublicKey.from_public_bytes(key.public).verify(signature, note.text.encode())
                except (InvalidSignature, ValueError):
                    raise TraceError(f"the signature of {name} does not hold") from None
                signed = True
    if not signed:
        raise TraceError("signed by none of the keys that it should be signed by")
    return note.text


def _signature(line: str) -> tuple[str, bytes, bytes]:
    if not line.startswith(_DASH):
        raise TraceError("a signature line that does not start with a dash")
    name, found, encoded = line[len(_DASH) :].partition(" ")
    raw = _unbase64(encoded)
    if not found or not _name_ok(name) or len(raw) < 5:
        raise TraceError("a malformed signature line")
    return name, raw[:4], raw[4:]


def _unbase64(text: str) -> bytes:
    """Decode standard base64 in its one canonical spelling."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise TraceError("malformed base64") from None
    if base64.b64encode(raw).decode() != text:
        raise TraceError("base64 in a spelling that is not canonical")
    return raw


def _name_ok(name: str) -> bool:
    return bool(name) and "+" not in name and not any(c.isspace() for c in name) and _text_ok(name)


def _text_ok(text: str) -> bool:
    return all(c >= " " or c == "\n" for c in text)
