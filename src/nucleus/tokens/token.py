"""Mint, attenuate, seal, inspect and verify tokens. The format of signatures is Biscuit's (biscuitsec.org).

Biscuit's library checks that each block was signed by a key that the block
before it names, and the first by a root. It is asked for nothing more: what
a token gives is read from its blocks (``block``), met by the kernel's
functions (``grant``) and bound to its holder (``holder``). At the end
Biscuit's authorizer is asked too, and where it disagrees nothing is given.

Which roots are trusted, for what at most, who the audience is, what time it
is and what was revoked: all that is the caller's to say. A token carries a
hint at its root in no way that is looked at.

``biscuit-python`` comes with the extra ``tokens`` and is imported when first
needed.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Sequence
from datetime import timedelta
from typing import Any, Final, final

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from nucleus.errors import CannotEnforce, TokenError
from nucleus.kernel.capability import EVERYTHING, meet
from nucleus.lean import dataclass, replace
from nucleus.tokens.block import DEPTH_LIMIT, Block, read, write
from nucleus.tokens.grant import Bounds, Grant, bounds_of
from nucleus.tokens.holder import Challenge, prove, verify_proof
from nucleus.tokens.keys import public_bytes
from nucleus.tokens.wire import require_bytes, sealed

TOKEN_LIMIT: Final = 64 * 1024
"""Bytes of a token. Sixteen blocks with all their limits in use fit."""
_AUTHORIZER_SECONDS: Final = 5
"""Biscuit's own limit is one millisecond, which a busy machine exceeds; there is nothing to loop over here."""
_ALPHABET: Final = re.compile(r"[A-Za-z0-9_-]+={0,2}")


@final
@dataclass(frozen=True, slots=True)
class Root:
    """A key whose tokens the caller believes, and the most that any of them can give."""

    name: str
    public: bytes
    authority: int = EVERYTHING


@final
@dataclass(frozen=True, slots=True)
class Inspected:
    """What a token says of itself. Nobody has checked a signature: it authorises nothing."""

    blocks: tuple[Block, ...]
    revocation_ids: tuple[str, ...]


def mint(key: Ed25519PrivateKey, block: Block) -> str:
    """Return a new token, signed by a root. Raises ``TokenError`` for a block that leaves a bound out."""
    bounds_of([block], [b""])
    biscuit = _biscuit()
    return str(biscuit.BiscuitBuilder(write(block)).build(_private(biscuit, key)).to_base64())


def attenuate(token: str, block: Block, roots: Iterable[Root], key: Ed25519PrivateKey | None = None) -> str:
    """Return the token with one more block, which can only take away. Raises ``TokenError``.

    A block with a ``holder`` makes the token out to that holder; ``key`` is
    then the key of who holds it now. Without ``roots`` that signed the token
    nothing is added: who hands on what nobody gave has been deceived.
    """
    biscuit = _biscuit()
    raw = _bytes(token)
    opened, _ = _opened(biscuit, raw, tuple(roots))
    blocks, signers = _blocks(opened, raw)
    source = biscuit.BlockBuilder(write(block))
    signer = b"" if key is None or not block.holder else public_bytes(key.public_key())
    bounds_of([*blocks, block], [*signers, signer])
    try:
        if key is None or not block.holder:
            return str(opened.append(source).to_base64())
        signed = opened.third_party_request().create_block(_private(biscuit, key), source)
        return str(opened.append_third_party(_public(biscuit, signer), signed).to_base64())
    except _failures(biscuit) as error:
        raise TokenError(f"nothing can be appended: {error}", code="depth") from error


def seal(token: str, roots: Iterable[Root]) -> str:
    """Return the token so that nobody can append to it any more; its holder can use it. Raises ``TokenError``."""
    biscuit, raw, trusted = _biscuit(), _bytes(token), tuple(roots)
    _blocks(_opened(biscuit, raw, trusted)[0], raw)
    done = sealed(raw)
    _opened(biscuit, done, trusted)
    return base64.urlsafe_b64encode(done).decode()


def inspect(token: str) -> Inspected:
    """Return what a token says, without believing it. Raises ``TokenError`` (malformed)."""
    biscuit = _biscuit()
    _bytes(token)
    try:
        opened = biscuit.UnverifiedBiscuit.from_base64(token)
        blocks = tuple(read(opened.block_source(number)) for number in range(opened.block_count()))
        return Inspected(blocks, tuple(opened.revocation_ids))
    except _failures(biscuit) as error:
        raise TokenError(f"malformed token: {error}", code="malformed") from error


def answer(token: str, key: Ed25519PrivateKey, asked: Challenge) -> bytes:
    """Return the holder's proof for a verifier's challenge, for exactly this token. Raises ``TokenError``."""
    return prove(_bytes(token), key, asked)


