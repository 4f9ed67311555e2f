"""The name that a TLS client asks for (RFC 8446 section 4.1.2, RFC 6066 section 3).

No IO. A tunnel was judged for one host; what its client says to the server in
the clear must be that host. So the first bytes are a ClientHello whose one
``server_name`` is the host of the tunnel, and whenever a later record carries
another ClientHello (after a HelloRetryRequest), that one says the same. A
hello without a name, one with another name (fronting; the outer name of an
encrypted hello counts), or no hello at all (any other protocol) is refused.

What is inside of the encrypted part is not seen: a server that answers for
several names may be asked for another one there.
"""

import re
from typing import Final, final

HELLO_LIMIT: Final = 64 * 1024
"""Bytes of a ClientHello. Post-quantum key shares make about two thousand."""
RECORD_LIMIT: Final = (1 << 14) + 2048
"""Bytes of one record (RFC 5246 section 6.2.3; RFC 8446 allows less)."""
_HANDSHAKE: Final = 22
_KNOWN: Final = frozenset((20, 21, 22, 23, 24))
_SERVER_NAME: Final = 0
_ENCRYPTED_HELLO: Final = 0xFE0D
_NAME: Final = re.compile(rb"[A-Za-z0-9_-]{1,63}(?:\.[A-Za-z0-9_-]{1,63}){0,30}\.?")


class HelloError(Exception):
    """The bytes are not the hello that the tunnel was allowed for."""


@final
class HelloGuard:
    """Lets the client's bytes through once its hello was read, and goes on looking at each record.

    INVARIANT: no byte passes before the first hello was read as a whole and named the host.
    """

    def __init__(self, host: str) -> None:
        self._host = host
        self._held = bytearray()
        """Bytes that are not let through yet."""
        self._hello = bytearray()
        self._records = b""
        """The records that the first hello came in."""
        self._greeted = False
        self._left = 0
        """Bytes of the present record that are still to come."""

    @property
    def greeted(self) -> bool:
        """Whether the hello came, and named the host."""
        return self._greeted

    def feed(self, data: bytes) -> bytes:
        """Return what may be sent on after ``data``. Raises HelloError."""
        self._held += data
        passed = bytearray()
        while self._held:
            if self._left:
                taken = self._held[: self._left]
                del self._held[: self._left]
                self._left -= len(taken)
                passed += taken
                continue
            record = self._record()
            if record is None:
                break
            passed += record
        return bytes(passed)

    def _record(self) -> bytes | None:
        """Take the next record, or its header where its content does not matter; None while it goes on."""
        held = self._held
        if len(held) < 5:
            if held[0] not in ({_HANDSHAKE} if not self._greeted else _KNOWN):
                raise HelloError("a tunnel carries TLS, and this is something else")
            return None
        kind, major, size = held[0], held[1], int.from_bytes(held[3:5], "big")
        if kind not in _KNOWN or major != 3 or not 0 < size <= RECORD_LIMIT:
            raise HelloError("a tunnel carries TLS, and this is something else")
        if kind != _HANDSHAKE:
            if not self._greeted:
                raise HelloError("a tunnel begins with a ClientHello")
            self._left = size
            return self._cut(5)
        if len(held) < 5 + size:
            return None
        return self._handshake(bytes(held[5 : 5 + size]), 5 + size)

    def _handshake(self, content: bytes, size: int) -> bytes | None:
        """Look at a whole handshake record."""
        if not self._greeted:
            return self._first(content, size)
        # Encrypted records of TLS 1.2 look like noise here; that noise reads like a hello once in 2**32 records.
        if len(content) < 6:
            raise HelloError("a handshake record too short to be looked at")
        if content[0] == 1 and content[4:6] == b"\x03\x03":
            if int.from_bytes(content[1:4], "big") + 4 != len(content):
                raise HelloError("a second ClientHello is one record")
            self._check(content[4:])
        return self._cut(size)

    def _first(self, content: bytes, size: int) -> bytes | None:
        """Collect the first hello, which may come in several records; nothing passes before it is whole."""
        self._hello += content
        kept = bytes(self._held[:size])
        del self._held[:size]
        self._records += kept
        if self._hello[0] != 1:
            raise HelloError("a tunnel begins with a ClientHello")
        if len(self._hello) < 4:
            return b""
        whole = 4 + int.from_bytes(self._hello[1:4], "big")
        if whole > HELLO_LIMIT or len(self._hello) > whole:
            raise HelloError("the ClientHello is too large, or more follows in its record")
        if len(self._hello) < whole:
            return b""
        self._check(bytes(self._hello[4:]))
        self._greeted = True
        return self._records

    def _cut(self, size: int) -> bytes:
        taken = bytes(self._held[:size])
        del self._held[:size]
        return taken

    def _check(self, hello: bytes) -> None:
        name = server_name(hello)
        if name != self._host:
            raise HelloError("the name in the ClientHello is not the host of the tunnel")


def server_name(hello: bytes) -> str:
    """Return the one name of a ClientHello's body, in lower case. Raises HelloError for none, several, or no hello."""
    try:
        return _server_name(_Reader(hello))
    except IndexError:
        raise HelloError("a ClientHello that ends in the middle") from None


def _server_name(hello: "_Reader") -> str:
    hello.take(2 + 32)  # legacy_version, random
    hello.vector(1)  # legacy_session_id
    hello.vector(2)  # cipher_suites
    hello.vector(1)  # legacy_compression_methods
    extensions = _Reader(hello.vector(2))
    hello.end()
    seen: dict[int, bytes] = {}
    while extensions.more:
        kind = extensions.number(2)
        content = extensions.vector(2)
        if kind in seen:
            raise HelloError("an extension of the ClientHello stands twice")
        seen[kind] = content
    if _SERVER_NAME not in seen:
        raise HelloError("the ClientHello names no server")
    if seen.get(_ENCRYPTED_HELLO, b"\0")[:1] == b"\x01":
        raise HelloError("an inner ClientHello in the clear")
    names = _Reader(_Reader(seen[_SERVER_NAME]).whole_vector(2))
    if names.number(1) != 0:
        raise HelloError("the ClientHello names a server by something other than a host name")
    name = names.vector(2)
    names.end()
    if not _NAME.fullmatch(name):
        raise HelloError("the name in the ClientHello is no host name")
    return name.decode().lower().removesuffix(".")


@final
class _Reader:
    """Reads numbers and vectors. Raises IndexError at the end."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._at = 0

    @property
    def more(self) -> bool:
        return self._at < len(self._data)

    def take(self, size: int) -> bytes:
        if self._at + size > len(self._data):
            raise IndexError
        self._at += size
        return self._data[self._at - size : self._at]

    def number(self, size: int) -> int:
        return int.from_bytes(self.take(size), "big")

    def vector(self, size: int) -> bytes:
        return self.take(self.number(size))

    def whole_vector(self, size: int) -> bytes:
        """Return the one vector that this is. Raises HelloError where more follows."""
        found = self.vector(size)
        self.end()
        return found

    def end(self) -> None:
        """Raise HelloError unless everything was read."""
        if self.more:
            raise HelloError("something follows where the ClientHello should end")
