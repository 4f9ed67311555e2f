"""Bounds on what one box may hold open, send and be sent; and a pace that is kept."""

import asyncio
from collections.abc import Callable
from typing import Final, final

from nucleus.lean import dataclass

PIECE: Final = 64 * 1024
"""Bytes read and passed on at once. Twice as much is what one connection holds at most in each direction."""
FIRST_LEASE: Final = 16 * 1024
"""Bytes that a tunnel or an upload of unknown length is charged for when it opens: a hello and some requests."""
ASKED_LEASE: Final = 1 << 20
"""The same where a person was asked: nobody wants the same question again after a few requests."""
LEASE_LIMIT: Final = 8 << 20
"""Bytes that it is charged for at once later on. Each lease is a decision of its own."""


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """What the supervisor may set; the defaults are for a developer's machine."""

    connections: int = 256
    """Clients at once. A browser opens about 30, a package manager 16."""
    request_bytes: int = 1 << 30
    """Of one request's body."""
    response_bytes: int = 8 << 30
    """Of one response's body: the largest packages are a few gigabytes."""
    bytes_a_second: int = 32 << 20
    """That leave, all connections together. 0 for no such bound."""
    calls_a_second: float = 200.0
    """Questions to the gate: each is a record, whatever the answer."""
    bodies: int = 4
    """Bodies that are read as a whole at once, to be judged. More wait."""
    head_seconds: float = 30.0
    """In which a head, or a hello, has to come."""
    idle_seconds: float = 600.0
    """Without a byte in either direction. A model may think for minutes before its first word."""
    connect_seconds: float = 10.0
    """To connect to one address."""


@final
class Pace:
    """So many a second (bytes, or questions), with a second's worth at once. ``take`` waits until they may pass."""

    def __init__(self, a_second: float, clock: Callable[[], float]) -> None:
        self._rate = a_second
        self._clock = clock
        self._free_at = clock()
        """When everything that passed so far has been paid for."""

    async def take(self, size: int) -> None:
        """Wait until ``size`` more may pass."""
        if self._rate <= 0:
            return
        now = self._clock()
        self._free_at = max(self._free_at, now - 1.0) + size / self._rate
        if self._free_at > now:
            await asyncio.sleep(self._free_at - now)
