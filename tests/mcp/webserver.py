"""A small HTTP server for tests: a script says what each request is answered with."""

import json
import threading
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Seen:
    method: str
    headers: dict[str, str]
    message: dict[str, Any]


@dataclass
class Reply:
    """Status, headers, and either one body or pieces of a stream (which ends with the connection)."""

    status: int = 200
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    pieces: Iterable[bytes] | None = None


def result(seen: Seen, **fields: Any) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": seen.message.get("id"), "result": fields}).encode()


def as_json(seen: Seen, **fields: Any) -> Reply:
    return Reply(200, result(seen, **fields), {"Content-Type": "application/json"})


def stream(*pieces: bytes) -> Reply:
    return Reply(200, b"", {"Content-Type": "text/event-stream"}, pieces)


class Web:
    """A server at ``url`` that keeps what it was asked."""

    def __init__(self, script: Callable[[Seen], Reply]) -> None:
        self.seen: list[Seen] = []
        web = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _any(self) -> None:
                size = int(self.headers.get("Content-Length") or 0)
                body = self.rfile.read(size)
                headers = {name.lower(): value for name, value in self.headers.items()}
                seen = Seen(self.command, headers, json.loads(body) if body else {})
                web.seen.append(seen)
                reply = script(seen)
                self.send_response(reply.status)
                for name, value in reply.headers.items():
                    self.send_header(name, value)
                if reply.pieces is None:
                    self.send_header("Content-Length", str(len(reply.body)))
                self.end_headers()
                self.wfile.write(reply.body)
                try:
                    for piece in reply.pieces or ():
                        self.wfile.write(piece)
                        self.wfile.flush()
                except OSError:
                    pass
                self.close_connection = True

            do_POST = do_GET = do_DELETE = _any  # noqa: N815  the standard library looks for these

            def log_message(self, *_: Any) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, *_: Any) -> None:
                pass  # a client that left

        self._server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/mcp"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()

    def serve_tls(self, context: Any) -> None:
        """Speak TLS from the next connection on."""
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
