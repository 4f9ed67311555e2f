"""Keys, blocks and tokens for tests of the room."""

import base64
from dataclasses import dataclass, field
from typing import Any

import biscuit_auth
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nucleus.tokens import token
from nucleus.tokens.block import Block
from nucleus.tokens.grant import Grant
from nucleus.tokens.holder import Challenge, challenge

NOW = 1_000
PUSH = 0b11 << 2 * 9
READ = 0b11
PROGRAM: Any = biscuit_auth


@dataclass
class Scene:
    """A root, two holders, and a verifier called ``api``."""

    root: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    first: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    second: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)
    thief: Ed25519PrivateKey = field(default_factory=Ed25519PrivateKey.generate)

    @property
    def roots(self) -> list[token.Root]:
        return [token.Root("owner", raw(self.root))]

    def block(self, **changed: Any) -> Block:
        """Return a first block that gives reading and pushing, with some of it changed."""
        whole: dict[str, Any] = {
            "authority": READ | PUSH,
            "budget": 500,
            "expires": NOW + 100,
            "audience": frozenset({"api", "mirror"}),
            "depth": 4,
            "holder": raw(self.first),
        }
        return Block(**(whole | changed))

    def mint(self, **changed: Any) -> str:
        return token.mint(self.root, self.block(**changed))

    def less(self, before: str, **changed: Any) -> str:
        return token.attenuate(before, Block(**changed), self.roots)

    def handed(self, before: str) -> str:
        """Return the token made out to the second holder by the first."""
        return token.attenuate(before, Block(holder=raw(self.second)), self.roots, self.first)

    def present(self, text: str, key: Ed25519PrivateKey | None = None, **changed: Any) -> Grant:
        """Present a token to ``api`` as the first holder, or as ``key``."""
        asked: Challenge = changed.pop("asked", None) or challenge("api")
        proof = changed.pop("proof", None) or token.answer(text, key or self.first, asked)
        roots = changed.pop("roots", self.roots)
        return token.verify(text, roots, asked, proof, **({"now": NOW} | changed))


def raw(key: Ed25519PrivateKey) -> bytes:
    return key.public_key().public_bytes_raw()


def appended(text: str, roots: list[token.Root], source: str, **terms: Any) -> str:
    """Append any Datalog to a token, as anybody can who has it, with Biscuit's own library."""
    opened = PROGRAM.Biscuit.from_base64(text, PROGRAM.PublicKey.from_bytes(roots[0].public, PROGRAM.Algorithm.Ed25519))
    return str(opened.append(PROGRAM.BlockBuilder(source, terms)).to_base64())


def signed(root: Ed25519PrivateKey, source: str, **terms: Any) -> str:
    """Return a token of any Datalog, signed by a root."""
    key = PROGRAM.PrivateKey.from_bytes(root.private_bytes_raw(), PROGRAM.Algorithm.Ed25519)
    return str(PROGRAM.BiscuitBuilder(source, terms).build(key).to_base64())


def by(signer: Ed25519PrivateKey, text: str, roots: list[token.Root], source: str) -> str:
    """Append a block that ``signer`` signed as a third party."""
    public = PROGRAM.PublicKey.from_bytes(roots[0].public, PROGRAM.Algorithm.Ed25519)
    opened = PROGRAM.Biscuit.from_base64(text, public)
    key = PROGRAM.PrivateKey.from_bytes(signer.private_bytes_raw(), PROGRAM.Algorithm.Ed25519)
    block = opened.third_party_request().create_block(key, PROGRAM.BlockBuilder(source))
    own = PROGRAM.PublicKey.from_bytes(raw(signer), PROGRAM.Algorithm.Ed25519)
    return str(opened.append_third_party(own, block).to_base64())


def decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text)


def encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).decode()
