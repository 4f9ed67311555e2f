"""Connecting: a name is resolved once, and the address that was looked at is the one that is dialled.

Which addresses may be dialled is the resolver's answer, which is handed in:
public ones only, or, for a name of a local network that the owner named,
private ones too. Never loopback and never the link (``tools.perform.resolve``).
"""

import asyncio
import errno
import socket
import ssl
from collections.abc import Callable
from typing import Protocol, final

from nucleus.egress.http1 import HttpError
from nucleus.egress.limits import PIECE, Limits
from nucleus.egress.streams import Stream


class Resolver(Protocol):
    """Finds the addresses of a name, and vouches that they may be dialled."""

    def resolve(self, host: str, port: int) -> tuple[tuple[str, int], ...]:
        """Return where to connect, in order of preference. Raises OSError for no answer or a refused one."""
        ...


@final
class Dialer:
    """Makes connections to where a permit says."""

    def __init__(self, public: Resolver, inside: Resolver, trust: Callable[[], ssl.SSLContext], limits: Limits) -> None:
        """``inside`` is asked for names of a local network that the owner named; ``trust`` makes the TLS context."""
        self._public = public
        self._inside = inside
        self._trust = trust
        self._context: ssl.SSLContext | None = None
        self._limits = limits

    async def connect(self, host: str, port: int, *, tls: bool, inside: bool = False) -> Stream:
        """Return a connection to ``host``. Raises HttpError (502, 504), with no address in its text."""
        resolver = self._inside if inside else self._public
        loop = asyncio.get_running_loop()
        try:
            endpoints = await loop.run_in_executor(None, resolver.resolve, host, port)
            sock = await self._dial(endpoints)
        except PermissionError as error:
            raise HttpError(502, f"{error.strerror or error}") from None
        except TimeoutError:
            raise HttpError(504, f"{host} does not answer") from None
        except OSError as error:
            raise HttpError(502, f"{host} can't be reached: {error.strerror or error}") from None
        return await self._stream(sock, host, tls=tls)

    async def _dial(self, endpoints: tuple[tuple[str, int], ...]) -> socket.socket:
        """Connect to the first endpoint that answers. Raises what the last one raised."""
        loop = asyncio.get_running_loop()
        problem: OSError = ConnectionError(errno.EHOSTUNREACH, "no address to connect to")
        for address, port in endpoints:
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            sock = socket.socket(family, socket.SOCK_STREAM | socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
            try:
                async with asyncio.timeout(self._limits.connect_seconds):
                    await loop.sock_connect(sock, (address, port))
            except OSError as error:
                sock.close()
                problem = error
            except BaseException:
                sock.close()
                raise
            else:
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
        raise problem

    async def _stream(self, sock: socket.socket, host: str, *, tls: bool) -> Stream:
        if tls and self._context is None:
            self._context = self._trust()
        context = self._context if tls else None
        try:
            async with asyncio.timeout(self._limits.connect_seconds):
                reader, writer = await asyncio.open_connection(
                    sock=sock, ssl=context, server_hostname=host if tls else None, limit=PIECE
                )
        except ssl.SSLCertVerificationError as error:
            raise HttpError(502, f"the certificate of {host} is not valid: {error.verify_message}") from None
        except (ssl.SSLError, OSError, TimeoutError):
            raise HttpError(502, f"TLS with {host} failed") from None
        return Stream(reader, writer, self._limits.idle_seconds)
