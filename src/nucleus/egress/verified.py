"""Files that are what their digest says: the last piece is held back until the whole is known."""

import hashlib
from collections.abc import AsyncIterator
from typing import Final

from nucleus.egress.http1 import HttpError

ALGORITHMS: Final = {"sha256": hashlib.sha256, "sha384": hashlib.sha384, "sha512": hashlib.sha512}


async def verified(pieces: AsyncIterator[bytes], digest: str) -> AsyncIterator[bytes]:
    """Yield the pieces; the last one only if all of them together have ``digest``, ``sha256:hex``. Raises HttpError."""
    algorithm, _, wanted = digest.partition(":")
    found = ALGORITHMS[algorithm]()
    held = b""
    async for piece in pieces:
        found.update(piece)
        if held:
            yield held
        held = piece
    # INVARIANT: whoever got the last byte got the right bytes (tests/egress/test_verified.py).
    if found.hexdigest() != wanted:
        raise HttpError(502, "the file is not what its digest says")
    if held:
        yield held
