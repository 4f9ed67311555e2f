"""Whoever got the last byte got the right bytes."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.egress.http1 import HttpError
from nucleus.egress.verified import verified

PIECES = st.lists(st.binary(min_size=1, max_size=50), max_size=8)


def passed(pieces: list[bytes], digest: str) -> tuple[bytes, bool]:
    """Return what passed, and whether it was said to be whole."""

    async def give() -> AsyncIterator[bytes]:
        for one in pieces:
            yield one

    async def take() -> tuple[bytes, bool]:
        got = b""
        try:
            async for one in verified(give(), digest):
                got += one
        except HttpError:
            return got, False
        return got, True

    return asyncio.run(take())


@given(PIECES, st.sampled_from(["sha256", "sha384", "sha512"]))
def test_the_right_bytes_pass_unchanged(pieces: list[bytes], algorithm: str) -> None:
    content = b"".join(pieces)
    digest = f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"
    assert passed(pieces, digest) == (content, True)


@given(PIECES.filter(bool))
def test_other_bytes_never_pass_whole(pieces: list[bytes]) -> None:
    content = b"".join(pieces)
    got, whole = passed(pieces, f"sha256:{hashlib.sha256(content + b'x').hexdigest()}")
    assert not whole
    assert len(got) < len(content)


def test_an_unknown_algorithm_is_no_check_that_passes() -> None:
    with pytest.raises(KeyError):
        passed([b"x"], "md5:9dd4e461268c8034f5c8564e155c67a6")
