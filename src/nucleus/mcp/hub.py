"""One mediated session behind an HTTP front: which answer belongs to which exchange.

HTTP clients come and go, and two of them may use the same id. So each request
gets an id and a progress token of ours on its way in, and has its own back on
its way out. What belongs to a request goes to its exchange; all else goes to
the client's own stream, or waits for one.
"""

import socket
import threading
from collections import deque
from collections.abc import Callable, Mapping
from contextlib import suppress
from queue import SimpleQueue
from typing import Any, Final, final

from nucleus.lean import dataclass, field, replace
from nucleus.mcp.framing import Lines
from nucleus.mcp.messages import Id, Message, MessageError, Notification, Request, Response, encode, parse
from nucleus.mcp.results import SUBSCRIPTION, own_ids

CHUNK: Final = 1 << 18
BACKLOG: Final = 256
"""Messages that wait for a stream. Older ones are dropped: they are news, and the client was not there."""
GONE: Final = "the server or the gate is gone"


@final
@dataclass(slots=True)
class Asked:
    """One request that an exchange waits for."""

    ours: int
    id: Id
    token: Id | None
    out: "SimpleQueue[tuple[Message, bool]]" = field(default_factory=SimpleQueue)
    """Messages for the exchange, and whether it is the last one."""


@final
class Hub:
    """The client's side of one mediator. Methods may be called by any thread."""

    def __init__(self, sock: socket.socket, definition: Callable[[str], Mapping[str, Any] | None]) -> None:
        """Take the client's end of the mediator's socket pair, and a way to find a tool's definition."""
        self.definition = definition
        self.ended = False
        self._sock = sock
        self._lock = threading.RLock()
        self._count = 0
        self._open: dict[int, Asked] = {}
        self.backlog: deque[Message] = deque(maxlen=BACKLOG)
        """What waits for the client's own stream."""
        self._stream: SimpleQueue[Message | None] | None = None
        threading.Thread(target=self._read, name="hub", daemon=True).start()

    @property
    def busy(self) -> bool:
        """Whether somebody waits for an answer, or listens."""
        return bool(self._open) or self._stream is not None

    def ask(self, request: Request) -> Asked:
        """Send a request on; its answers come to the returned queue."""
        with self._lock:
            self._count += 1
            meta = request.params.get("_meta")
            token = meta.get("progressToken") if isinstance(meta, dict) else None
            params = request.params
            if isinstance(meta, dict) and isinstance(token, int | str):
                params = {**params, "_meta": {**meta, "progressToken": self._count}}
            asked = Asked(self._count, request.id, token if isinstance(token, int | str) else None)
            if self.ended:
                asked.out.put((_gone(asked), True))
                return asked
            self._open[asked.ours] = asked
            self._send(Request(asked.ours, request.method, params))
            return asked

    def tell(self, message: Notification | Response) -> None:
        """Send on what is not answered: a notification, or the answer to a question of the server."""
        if isinstance(message, Notification) and message.method == "notifications/cancelled":
            named = message.params.get("requestId")
            with self._lock:
                found = next(
                    (one for one in self._open.values() if one.id == named and type(one.id) is type(named)), None
                )
            if found is not None:
                self.cancel(found)
            return
        with self._lock:
            self._send(message)

    def cancel(self, asked: Asked) -> None:
        """Give a request up: nobody waits for its answer any more."""
        with self._lock:
            if self._open.pop(asked.ours, None) is not None:
                self._send(Notification("notifications/cancelled", {"requestId": asked.ours}))

    def listen(self) -> "SimpleQueue[Message | None] | None":
        """Return the queue of what belongs to no request, from now on; None where somebody has it. None ends it."""
        with self._lock:
            if self._stream is not None:
                return None
            self._stream = SimpleQueue()
            while self.backlog:
                self._stream.put(self.backlog.popleft())
            if self.ended:
                self._stream.put(None)
            return self._stream

    def unlisten(self) -> None:
        """Give the queue back."""
        with self._lock:
            self._stream = None

    def end(self) -> None:
        """End the session: the mediator sees that its client left."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def _send(self, message: Message) -> None:
        with suppress(OSError):
            self._sock.sendall(encode(message))

    def _read(self) -> None:
        lines = Lines()
        while data := self._received():
            for line in lines.feed(data):
                with suppress(MessageError):
                    if isinstance(line, bytes):
                        self._take(parse(line))
        with self._lock:
            self.ended = True
            for asked in self._open.values():
                asked.out.put((_gone(asked), True))
            self._open.clear()
            if self._stream is not None:
                self._stream.put(None)
        self._sock.close()

    def _received(self) -> bytes:
        try:
            return self._sock.recv(CHUNK)
        except OSError:
            return b""

    def _take(self, message: Message) -> None:
        """Bring one message of the mediator to where it belongs."""
        with self._lock:
            if isinstance(message, Response):
                asked = self._open.pop(message.id, None) if isinstance(message.id, int) else None
                if asked is not None:
                    result = own_ids(message.result, asked.ours, asked.id)
                    asked.out.put((replace(message, id=asked.id, result=result), True))
                return
            asked = self._related(message)
            if asked is None:
                self._unrelated(message)
                return
            params = dict(own_ids(message.params, asked.ours, asked.id))
            if message.method == "notifications/progress":
                params["progressToken"] = asked.token
            if message.method == "notifications/cancelled":
                # The server ends a subscription: over HTTP its stream ends.
                self._open.pop(asked.ours, None)
                asked.out.put((Response(asked.id, {"resultType": "complete"}), True))
                return
            asked.out.put((replace(message, params=params), False))

    def _related(self, message: Request | Notification) -> Asked | None:
        """Return the request that a message belongs to, by its token, its subscription or its id."""
        meta = message.params.get("_meta")
        keys = [meta.get(SUBSCRIPTION) if isinstance(meta, dict) else None]
        if message.method == "notifications/progress":
            keys.append(message.params.get("progressToken"))
        if message.method == "notifications/cancelled":
            keys.append(message.params.get("requestId"))
        return next((self._open[key] for key in keys if type(key) is int and key in self._open), None)

    def _unrelated(self, message: Message) -> None:
        """Hand on what belongs to no request: to the client's own stream, else to the exchange opened last."""
        if self._stream is not None:
            self._stream.put(message)
        elif self._open:
            self._open[max(self._open)].out.put((message, False))
        else:
            self.backlog.append(message)


def _gone(asked: Asked) -> Response:
    return Response(asked.id, error={"code": -32603, "message": GONE})