def verify(
    token: str,
    roots: Iterable[Root],
    asked: Challenge,
    proof: bytes,
    *,
    now: int,
    revoked: frozenset[str] = frozenset(),
) -> Grant:
    """Return what a token gives to whoever presents it now. Raises ``TokenError``; its ``code`` says why.

    ``asked`` is a challenge that this verifier made with ``holder.challenge``
    and accepts one answer to; ``now`` is the verifier's clock in seconds of
    Unix time; ``revoked`` holds revocation ids. Nothing is remembered here:
    a challenge is used once because the caller forgets it.
    """
    biscuit, raw = _biscuit(), _bytes(token)
    opened, root = _opened(biscuit, raw, tuple(roots))
    ids = tuple(opened.revocation_ids)
    if not revoked.isdisjoint(ids):
        raise TokenError("the token, or one that it was made from, was revoked", code="revoked")
    blocks, signers = _blocks(opened, raw)
    bounds = bounds_of(blocks, signers)
    if now >= bounds.expires:
        raise TokenError(f"the token's time was over at {bounds.expires} (now {now})", code="expired")
    if asked.audience not in bounds.audience:
        raise TokenError(f"the token is not for {asked.audience!r}", code="audience")
    verify_proof(raw, bounds.holder, asked, proof)
    _agreed(biscuit, opened, bounds, asked.audience, now)
    return Grant(replace(bounds, authority=meet(bounds.authority, root.authority)), root.name, ids)


def _opened(biscuit: Any, raw: bytes, roots: Sequence[Root]) -> tuple[Any, Root]:
    """Return the token once a root's signature and all that follow from it are right. Raises ``TokenError``."""
    for root in roots:
        try:
            opened = biscuit.Biscuit.from_bytes(raw, _public(biscuit, root.public))
        except _failures(biscuit):
            continue
        # INVARIANT: nothing in the bytes that no signature covers and no reader looks at.
        if bytes(opened.to_bytes()) != raw:
            raise TokenError("malformed token: bytes that belong to no part of it", code="malformed")
        return opened, root
    raise TokenError("no trusted root signed this token, or it was changed since", code="untrusted")


def _blocks(opened: Any, raw: bytes) -> tuple[list[Block], list[bytes]]:
    """Return what the blocks say, and who signed each besides the token's own chain. Raises ``TokenError``."""
    count = opened.block_count()
    if count > DEPTH_LIMIT + 1:
        raise TokenError(f"a token has at most {DEPTH_LIMIT + 1} blocks", code="depth")
    signers = []
    for number in range(count):
        signer = opened.block_external_key(number)
        algorithm, _, key = ("ed25519/" if signer is None else str(signer)).partition("/")
        if algorithm != "ed25519":
            raise TokenError("a block was signed by a key that is not Ed25519", code="holder")
        signers.append(bytes.fromhex(key))
    blocks = [read(opened.block_source(number)) for number in range(count)]
    require_bytes(raw, blocks, signers)
    return blocks, signers


def _agreed(biscuit: Any, opened: Any, bounds: Bounds, audience: str, now: int) -> None:
    """Raise ``TokenError`` unless Biscuit's authorizer, asked for all that is given here, says yes too."""
    builder = biscuit.AuthorizerBuilder(
        "asked({authority}); spent({budget}); now({now}); at({audience}); allow if true;",
        {"authority": bounds.authority, "budget": bounds.budget, "now": now, "audience": audience},
    )
    limits = builder.limits()
    limits.max_time = timedelta(seconds=_AUTHORIZER_SECONDS)
    builder.set_limits(limits)
    try:
        builder.build(opened).authorize()
    except _failures(biscuit) as error:
        raise TokenError(f"Biscuit's authorizer refuses what was read here: {error}", code="dispute") from error


def _bytes(token: str) -> bytes:
    """Return the bytes that URL-safe base64 spells, in its one spelling. Raises ``TokenError``."""
    if len(token) > TOKEN_LIMIT * 4 // 3 + 4 or not _ALPHABET.fullmatch(token):
        raise TokenError(f"malformed token: not base64 (URL-safe) of at most {TOKEN_LIMIT} bytes", code="malformed")
    try:
        raw = base64.urlsafe_b64decode(token)
    except (binascii.Error, ValueError) as error:
        raise TokenError(f"malformed token: {error}", code="malformed") from error
    if base64.urlsafe_b64encode(raw).decode() != token:
        raise TokenError("malformed token: not the one spelling of its bytes", code="malformed")
    return raw


def _private(biscuit: Any, key: Ed25519PrivateKey) -> Any:
    return biscuit.PrivateKey.from_bytes(key.private_bytes_raw(), biscuit.Algorithm.Ed25519)


def _public(biscuit: Any, key: bytes) -> Any:
    return biscuit.PublicKey.from_bytes(key, biscuit.Algorithm.Ed25519)


def _failures(biscuit: Any) -> tuple[type[Exception], ...]:
    return (
        biscuit.BiscuitValidationError,
        biscuit.BiscuitSerializationError,
        biscuit.BiscuitBlockError,
        biscuit.BiscuitBuildError,
        biscuit.DataLogError,
        biscuit.AuthorizationError,
        ValueError,
    )


def _biscuit() -> Any:
    """Return Biscuit's library. Raises ``CannotEnforce`` where the extra is not installed."""
    try:
        import biscuit_auth
    except ImportError as error:
        fix = "pip install 'nucleus-runtime[tokens]'"
        raise CannotEnforce("tokens need biscuit-python", why="it is not installed", fix=fix) from error
    return biscuit_auth
