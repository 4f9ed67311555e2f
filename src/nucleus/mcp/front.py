"""The mediator as an HTTP server: many clients, each with a session of its own behind one gate.

Streamable HTTP of 2025-03-26 to 2025-11-25 (``initialize`` makes a session)
and of 2026-07-28 (no sessions; headers repeat the message). On the loopback
interface only; each request has the bearer token that was printed at the
start, a ``Host`` that is this server and an ``Origin`` that is, or none.

A thread for each connection: nothing here decides, it takes HTTP apart and
puts it together. What is said goes through the mediator like any client's.
"""

import hmac
import json
import secrets
import select
import socket
import threading
from collections.abc import Callable, Iterable
from contextlib import suppress
from queue import Empty
from typing import Any, Final, final

from nucleus.egress.http1 import Chunks, HttpError, end_of_head, parse_request, serialise
from nucleus.egress.http1 import Request as Asking
from nucleus.errors import NucleusError
from nucleus.mcp.framing import LINE_LIMIT
from nucleus.mcp.hub import Asked, Hub
from nucleus.mcp.messages import METHOD_NOT_FOUND, Message, MessageError, Notification, Request, Response, encode, parse
from nucleus.mcp.methods import META_REVISION, REVISIONS, STATELESS
from nucleus.mcp.mirrored import HEADER_MISMATCH, verify
from nucleus.mcp.pins import digest_of
from nucleus.mcp.results import UNSUPPORTED
from nucleus.mcp.sse import KEEP_ALIVE, encode_event

CONNECTIONS: Final = 128
SESSIONS: Final = 32
"""Sessions at once; one more ends the oldest that nobody waits on."""
INTRODUCTIONS: Final = 8
"""Different things that clients may say of themselves. Each is a few words that nobody judges."""
IDLE_SECONDS: Final = 75.0
LOOK_SECONDS: Final = 0.5
"""How often a wait looks whether its client is still there."""
QUIET_SECONDS: Final = 15.0
CHUNK: Final = 1 << 16
MISSING_CAPABILITY: Final = -32021
_REASONS: Final = {200: "OK", 202: "Accepted", 400: "Bad Request", 401: "Unauthorized", 403: "Forbidden"}
_STATUS: Final = {METHOD_NOT_FOUND: 404, HEADER_MISMATCH: 400, UNSUPPORTED: 400, MISSING_CAPABILITY: 400}

Open = Callable[[], Hub]


