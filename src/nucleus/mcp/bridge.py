"""A server behind a URL, as the mediator sees it: lines in, lines out, over a socket pair.

Each message is a POST of its own, answered with one JSON object or with a
stream of events. Up to 2025-11-25 the server may give a session id, keeps a
stream of its own open (GET), and a stream that breaks is resumed after its
last event. From 2026-07-28 there are no sessions and no resumption; headers
repeat fields of the message, and closing a stream cancels its request.

Threads, because nothing here decides: what comes out is read by the mediator
like the output of any server. Whatever goes wrong becomes the error response
to the request that it happened to.
"""

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any, Final, final

from nucleus.egress.http1 import HttpError, Response
from nucleus.mcp.framing import LINE_LIMIT, Lines
from nucleus.mcp.messages import Id, Message, MessageError, Notification, Request, encode, parse
from nucleus.mcp.messages import Response as Answer
from nucleus.mcp.methods import META_REVISION, STATELESS
from nucleus.mcp.mirrored import headers_of
from nucleus.mcp.sse import EventError, Events
from nucleus.mcp.wire import Address, Exchange

ACCEPT: Final = "application/json, text/event-stream"
SESSION: Final = "mcp-session-id"
CHUNK: Final = 1 << 16
OPEN_LIMIT: Final = 128
"""Exchanges at once. More wait."""
RESUMES: Final = 5
"""How often one stream is taken up again without an event in between."""
PAUSE_MS: Final = 1000
FAILED: Final = -32603

Connect = Callable[[], Exchange]
Definition = Callable[[str], Mapping[str, Any] | None]


class _BrokenError(Exception):
    """Why a request has no answer."""


class _OverError(Exception):
    """A subscription ended as subscriptions do."""


