"""Proof of possession: a token is only good in the hands of whom it was made out to.

The verifier draws a ``Challenge`` and uses it once; the holder signs it
together with the digest of the whole token and the audience. So a token that
was overheard is worth nothing, and neither is a proof: not for another
token, another block more, another verifier, or another time.
"""

import secrets
from hashlib import sha256
from typing import Final, final

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from nucleus.errors import TokenError
from nucleus.lean import dataclass
from nucleus.tokens.block import good_name

NONCE_BYTES: Final = 32
_DOMAIN: Final = b"nucleus token holder v1\0"
"""What no other message that this key signs starts with."""


@final
@dataclass(frozen=True, slots=True)
class Challenge:
    """What a verifier asks a holder to sign: its own name and a number used once."""

    audience: str
    nonce: bytes


def challenge(audience: str) -> Challenge:
    """Return a fresh challenge of this verifier. Keep it until the answer comes, accept one answer, forget it."""
    if not good_name(audience):
        raise TokenError(f"not a name of an audience: {audience!r}", code="audience")
    return Challenge(audience, secrets.token_bytes(NONCE_BYTES))


def prove(token: bytes, key: Ed25519PrivateKey, asked: Challenge) -> bytes:
    """Return the holder's answer to a challenge, for exactly this token."""
    return key.sign(_message(token, asked))


def verify_proof(token: bytes, holder: bytes, asked: Challenge, proof: bytes) -> None:
    """Raise ``TokenError`` (holder) unless ``proof`` is the answer of the key ``holder`` to this challenge."""
    if len(asked.nonce) != NONCE_BYTES:
        raise TokenError(f"a challenge has {NONCE_BYTES} bytes", code="holder")
    try:
        Ed25519PublicKey.from_public_bytes(holder).verify(proof, _message(token, asked))
    except (InvalidSignature, ValueError, TypeError) as error:
        message = "whoever presents the token does not prove the key that it was made out to"
        raise TokenError(message, code="holder") from error


def _message(token: bytes, asked: Challenge) -> bytes:
    name = asked.audience.encode()
    return _DOMAIN + sha256(token).digest() + asked.nonce + len(name).to_bytes(2, "big") + name