@final
class Front:
    """One listening socket, its sessions, and the threads of its connections."""

    def __init__(
        self, listener: socket.socket, paths: dict[str, Open], token: str, hosts: set[str] | None = None
    ) -> None:
        """Take the listening socket, what to open for each path, and the token that clients have ("" for none).

        ``hosts``: what this server is called, where that is not its address.
        """
        self._listener, self._paths, self._token = listener, paths, token
        names = hosts or names_of(listener)
        self._hosts = names
        self._origins = {f"http://{name}" for name in names}
        self._lock = threading.Lock()
        self._sessions: dict[tuple[str, str], Hub] = {}
        """(path, session id), or (path, digest of an introduction) of the stateless revision."""
        self._met: set[str] = set()
        self._making = threading.Lock()
        self._slots = threading.BoundedSemaphore(CONNECTIONS)

    def run(self, going: Callable[[], bool]) -> None:
        """Accept until the listening socket is closed, or until nothing can be mediated any more (not ``going``)."""
        while going() and self._listener.fileno() >= 0:
            try:
                readable, _, _ = select.select([self._listener], [], [], LOOK_SECONDS)
                if not readable:
                    continue
                sock, _ = self._listener.accept()
            except (OSError, ValueError):
                return  # closed meanwhile
            self._slots.acquire()
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def end(self) -> None:
        """End every session."""
        with self._lock:
            sessions, self._sessions = list(self._sessions.values()), {}
        for hub in sessions:
            hub.end()

    def _serve(self, sock: socket.socket) -> None:
        try:
            sock.settimeout(IDLE_SECONDS)
            with sock:
                _Connection(self, sock).run()
        except OSError:
            pass  # the client is gone
        finally:
            self._slots.release()

    # ------------------------------------------------------------- sessions

    def admitted(self, asking: Asking) -> str:
        """Return the path of a request that may come in. Raises HttpError."""
        if asking.host is None or asking.host.lower() not in self._hosts:
            raise HttpError(403, "this server goes by another name")
        origin = asking.head.get("origin")
        if origin is not None and origin.lower() not in self._origins:
            raise HttpError(403, "not for pages of other origins")
        given = asking.head.get("authorization") or ""
        if self._token and not hmac.compare_digest(given.encode(), f"Bearer {self._token}".encode()):
            raise HttpError(401, "a bearer token is needed")
        if asking.target not in self._paths:
            raise HttpError(404, "there is nothing here")
        return asking.target

    def opened(self, path: str, request: Request) -> tuple[str, Hub]:
        """Return a new session for a client that shakes hands. Raises HttpError."""
        self._introduce([request.params.get("clientInfo"), request.params.get("capabilities")])
        number = secrets.token_hex(16)
        return number, self._new(path, number)

    def found(self, path: str, number: str | None) -> Hub:
        """Return the session of an id. Raises HttpError."""
        if not number:
            raise HttpError(400, "a request after the first names its session")
        with self._lock:
            hub = self._sessions.get((path, number))
        if hub is None or hub.ended:
            raise HttpError(404, "there is no such session")
        return hub

    def stateless(self, path: str, request: Request) -> Hub:
        """Return the session for requests with this introduction. Raises HttpError."""
        meta = request.params.get("_meta")
        said = (
            [meta.get(f"io.modelcontextprotocol/{name}") for name in ("clientInfo", "clientCapabilities")]
            if isinstance(meta, dict)
            else []
        )
        self._introduce(said)
        key = "=" + digest_of(said)
        with self._making:
            with self._lock:
                hub = self._sessions.get((path, key))
            return hub if hub is not None and not hub.ended else self._new(path, key)

    def ended(self, path: str, number: str | None) -> None:
        """End a session. Raises HttpError."""
        hub = self.found(path, number)
        with self._lock:
            self._sessions.pop((path, str(number)), None)
        hub.end()

    def _introduce(self, said: Any) -> None:
        digest = digest_of(said)
        with self._lock:
            if digest not in self._met and len(self._met) >= INTRODUCTIONS:
                raise HttpError(403, "too many different clients have come")
            self._met.add(digest)

    def _new(self, path: str, key: str) -> Hub:
        with self._lock:
            for old in [one for one, hub in self._sessions.items() if hub.ended]:
                del self._sessions[old]
            if len(self._sessions) >= SESSIONS:
                idle = next((one for one, hub in self._sessions.items() if not hub.busy), None)
                if idle is None:
                    raise HttpError(503, "too many sessions")
                self._sessions.pop(idle).end()
        try:
            hub = self._paths[path]()
        except (NucleusError, OSError) as error:
            raise HttpError(503, "no session can be opened") from error
        with self._lock:
            self._sessions[path, key] = hub
        return hub