@final
class Bridge:
    """One server behind a URL. ``ours`` is the mediator's end of the pair."""

    def __init__(self, address: Address, headers: Mapping[str, str], connect: Connect, definition: Definition) -> None:
        """Take the owner's ``headers``, a way to connect, and a way to find the definition of a tool by name."""
        self.ours, self._theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
        self._address, self._headers, self._connect, self._definition = address, dict(headers), connect, definition
        self._session = ""
        self._revision = ""
        self._write = threading.Lock()
        self._slots = threading.BoundedSemaphore(OPEN_LIMIT)
        self._open: dict[Id, Exchange] = {}
        self._listening = False
        self._ended = False

    def start(self) -> None:
        """Begin to carry messages."""
        threading.Thread(target=self._carry, name="bridge", daemon=True).start()

    def end(self) -> None:
        """Close every exchange, and end the session where the server gave one."""
        self._ended = True
        for exchange in list(self._open.values()):
            exchange.close()
        self.ours.close()
        if self._session:
            with suppress(OSError, HttpError):
                exchange = self._connect()
                try:
                    exchange.send("DELETE", self._fields({}))
                finally:
                    exchange.close()

    def _carry(self) -> None:
        lines = Lines()
        while data := self._received():
            for line in lines.feed(data):
                if isinstance(line, bytes):
                    self._take(parse(line), line)
        self._theirs.close()

    def _received(self) -> bytes:
        try:
            return self._theirs.recv(CHUNK)
        except OSError:
            return b""

    def _take(self, message: Message, line: bytes) -> None:
        """Send one message on its way. Notifications and answers go in order, before whatever comes after."""
        if isinstance(message, Request):
            self._slots.acquire()
            threading.Thread(target=self._ask, args=(message, line), daemon=True).start()
            return
        if isinstance(message, Notification) and message.method == "notifications/cancelled" and self._stateless:
            exchange = self._open.pop(message.params.get("requestId", -1), None)
            if exchange is not None:
                exchange.close()
            return
        with suppress(OSError, HttpError, _BrokenError, EventError, MessageError):
            self._post(message, line, {})
        if isinstance(message, Notification) and message.method == "notifications/initialized":
            self._listen()

    @property
    def _stateless(self) -> bool:
        return self._revision == STATELESS

    def _ask(self, request: Request, line: bytes) -> None:
        try:
            meta = request.params.get("_meta")
            named = meta.get(META_REVISION) if isinstance(meta, dict) else None
            mirrored: dict[str, str] = {}
            if named == STATELESS:
                self._revision = STATELESS
                tool = request.params.get("name")
                definition = self._definition(tool) if isinstance(tool, str) else None
                mirrored = headers_of(request, definition)
            self._post(request, line, mirrored)
        except _OverError:
            # Over HTTP the end of its stream is the end of a subscription; in lines it is said.
            self._say(Notification("notifications/cancelled", {"requestId": request.id}))
        except (OSError, HttpError, _BrokenError, EventError, MessageError) as error:
            if not self._ended:
                self._say(
                    Answer(request.id, error={"code": FAILED, "message": f"the server could not be asked: {error}"})
                )
        finally:
            self._open.pop(request.id, None)
            self._slots.release()

    def _post(self, message: Message, line: bytes, mirrored: Mapping[str, str]) -> None:
        """POST one message and hand on what comes back. Raises what can go wrong."""
        exchange = self._connect()
        number = message.id if isinstance(message, Request) else None
        if number is not None:
            self._open[number] = exchange
        try:
            fields = self._fields({"content-type": "application/json", "accept": ACCEPT, **mirrored})
            response = exchange.send("POST", fields, line)
            if isinstance(message, Request) and message.method == "initialize" and response.status < 300:
                self._session = response.head.get(SESSION) or ""
            if number is None:
                if response.status >= 300:
                    raise _BrokenError(_refused(response))
                return
            try:
                self._answered(exchange, response, number)
            except _BrokenError as error:
                listens = isinstance(message, Request) and message.method == "subscriptions/listen"
                if listens and response.status == 200 and number in self._open:
                    raise _OverError from error
                raise
        finally:
            exchange.close()

    def _answered(self, exchange: Exchange, response: Response, number: Id) -> None:
        """Hand on the answer to a request, one JSON object or a stream that holds it."""
        kind = (response.head.get("content-type") or "").partition(";")[0].strip().lower()
        if kind == "application/json":
            body = bytearray()
            for chunk in exchange.body(response):
                body += chunk
                if len(body) > LINE_LIMIT:
                    raise _BrokenError(f"an answer of more than {LINE_LIMIT} bytes")
            if response.status >= 300 and not _answers(bytes(body), number):
                raise _BrokenError(_refused(response))
            self._line(bytes(body))
        elif response.status >= 300:
            raise _BrokenError(_refused(response))
        elif kind == "text/event-stream":
            self._stream(exchange, response, number)
        else:
            raise _BrokenError("the answer is neither JSON nor a stream of events")

    def _stream(self, exchange: Exchange, response: Response, number: Id | None) -> None:
        """Hand on events until the answer to ``number`` was one; take the stream up again where it breaks before."""
        events, tries = Events(), 0
        while True:
            try:
                for event in self._events(exchange, response, events):
                    tries = 0
                    self._line(event)
                    if number is not None and _answers(event, number):
                        return
            finally:
                exchange.close()
            tries += 1
            if self._ended or self._stateless or tries > RESUMES or (number is not None and not events.last_id):
                raise _BrokenError("the stream ended before the answer")
            time.sleep((events.retry_ms if events.retry_ms is not None else PAUSE_MS) / 1000)
            exchange, response = self._resumed(events.last_id, number)

    def _events(self, exchange: Exchange, response: Response, events: Events) -> Iterator[bytes]:
        """Yield the data of each event until the stream ends or breaks."""
        with suppress(OSError, HttpError):
            for chunk in exchange.body(response):
                yield from (event.data.encode() for event in events.feed(chunk) if event.data)

    def _resumed(self, last_id: str, number: Id | None) -> tuple[Exchange, Response]:
        """Ask for what came after an event. Raises what can go wrong."""
        exchange = self._connect()
        if number is not None:
            self._open[number] = exchange
        try:
            more = {"last-event-id": last_id} if last_id else {}
            response = exchange.send("GET", self._fields({"accept": "text/event-stream", **more}))
        except BaseException:
            exchange.close()
            raise
        if response.status != 200:
            exchange.close()
            raise _BrokenError(_refused(response))
        return exchange, response

    def _listen(self) -> None:
        """Open the server's own stream, once. A server without one says 405."""
        if not self._listening:
            self._listening = True
            threading.Thread(target=self._listened, daemon=True).start()

    def _listened(self) -> None:
        with suppress(OSError, HttpError, _BrokenError, EventError):
            exchange = self._connect()
            self._open["listening"] = exchange
            try:
                response = exchange.send("GET", self._fields({"accept": "text/event-stream"}))
                kind = (response.head.get("content-type") or "").partition(";")[0]
                if response.status == 200 and kind == "text/event-stream":
                    self._stream(exchange, response, None)
            finally:
                exchange.close()

    def _fields(self, fields: Mapping[str, str]) -> dict[str, str]:
        own = {"mcp-protocol-version": self._revision} if self._revision else {}
        if self._session and not self._stateless:
            own[SESSION] = self._session
        return {**self._headers, **own, **fields}

    def _line(self, text: bytes) -> None:
        """Hand one message on. A line break in JSON is white space; whatever else it holds, the mediator judges."""
        line = text.replace(b"\r", b" ").replace(b"\n", b" ")
        if not self._revision and b"protocolVersion" in line:
            self._learn(line)
        with self._write, suppress(OSError):
            self._theirs.sendall(line + b"\n")

    def _learn(self, line: bytes) -> None:
        """Remember the revision that the handshake agreed on: every later request names it."""
        with suppress(MessageError):
            message = parse(line)
            version = message.result.get("protocolVersion") if isinstance(message, Answer) else None
            if isinstance(version, str) and version.isascii() and version.isprintable():
                self._revision = version

    def _say(self, message: Message) -> None:
        self._line(encode(message).rstrip(b"\n"))


def _refused(response: Response) -> str:
    if 300 <= response.status < 400:
        return f"the server redirects (status {response.status}), which is not followed; name the new URL"
    if response.status == 401:
        return "the server wants to be told who asks (status 401); give it a header with --header"
    if response.status == 404:
        return "the server knows no such address or session (status 404)"
    return f"status {response.status}"


def _answers(text: bytes, number: Id) -> bool:
    """Whether a message is the answer to a request."""
    try:
        message = parse(text)
    except MessageError:
        return False
    return isinstance(message, Answer) and message.id == number
