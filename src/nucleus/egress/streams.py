"""One connection, read by heads and bodies, with back-pressure and with an end to every wait."""

import asyncio
from collections.abc import AsyncIterator
from typing import Final, final

from nucleus.egress.http1 import Chunks, HttpError, end_of_head
from nucleus.egress.limits import PIECE

INTERIM_LIMIT: Final = 8
"""1xx answers before the real one."""


@final
class Stream:
    """A connection and what was read of it too early."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, idle: float) -> None:
        self._reader = reader
        self._writer = writer
        self._idle = idle
        self._early = b""

    async def head(self, seconds: float) -> bytes:
        """Return the next head, b"" if the connection ended before it. Raises HttpError, TimeoutError, OSError."""
        async with asyncio.timeout(seconds):
            held = bytearray(self._early)
            self._early = b""
            while True:
                end = end_of_head(held)
                if end >= 0:
                    self._early = bytes(held[end:])
                    return bytes(held[:end])
                data = await self._reader.read(PIECE)
                if not data:
                    if held:
                        raise HttpError(400, "the connection ended in the middle of a head")
                    return b""
                held += data

    async def some(self, *, waits: bool = False) -> bytes:
        """Return the next bytes, b"" at the end. Raises OSError, and TimeoutError unless it ``waits`` for ever."""
        if self._early:
            data, self._early = self._early, b""
            return data
        if waits:
            return await self._reader.read(PIECE)
        async with asyncio.timeout(self._idle):
            return await self._reader.read(PIECE)

    async def exactly(self, size: int) -> AsyncIterator[bytes]:
        """Yield ``size`` bytes in pieces. Raises HttpError where the connection ends before."""
        while size:
            data = await self.some()
            if not data:
                raise HttpError(502, "the connection ended in the middle of a body")
            piece, self._early = data[:size], data[size:]
            size -= len(piece)
            yield piece

    async def chunked(self) -> AsyncIterator[bytes]:
        """Yield the content of a chunked body. Raises HttpError."""
        chunks = Chunks()
        while not chunks.done:
            data = await self.some()
            if not data:
                raise HttpError(502, "the connection ended in the middle of a body")
            piece = chunks.feed(data)
            if piece:
                yield piece
        self._early = chunks.rest + self._early

    async def to_the_end(self) -> AsyncIterator[bytes]:
        """Yield whatever comes until the connection ends."""
        while data := await self.some():
            yield data

    async def write(self, data: bytes) -> None:
        """Write and wait until the other side took enough of it. Raises OSError, TimeoutError."""
        self._writer.write(data)
        async with asyncio.timeout(self._idle):
            await self._writer.drain()

    def finish(self) -> None:
        """Say that nothing more will be written."""
        if self._writer.can_write_eof() and not self._writer.is_closing():
            self._writer.write_eof()

    def cut(self) -> None:
        """Drop the connection with all that is not written yet."""
        self._writer.transport.abort()

    async def close(self) -> None:
        """Write what is waiting, and close. Never raises for a connection that is gone."""
        self._writer.close()
        try:
            async with asyncio.timeout(5.0):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self.cut()