@final
class _Connection:
    """The requests of one connection, one after another."""

    def __init__(self, front: Front, sock: socket.socket) -> None:
        self._front, self._sock = front, sock
        self._held = b""

    def run(self) -> None:
        while True:
            try:
                asking = self._head()
                if asking is None:
                    return
                self._answer(asking)
            except HttpError as error:
                self._refuse(error)
                return
            if asking.closes:
                return

    def _answer(self, asking: Asking) -> None:
        path = self._front.admitted(asking)
        session = asking.head.get("mcp-session-id")
        stateless = asking.head.get("mcp-protocol-version") == STATELESS
        if asking.method == "POST":
            self._post(asking, path, session)
        elif asking.method not in {"GET", "DELETE"} or stateless:
            raise HttpError(405, "POST is what this address takes")
        elif asking.method == "DELETE":
            self._front.ended(path, session)
            self._respond(200)
        else:
            if "text/event-stream" not in (asking.head.get("accept") or ""):
                raise HttpError(406, "a GET takes a stream of events")
            self._listen(self._front.found(path, session))

    def _post(self, asking: Asking, path: str, session: str | None) -> None:
        if (asking.head.get("content-type") or "").partition(";")[0].strip().lower() != "application/json":
            raise HttpError(415, "a message is application/json")
        accepts = asking.head.get("accept") or ""
        if not all(kind in accepts for kind in ("application/json", "text/event-stream")):
            raise HttpError(406, "a client takes both application/json and text/event-stream")
        body = self._body(asking)
        try:
            message = parse(body)
        except MessageError as error:
            self._error(None, error.code, str(error))
            return
        try:
            hub, more, stateless = self._hub(asking, path, session, message)
        except MessageError as error:
            data = {"supported": list(REVISIONS), "requested": str(error)} if error.code == UNSUPPORTED else None
            shown = "Unsupported protocol version" if data else str(error)
            self._error(message, error.code, shown, data)
            return
        if hub is None:
            self._respond(202)
        elif isinstance(message, Request):
            self._exchange(hub, hub.ask(message), more, stateless=stateless)
        else:
            hub.tell(message)
            self._respond(202)

    def _hub(
        self, asking: Asking, path: str, session: str | None, message: Message
    ) -> tuple[Hub | None, dict[str, str], bool]:
        """Return the session of a message, None for a notification of the stateless revision; and headers to answer.

        Raises HttpError, MessageError.
        """
        meta = message.params.get("_meta") if not isinstance(message, Response) else None
        named = meta.get(META_REVISION) if isinstance(meta, dict) else None
        version = asking.head.get("mcp-protocol-version")
        if STATELESS in (version, named):
            if isinstance(message, Notification):
                return None, {}, True
            if not isinstance(message, Request):
                raise HttpError(400, "a client of this revision sends no responses")
            headers = {name: value for name, value in asking.head.fields if asking.head.get(name) is not None}
            verify(message, headers, None)
            hub = self._front.stateless(path, message)
            name = message.params.get("name")
            verify(message, headers, hub.definition(name) if isinstance(name, str) else None)
            return hub, {}, True
        if (version is not None and version not in REVISIONS) or (named is not None and named not in REVISIONS):
            raise MessageError(str(version or named)[:40], UNSUPPORTED)
        if isinstance(message, Request) and message.method == "initialize":
            number, hub = self._front.opened(path, message)
            return hub, {"mcp-session-id": number}, False
        return self._front.found(path, session), {}, False

    def _exchange(self, hub: Hub, asked: Asked, more: dict[str, str], *, stateless: bool) -> None:
        """Answer a request: one JSON object, or a stream of what comes before its answer and then the answer."""
        streams, quiet = False, 0.0
        while True:
            try:
                message, last = asked.out.get(timeout=LOOK_SECONDS)
            except Empty:
                quiet += LOOK_SECONDS
                if self._gone():
                    # From 2026-07-28 this says that the answer is not wanted; before, nobody would get it either.
                    hub.cancel(asked)
                    raise ConnectionError from None
                if streams and quiet >= QUIET_SECONDS:
                    self._chunk(KEEP_ALIVE)
                    quiet = 0.0
                continue
            if last and not streams:
                self._respond(_status_of(message) if stateless else 200, encode(message), more)
                return
            if not streams:
                self._begin_stream(more)
                streams = True
            quiet = 0.0
            try:
                self._chunk(encode_event(encode(message)))
            except OSError:
                hub.cancel(asked)
                raise
            if last:
                self._chunk(b"")
                return

    def _listen(self, hub: Hub) -> None:
        """Send what belongs to no request, until the client leaves."""
        queue = hub.listen()
        if queue is None:
            raise HttpError(409, "the session has its stream already")
        try:
            self._begin_stream({})
            quiet = 0.0
            while True:
                try:
                    message = queue.get(timeout=LOOK_SECONDS)
                except Empty:
                    quiet += LOOK_SECONDS
                    if self._gone():
                        return
                    if quiet >= QUIET_SECONDS:
                        self._chunk(KEEP_ALIVE)
                        quiet = 0.0
                    continue
                if message is None:
                    self._chunk(b"")
                    return
                self._chunk(encode_event(encode(message)))
        finally:
            hub.unlisten()

    # ------------------------------------------------------------------ HTTP

    def _head(self) -> Asking | None:
        """Return the next request's head, None where the client left between two. Raises HttpError."""
        while (end := end_of_head(self._held)) < 0:
            data = self._sock.recv(CHUNK)
            if not data:
                return None
            self._held += data
        head, self._held = self._held[:end], self._held[end:]
        return parse_request(head)

    def _body(self, asking: Asking) -> bytes:
        """Return the whole body. Raises HttpError."""
        if asking.waits:
            self._sock.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
        if asking.length is None:
            chunks, body = Chunks(), bytearray()
            while not chunks.done:
                body += chunks.feed(self._held or self._more())
                self._held = chunks.rest
                if len(body) > LINE_LIMIT:
                    raise HttpError(413, "the message is too large")
            return bytes(body)
        if asking.length > LINE_LIMIT:
            raise HttpError(413, "the message is too large")
        parts = bytearray(self._held)
        while len(parts) < asking.length:
            parts += self._more()
        self._held = bytes(parts[asking.length :])
        return bytes(parts[: asking.length])

    def _more(self) -> bytes:
        data = self._sock.recv(CHUNK)
        if not data:
            raise HttpError(400, "the body was cut short")
        return data

    def _gone(self) -> bool:
        """Whether the client closed the connection."""
        readable, _, _ = select.select([self._sock], [], [], 0)
        with suppress(BlockingIOError):
            return bool(readable) and self._sock.recv(1, socket.MSG_PEEK) == b""
        return False

    def _respond(self, status: int, body: bytes = b"", more: Iterable[tuple[str, str]] | dict[str, str] = ()) -> None:
        fields = [*(more.items() if isinstance(more, dict) else more), ("content-length", str(len(body)))]
        if body:
            fields.append(("content-type", "application/json"))
        self._sock.sendall(serialise(f"HTTP/1.1 {status} {_REASONS.get(status, 'Answer')}", fields) + body)

    def _begin_stream(self, more: dict[str, str]) -> None:
        fields = {
            "content-type": "text/event-stream",
            "cache-control": "no-cache",
            "x-accel-buffering": "no",
            "transfer-encoding": "chunked",
            **more,
        }
        self._sock.sendall(serialise("HTTP/1.1 200 OK", fields.items()))

    def _chunk(self, data: bytes) -> None:
        self._sock.sendall(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    def _refuse(self, error: HttpError) -> None:
        """Answer what is no message, or may not come in, and close."""
        more = [("connection", "close")]
        if error.status == 401:
            more.append(("www-authenticate", "Bearer"))
        if error.status == 405:
            more.append(("allow", "POST, GET, DELETE"))
        fields = {"jsonrpc": "2.0", "error": {"code": -32600, "message": str(error)}}
        self._respond(error.status, json.dumps(fields).encode(), more)

    def _error(self, message: Message | None, code: int, why: str, data: Any = None) -> None:
        number = message.id if isinstance(message, Request) else None
        error = {"code": code, "message": why} | ({} if data is None else {"data": data})
        body = {"jsonrpc": "2.0", "id": number, "error": error}
        self._respond(400, json.dumps(body).encode())


def names_of(listener: socket.socket) -> set[str]:
    """Return the names that a server at this address of the loopback interface has."""
    host, port = listener.getsockname()[:2]
    return {f"{name}:{port}" for name in ("localhost", "127.0.0.1", "[::1]", f"[{host}]" if ":" in host else host)}


def listen(place: str) -> socket.socket:
    """Return a listening socket for ``HOST:PORT`` on the loopback interface. Raises ValueError, OSError."""
    host, colon, port = place.rpartition(":")
    name = host.strip("[]").lower() or "127.0.0.1"
    local = name in {"localhost", "::1"} or (name.startswith("127.") and name.replace(".", "").isdigit())
    if not colon or not port.isdigit() or int(port) > 65_535 or not local:
        raise ValueError(
            f"--listen takes HOST:PORT of the loopback interface, such as 127.0.0.1:8765, not {place!r}: "
            "for other machines put a proxy with TLS in front"
        )
    family = socket.AF_INET6 if ":" in name else socket.AF_INET
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        sock.bind(("127.0.0.1" if name == "localhost" else name, int(port)))
        sock.listen(CONNECTIONS)
    except OSError:
        sock.close()
        raise
    return sock


def _status_of(message: Message) -> int:
    """Return the status of an answer (2026-07-28; earlier revisions say 200 for all)."""
    if isinstance(message, Response) and message.error:
        return _STATUS.get(message.error["code"], 200)
    return 200
