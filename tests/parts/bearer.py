"""A relay on loopback for clients that can't send a bearer token: adds it to each request, and forwards the rest.

One request for each connection. Our own address in Host and Origin becomes that of the server behind; any other
stays as the client wrote it, so that a check of these headers is a check of the server's.
"""

import re
import socket
import threading
from contextlib import suppress

HEAD = b"\r\n\r\n"


class Bearer:
    """The relay, from now until ``close``."""

    def __init__(self, host: str, port: int, token: str) -> None:
        self._behind, self._token = (host, port), token
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._listener.getsockname()[1])
        threading.Thread(target=self._serve, daemon=True).start()

    def close(self) -> None:
        """Take no more connections."""
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                threading.Thread(target=self._forward, args=(client,), daemon=True).start()

    def _forward(self, client: socket.socket) -> None:
        with client, suppress(OSError), socket.create_connection(self._behind) as server:
            held = b""
            while HEAD not in held:
                data = client.recv(65536)
                if not data:
                    return
                held += data
            head, _, rest = held.partition(HEAD)
            server.sendall(self._with_token(head) + HEAD + rest)
            threading.Thread(target=_pipe, args=(client, server), daemon=True).start()
            _pipe(server, client)

    def _with_token(self, head: bytes) -> bytes:
        ours = rb"(?im)^((?:host|origin):\s*(?:http://)?(?:localhost|127\.0\.0\.1)):%d(?=\r?$)" % self.port
        head = re.sub(ours, rb"\g<1>:%d" % self._behind[1], head)
        kept = [line for line in head.split(b"\r\n") if not re.match(rb"(?i)(?:connection|authorization):", line)]
        return b"\r\n".join([*kept, b"Authorization: Bearer " + self._token.encode(), b"Connection: close"])


def _pipe(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
    with suppress(OSError):
        target.shutdown(socket.SHUT_WR)
