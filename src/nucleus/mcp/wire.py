"""One HTTP/1.1 exchange over a blocking socket, read by the strict parser of ``nucleus.egress.http1``.

A connection carries one request and is closed. Redirects are not followed
and proxies of the environment are not asked: the address is the one that the
owner named. TLS is verified against the system's trust.
"""

import re
import socket
import ssl
from collections.abc import Iterator, Mapping
from contextlib import suppress
from typing import Final, final

from nucleus.egress.http1 import Chunks, HttpError, Response, end_of_head, parse_response, serialise
from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass

CHUNK: Final = 1 << 16
CONNECT_SECONDS: Final = 20.0
_URL: Final = re.compile(
    r"(https?)://([A-Za-z0-9.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::([0-9]{1,5}))?(/[\x21-\x22\x24-\x7e]*)?"
)
_LOOPBACK: Final = re.compile(r"localhost|127\.[0-9]+\.[0-9]+\.[0-9]+|::1")


@final
@dataclass(frozen=True, slots=True)
class Address:
    """Where a URL leads."""

    host: str
    port: int
    target: str
    tls: bool

    @property
    def authority(self) -> str:
        """The ``Host`` header."""
        name = f"[{self.host}]" if ":" in self.host else self.host
        return name if self.port == (443 if self.tls else 80) else f"{name}:{self.port}"


def address_of(url: str) -> Address:
    """Return where ``url`` leads. Raises CannotEnforce: nobody on the way may read or change what is said."""
    parts = _URL.fullmatch(url)
    if parts is None:
        raise CannotEnforce(
            "the server's address can't be used",
            why="it is no http or https URL, or has a user name, a fragment or odd characters",
            fix="--url https://HOST[:PORT]/PATH; what is secret goes into a header",
        )
    tls, host = parts[1] == "https", parts[2].strip("[]").lower()
    if not tls and not _LOOPBACK.fullmatch(host):
        raise CannotEnforce(
            f"plain http to {host}", why="whoever is on the way reads and changes it", fix=f"--url https://{host}..."
        )
    return Address(host, int(parts[3] or (443 if tls else 80)), parts[4] or "/", tls)


def verified(authority: str = "") -> ssl.SSLContext:
    """Return the TLS settings: the system's trust, names checked. ``authority`` (PEM) is for tests only."""
    context = ssl.create_default_context(cadata=authority or None)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


@final
class Exchange:
    """One request and its response. ``close`` may be called by another thread, and ends a read that waits."""

    def __init__(self, address: Address, context: ssl.SSLContext | None) -> None:
        """Connect. Raises OSError (ssl.SSLError included)."""
        self._address = address
        sock = socket.create_connection((address.host, address.port), CONNECT_SECONDS)
        try:
            if address.tls:
                sock = (context or verified()).wrap_socket(sock, server_hostname=address.host)
            sock.settimeout(None)
        except BaseException:
            sock.close()
            raise
        self._sock = sock
        self._held = b""

    def send(self, method: str, headers: Mapping[str, str], body: bytes = b"") -> Response:
        """Send the request and return the head of its response. Raises OSError, HttpError."""
        fields = {"host": self._address.authority, "connection": "close", **headers}
        if method == "POST":
            fields["content-length"] = str(len(body))
        self._sock.sendall(serialise(f"{method} {self._address.target} HTTP/1.1", fields.items()) + body)
        while True:
            response = parse_response(self._head(), method)
            if response.status >= 200:
                return response

    def body(self, response: Response) -> Iterator[bytes]:
        """Yield the body as it comes. Raises OSError, HttpError; an end before the end is an HttpError."""
        if response.framing == "chunked":
            yield from self._chunked()
            return
        left = response.length
        while left is None or left > 0:
            data = self._held or self._sock.recv(CHUNK)
            self._held = b""
            if not data:
                if left is None:
                    return
                raise HttpError(502, "the response was cut short")
            if left is not None:
                data, left = data[:left], left - len(data)
            yield data

    def close(self) -> None:
        """End the exchange, wherever it is."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)
        self._sock.close()

    def _chunked(self) -> Iterator[bytes]:
        chunks = Chunks()
        data = self._held
        while True:
            content = chunks.feed(data)
            if content:
                yield content
            if chunks.done:
                return
            data = self._sock.recv(CHUNK)
            if not data:
                raise HttpError(502, "the response was cut short")

    def _head(self) -> bytes:
        while (end := end_of_head(self._held)) < 0:
            data = self._sock.recv(CHUNK)
            if not data:
                raise HttpError(502, "there is no response")
            self._held += data
        head, self._held = self._held[:end], self._held[end:]
        return head
