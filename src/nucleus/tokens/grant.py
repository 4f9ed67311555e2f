"""What the blocks of a token give together: every bound is the tightest of all.

Authority, budget and exposure go through the kernel's own ``tighten`` and
``absorb``, which are proved to return less or the same. A block that claims
more than the ones before it changes nothing.
"""

from collections.abc import Sequence
from typing import final

from nucleus.errors import TokenError
from nucleus.kernel.capability import EVERYTHING
from nucleus.kernel.delegate import absorb, min_of, tighten
from nucleus.kernel.exposure import CLEAN
from nucleus.kernel.state import BUDGET_LIMIT, State
from nucleus.lean import dataclass
from nucleus.tokens.block import TIME_LIMIT, Block


@final
@dataclass(frozen=True, slots=True)
class Bounds:
    """The meet of all blocks."""

    authority: int
    budget: int
    """Micro-units."""
    exposure: int
    """What a principal under this token has seen at least."""
    expires: int
    """The first second of Unix time at which it gives nothing."""
    audience: frozenset[str]
    depth: int
    """Blocks that may still follow."""
    holder: bytes
    limits: tuple[frozenset[tuple[str, str]], ...]
    """Of each block that has any, its limits: all of them hold."""


@final
@dataclass(frozen=True, slots=True)
class Grant:
    """A token that was verified: what it gives, to whom, and on whose word."""

    bounds: Bounds
    root: str
    """The caller's name for the root that signed it."""
    revocation_ids: tuple[str, ...]
    """One for each block; to revoke a block is to revoke all that follow from it."""


def bounds_of(blocks: Sequence[Block], signers: Sequence[bytes]) -> Bounds:
    """Return the meet of the blocks of one token, the first made by a root.

    ``signers`` has for each block the key that signed it besides the token's
    own chain, b"" for none. Raises ``TokenError`` where the first block leaves
    a bound out (malformed), there are more blocks than one of them allows
    (depth), or a block is made out to a new holder without the old one's
    signature (holder).
    """
    first = blocks[0]
    if None in (first.authority, first.budget, first.expires, first.depth) or not first.audience or not first.holder:
        message = "the first block of a token names authority, budget, expiry, audience, depth and holder"
        raise TokenError(f"malformed token: {message}", code="malformed")
    state = State(EVERYTHING, CLEAN, BUDGET_LIMIT, 0)
    expires, depth, audience, holder = TIME_LIMIT, len(blocks), first.audience, first.holder
    for number, (block, signer) in enumerate(zip(blocks, signers, strict=True)):
        if depth == 0:
            raise TokenError(f"the token may not have more than {number} blocks", code="depth")
        if number:
            holder = _holder(holder, block, signer)
        state = absorb(
            tighten(state, _or(block.authority, state.authority), _or(block.budget, state.budget)), block.exposure
        )
        expires = min_of(expires, _or(block.expires, expires))
        depth = min_of(depth - 1, _or(block.depth, depth - 1)) if number else _or(block.depth, 0)
        audience = audience & block.audience if block.audience else audience
    limits = tuple(block.limits for block in blocks if block.limits)
    return Bounds(state.authority, state.budget, state.exposure, expires, audience, depth, holder, limits)


def narrowed(state: State, bounds: Bounds) -> State:
    """Return ``state`` under a token: its own, with at most what the token gives and at least what it has seen."""
    return absorb(tighten(state, bounds.authority, bounds.budget), bounds.exposure)


def _holder(before: bytes, block: Block, signer: bytes) -> bytes:
    """Return who holds the token after one more block.

    Anyone who has a token can append to it. So only the holder's own
    signature makes it out to somebody else; and a signature of anybody else
    says nothing that is understood here, so it is refused.
    """
    if not block.holder and not signer:
        return before
    if not block.holder or signer != before:
        raise TokenError("a block changes hands, or is signed, without the holder's signature", code="holder")
    return block.holder


def _or(value: int | None, otherwise: int) -> int:
    return otherwise if value is None else value
