"""One HTTP exchange over a connection that we dialled: no proxy, no redirect, no cookie, no reuse.

The address comes from a ``Resolver`` and is dialled as it is; TLS is verified
against the name. The response is parsed by ``http.client``, which reads
through ``_Bounded``: every single read is bounded by the time and by the bytes
that are left, so a server that drips or never ends is an error in time.
"""

import errno
import http.client
import io
import os
import socket
import ssl
from collections.abc import Mapping
from typing import Final, final

from nucleus.gate.effects import Limits
from nucleus.lean import dataclass
from nucleus.policy.addresses import Url
from nucleus.tools.perform.outcomes import Deadline, too_large
from nucleus.tools.perform.resolve import Resolver

HEAD_LIMIT: Final = 64 * 1024
"""Bytes of status line and headers together."""
OVERHEAD: Final = 1024 * 1024
"""Bytes beyond the limit that chunk headers and the like may take on the wire."""
CONNECT_SECONDS: Final = 10.0
"""For one address; a name with several must not spend the whole time on a dead one."""
CHUNK: Final = 64 * 1024
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
"""Where systems keep their certificate authorities. Variables (SSL_CERT_FILE) are not asked."""


@final
@dataclass(frozen=True, slots=True)
class Response:
    """What a server answered. Header names are in lower case; the last of several values stands."""

    status: int
    reason: str
    headers: Mapping[str, str]
    body: bytes


def trust(authority: bytes | None) -> ssl.SSLContext:
    """Return a context that verifies names against ``authority`` (PEM), or against the system's bundle.

    Built by hand: ``create_default_context`` and ``load_default_certs`` obey
    environment variables. Raises OSError where the system has no bundle.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if authority is not None:
        context.load_verify_locations(cadata=authority.decode("ascii"))
        return context
    context.load_verify_locations(cafile=authorities())
    return context


def authorities() -> str:
    """Return the file of the system's certificate authorities. Raises OSError where there is none."""
    compiled = ssl.get_default_verify_paths().openssl_cafile
    for bundle in (compiled, *_BUNDLES):
        if os.path.isfile(bundle):
            return bundle
    raise FileNotFoundError(errno.ENOENT, "no certificate authorities on this system; install ca-certificates")


@final
class Exchange:
    """Makes exchanges through one resolver and one set of authorities."""

    def __init__(self, resolver: Resolver, authority: bytes | None) -> None:
        self._resolver = resolver
        self._authority = authority
        self._context: ssl.SSLContext | None = None

    def send(
        self, url: Url, method: str, headers: Mapping[str, str], limits: Limits, body: bytes | None = None
    ) -> Response:
        """Send one request and return the whole response. Raises OSError, TimeoutError, ValueError."""
        deadline = Deadline(limits.seconds)
        connection = self._connect(url, deadline)
        try:
            _send_all(connection, _request(url, method, headers, body), deadline)
            return _response(connection, method, limits.bytes, deadline)
        except http.client.HTTPException as error:
            raise ConnectionError(errno.EPROTO, f"not a valid HTTP response ({type(error).__name__})") from None
        except ssl.SSLError as error:
            raise ConnectionError(errno.EPROTO, f"TLS failed: {error.reason or 'closed'}") from None
        finally:
            connection.close()

    def _connect(self, url: Url, deadline: Deadline) -> socket.socket:
        connection = _dial(self._resolver.resolve(url.host, url.port), deadline)
        if url.scheme == "http":
            return connection
        if self._context is None:
            self._context = trust(self._authority)
        connection.settimeout(deadline.left())
        try:
            return self._context.wrap_socket(connection, server_hostname=url.host)
        except ssl.SSLCertVerificationError as error:
            connection.close()
            message = f"the certificate of {url.host} is not valid: {error.verify_message}"
            raise ConnectionError(errno.EPROTO, message) from None
        except ssl.SSLError as error:
            connection.close()
            raise ConnectionError(errno.EPROTO, f"TLS with {url.host} failed: {error.reason or 'closed'}") from None
        except OSError:
            connection.close()
            raise


def _dial(endpoints: tuple[tuple[str, int], ...], deadline: Deadline) -> socket.socket:
    """Connect to the first endpoint that answers. Raises what the last one raised."""
    problem: OSError = ConnectionError(errno.EHOSTUNREACH, "no address to connect to")
    for address, port in endpoints:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC)
        try:
            connection.settimeout(min(deadline.left(), CONNECT_SECONDS))
            connection.connect((address, port))
        except OSError as error:
            connection.close()
            problem = error
        else:
            return connection
    raise problem


def _request(url: Url, method: str, headers: Mapping[str, str], body: bytes | None) -> bytes:
    """Return the bytes of a request. Raises ValueError for a header that would be two."""
    host = url.text.split("/", 3)[2]
    lines = [f"{method} {url.target} HTTP/1.1", f"Host: {host}", "Connection: close", "Accept-Encoding: identity"]
    lines.extend(f"{name}: {value}" for name, value in headers.items())
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    if any("\r" in line or "\n" in line or "\0" in line for line in lines):
        raise ValueError("a line break in a header")
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + (body or b"")


def _send_all(connection: socket.socket, data: bytes, deadline: Deadline) -> None:
    rest = memoryview(data)
    while rest:
        connection.settimeout(deadline.left())
        rest = rest[connection.send(rest) :]


@final
class _Bounded(io.RawIOBase):
    """Reads a connection until the deadline, and never more than its allowance."""

    def __init__(self, connection: socket.socket, deadline: Deadline) -> None:
        self._connection = connection
        self._deadline = deadline
        self.allowance = HEAD_LIMIT
        self.what = "the head of the response"

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: "bytearray | memoryview") -> int:  # type: ignore[override]  # a writable buffer
        view = memoryview(buffer)[: max(self.allowance, 0) + 1]
        self._connection.settimeout(self._deadline.left())
        size = self._connection.recv_into(view)
        self.allowance -= size
        if self.allowance < 0:
            raise too_large(self.what, HEAD_LIMIT)
        return size


@final
class _Readable:
    """What ``http.client.HTTPResponse`` needs of a socket."""

    def __init__(self, raw: _Bounded) -> None:
        self._raw = raw

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self._raw, CHUNK)


def _response(connection: socket.socket, method: str, limit: int, deadline: Deadline) -> Response:
    raw = _Bounded(connection, deadline)
    parsed = http.client.HTTPResponse(_Readable(raw), method=method)  # type: ignore[arg-type]  # only makefile is used
    try:
        parsed.begin()
        raw.allowance, raw.what = limit + OVERHEAD, "the response"
        if parsed.length is not None and parsed.length > limit and method != "HEAD":
            raise too_large("the response", limit)
        body = _body(parsed, limit, deadline)
        headers = {name.lower(): value for name, value in parsed.getheaders()}
        return Response(parsed.status, parsed.reason, headers, body)
    finally:
        parsed.close()


def _body(parsed: http.client.HTTPResponse, limit: int, deadline: Deadline) -> bytes:
    chunks: list[bytes] = []
    size = 0
    while chunk := parsed.read1(CHUNK):
        deadline.left()
        size += len(chunk)
        if size > limit:
            raise too_large("the response", limit)
        chunks.append(chunk)
    if parsed.length not in {None, 0}:
        raise http.client.IncompleteRead(b"")
    return b"".join(chunks)
