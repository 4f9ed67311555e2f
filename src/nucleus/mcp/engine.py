"""The mediator without IO: bytes of a client, a server and the gate in; what to send to whom out.

Whatever comes from one side is read strictly, taken apart, judged where it
can carry anything, and written anew for the other side. Ids of requests and
progress tokens are ours on the server's side: a client can hide nothing in
them, and a server can't answer what it was not asked.

The order for one judged request: gate asked -> "perform" -> forwarded ->
response -> "done" to the gate -> "released" -> answered.

INVARIANT: a judged request is forwarded only after its "perform", and its
response is released only after its "released": the exposure has joined then
(tests/mcp/test_engine.py).
"""

from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final, final

from nucleus.gate.connection import refusal
from nucleus.mcp.framing import Oversize
from nucleus.mcp.listing import Listing
from nucleus.mcp.mapping import Mappings, body_of, named
from nucleus.mcp.messages import (
    INVALID_REQUEST,
    METHOD_NOT_FOUND,
    OPEN_LIMIT,
    REFUSED,
    Id,
    Ledger,
    Message,
    MessageError,
    Notification,
    Request,
    Response,
    encode,
    parse,
)
from nucleus.mcp.methods import REVISIONS, STATELESS, TABLES, Method, known
from nucleus.mcp.pins import Identity, Pins
from nucleus.mcp.rebuild import Memory, Rebuilt, rebuild
from nucleus.mcp.results import empty, introduced, issue, own_ids, plain, plain_error
from nucleus.mcp.steps import Effect, ToClient, ToGate, ToServer, no_id, note
from nucleus.mcp.text import inert
from nucleus.policy.call import MCP, Call

RECORDED: Final = 100
"""Violations that are put on record one by one; later ones are only counted."""
UNANSWERED: Final = 16 * OPEN_LIMIT
"""Requests that a server may owe an answer to, cancelled ones included."""
ERROR_CODES: Final = frozenset((-1, -32600, -32601, -32602, -32603, -32800))
"""Codes that a client's refusal may have. Any other number could carry something."""


Next = Callable[[dict[str, Any]], None]


@final
@dataclass(slots=True)
class Asked:
    """A client's request on its way."""

    id: Id
    method: Method
    ours: int
    token: Id | None
    number: int = -1
    """The gate's number of the permit; -1 where nobody judged."""
    cancelled: bool = False
    forwarded: bool = False


@final
@dataclass(slots=True)
class Mediator:
    """One client, one server, one gate."""

    identity: Identity
    name: str
    """What the owner's policy calls the server: ``[mcp.NAME]``."""
    pins: Pins
    mappings: Mappings
    revision: str = ""
    """What both sides agreed on; "" before that."""
    violations: int = 0
    _memory: Memory = field(default_factory=Memory)
    _clients: Ledger = field(default_factory=Ledger)
    """The client's open requests, by its ids."""
    _servers: Ledger = field(default_factory=lambda: Ledger(UNANSWERED))
    """The same that were forwarded, by our ids."""
    _questions: Ledger = field(default_factory=Ledger)
    """The server's open requests, by its ids."""
    _gate: deque[Next] = field(default_factory=deque)
    """What to do with the gate's next answers."""
    _out: list[Effect] = field(default_factory=list)
    _count: int = 0
    _joined: bool = False
    """Content of this server was allowed once: its exposure has joined, and can't join more."""
    _listing: Listing = field(init=False)

    def __post_init__(self) -> None:
        self._memory.request_of = self._cancel
        self._listing = Listing(self.identity, self.name, self.pins, self.mappings)
        self._memory.server_token = lambda _token: len(self._questions) > 0

    # ------------------------------------------------------------------ in

    def from_client(self, line: bytes | Oversize) -> list[Effect]:
        """Take one line of the client."""
        try:
            message = _read(line)
        except MessageError as error:
            self._violated("client", str(error))
            self._out.append(ToClient(no_id(error)))
            return self._take()
        match message:
            case Request():
                self._request(message)
            case Notification():
                self._notification(message)
            case Response():
                self._answer(message)
        return self._take()

    def from_server(self, line: bytes | Oversize) -> list[Effect]:
        """Take one line of the server. What is no message is dropped, and noted."""
        try:
            message = _read(line)
            match message:
                case Request():
                    self._question(message)
                case Notification():
                    self._news(message)
                case Response():
                    self._response(message)
        except MessageError as error:
            self._violated("server", str(error))
        return self._take()

    def from_gate(self, reply: dict[str, Any]) -> list[Effect]:
        """Take the gate's next answer. Raises IndexError for one that nobody waits for."""
        self._gate.popleft()(reply)
        return self._take()

    @property
    def open_requests(self) -> int:
        """How many requests the client waits for."""
        return len(self._clients)

    def end(self, why: str) -> list[Effect]:
        """Answer everything that is open with an error: the server or the gate is gone."""
        for asked in self._clients.drain():
            self._fail(asked.id, REFUSED, why)
        self._servers.drain()
        self._questions.drain()
        return self._take()

    def _take(self) -> list[Effect]:
        out, self._out = self._out, []
        return out

    # ------------------------------------------------------------ requests

    def _request(self, request: Request) -> None:
        try:
            method, self.revision = known(request, self.revision)
            rebuilt = rebuild(method, request.params, self._memory)
            if method.name == "tools/call":
                self._may_call(request.params)
        except MessageError as error:
            self._fail(request.id, error.code, str(error))
            return
        self._count += 1
        asked = Asked(request.id, method, self._count, rebuilt.token)
        try:
            self._clients.enter(request.id, asked)
        except MessageError as error:
            # An answer would be taken for the answer to the open one.
            self._violated("client", str(error))
            return
        forwarded = Request(asked.ours, method.name, self._params(rebuilt, asked))
        if method.judge == "never":
            self._forward(asked, forwarded)
        else:
            self._judge(self._call(method, rebuilt, forwarded), lambda reply: self._decided(asked, forwarded, reply))

    def _may_call(self, params: Mapping[str, Any]) -> None:
        name = params.get("name")
        if not isinstance(name, str) or not self.pins.is_pinned(name):
            raise MessageError("no such tool is available here; do not retry", REFUSED)

    def _params(self, rebuilt: Rebuilt, asked: Asked) -> dict[str, Any]:
        params = rebuilt.forwarded()
        if asked.token is not None:
            params["_meta"] = {**params.get("_meta", {}), "progressToken": asked.ours}
        return params

    def _call(self, method: Method, rebuilt: Rebuilt, forwarded: Request) -> Call:
        """Return the policy call that stands for a request."""
        # The number of the request is in no digest: an approved call is recognised when it is made again.
        body = body_of(rebuilt.forwarded())
        if method.name == "tools/call":
            beyond = not set(rebuilt.judged) <= {"name", "arguments"}
            arguments = forwarded.params.get("arguments", {})
            if not isinstance(arguments, dict):
                arguments, beyond = {}, True
            definition = self.pins.pinned[str(forwarded.params["name"])]
            return self.mappings.call(self.identity, self.name, definition, arguments, body, beyond=beyond)
        call = self.mappings.message(self.identity, self.name, named(method.name), body)
        if method.judge == "read" and not rebuilt.judged and "op" not in call.args:
            return replace(call, args={**call.args, "op": "read_files"})
        return call

    def _decided(self, asked: Asked, forwarded: Request, reply: dict[str, Any]) -> None:
        if reply["what"] != "perform":
            self._close(asked, str(refusal(reply)))
            return
        asked.number = reply["number"]
        if asked.cancelled:
            self._done(asked.number, ok=False, then=lambda _reply: None)
        else:
            self._forward(asked, forwarded)

    def _forward(self, asked: Asked, forwarded: Request) -> None:
        try:
            self._servers.enter(asked.ours, asked)
        except MessageError as error:
            if asked.number >= 0:
                self._done(asked.number, ok=False, then=lambda _reply: None)
            self._close(asked, str(error))
            return
        asked.forwarded = True
        self._send(forwarded)

    def _close(self, asked: Asked, why: str, code: int = REFUSED) -> None:
        """Answer a request with an error, unless its client gave it up."""
        if not asked.cancelled and self._clients.get(asked.id) is asked:
            self._clients.close(asked.id)
            self._fail(asked.id, code, why)

    def _notification(self, said: Notification) -> None:
        method = TABLES.notifications.get(said.method)
        if method is None or (self.revision and not method.known_in(self.revision)):
            self._out.append(note(f"dropped a notification of the client: {said.method[:80]}"))
            return
        try:
            rebuilt = rebuild(method, said.params, self._memory)
        except MessageError:
            return  # A cancellation of what is answered already: races are not worth a line.
        if method.name == "notifications/cancelled" and "requestId" not in rebuilt.kept:
            return
        self._send(Notification(said.method, rebuilt.forwarded()))

    def _cancel(self, id_: Id) -> Id | None:
        """Give a request up, and return our id of it where the server has it."""
        asked = self._clients.get(id_)
        if asked is None or asked.method.name == "initialize":
            return None
        self._clients.close(id_)
        asked.cancelled = True
        if asked.number >= 0:
            self._done(asked.number, ok=False, then=lambda _reply: None)
            asked.number = -1
        return asked.ours if asked.forwarded else None

    # ------------------------------------------------------------ responses

    def _response(self, response: Response) -> None:
        """Take a server's answer. Raises MessageError for one that nobody asked for."""
        asked: Asked = self._servers.close(response.id)
        if asked.cancelled:
            return
        if asked.method.lists == "tools" and not response.error:
            self._list(asked, response.result)
        elif asked.method.judge == "never":
            self._released(asked, self._unjudged(asked, response))
        else:
            self._judged(asked, response)

    def _judged(self, asked: Asked, response: Response) -> None:
        """Have the exposure of a judged answer joined, then release it."""
        issue(asked.method, response.result, self._memory.issued)
        answer = Response(asked.id, inert(response.result), inert(response.error))
        answer = replace(answer, result=own_ids(answer.result, asked.ours, asked.id))
        self._done(asked.number, ok=not response.error, then=lambda reply: self._released(asked, answer, reply))

    def _released(self, asked: Asked, answer: Response, reply: Mapping[str, Any] | None = None) -> None:
        if asked.cancelled:
            return
        if reply is not None and reply["what"] != "released":
            self._close(asked, str(refusal(reply)))
            return
        self._clients.close(asked.id)
        self._out.append(ToClient(encode(answer)))

    def _unjudged(self, asked: Asked, response: Response) -> Response:
        """Return the answer to a request that nobody judged: pinned text and known fields only."""
        if response.error:
            return Response(asked.id, error=plain_error(response.error))
        result = response.result
        match asked.method.name:
            case "initialize":
                version = result.get("protocolVersion")
                if version not in REVISIONS or version == STATELESS:
                    error = {"code": INVALID_REQUEST, "message": "the server speaks a revision that is not known here"}
                    return Response(asked.id, error=error)
                self.revision = str(version)
                result = self._introduced(result)
            case "server/discover":
                result = self._introduced(result)
            case _:
                result = empty(result)
        return Response(asked.id, result)

    def _introduced(self, result: Mapping[str, Any]) -> dict[str, Any]:
        shown, reasons = introduced(result, self.pins)
        for why in reasons:
            self._out.append(note(f"{self.name}: what the server says of itself is withheld: {why}"))
        return shown

    def _list(self, asked: Asked, result: Mapping[str, Any]) -> None:
        """Answer with a page of tools, once the gate said which of them are never allowed."""
        page, frame, lines = self._listing.page(result, self._memory.issued)

        def told(reply: dict[str, Any]) -> None:
            for name in self._listing.equal(reply):
                self._violated("session", f"another server of this session lists {name[:80]} too", stopped=False)
            shown = self._listing.allowed(page, reply)
            lines.append(self._listing.left_out())
            self._out.extend(note(f"{self.name}: {line}") for line in lines if line)
            self._released(asked, Response(asked.id, shown))

        self._ask(frame, told)

    # ------------------------------------------------- the server's own words

    def _question(self, request: Request) -> None:
        """Take a request of the server: it is content, and its answer will be judged."""
        row = TABLES.questions.get(request.method)
        if row is None or not row[0] <= self.revision <= row[1]:
            self._send(Response(request.id, error={"code": METHOD_NOT_FOUND, "message": "not available"}))
            raise MessageError(f"the server may not ask {request.method[:80]!r}")
        self._questions.enter(request.id, request.method)
        if row[2] == "empty":
            self._out.append(ToClient(encode(Request(request.id, request.method))))
            return
        shown = Request(request.id, request.method, inert(request.params))
        self._content(request.method, shown, lambda: self._refuse_question(request.id))

    def _refuse_question(self, id_: Id) -> None:
        if self._questions.get(id_) is not None:
            self._questions.close(id_)
            self._send(Response(id_, error={"code": -1, "message": "refused"}))

    def _answer(self, response: Response) -> None:
        """Take the client's answer to a question: a sink, but for the empty ones."""
        try:
            method = self._questions.close(response.id)
        except MessageError as error:
            self._violated("client", str(error))
            return
        if response.error:
            code = response.error["code"]
            code = code if code in ERROR_CODES else -1
            self._send(Response(response.id, error={"code": code, "message": "refused"}))
            return
        if TABLES.questions[method][2] == "empty":
            self._send(Response(response.id))
            return
        call = self.mappings.message(self.identity, self.name, named(f"answer/{method}"), body_of(response.result))

        def decided(reply: dict[str, Any]) -> None:
            if reply["what"] == "perform":
                self._send(response)
                self._done(reply["number"], ok=True, then=lambda _reply: None)
            else:
                self._send(Response(response.id, error={"code": -1, "message": "refused"}))
                self._out.append(note(f"{self.name}: an answer to {method} was held back: {refusal(reply)}"))

        self._judge(call, decided)

    def _news(self, said: Notification) -> None:
        """Take a notification of the server."""
        row = TABLES.news.get(said.method)
        if row is None or not row[0] <= (self.revision or REVISIONS[0]) <= row[1]:
            raise MessageError(f"the server may not send {said.method[:80]!r}")
        if said.method == "notifications/progress":
            said = self._progress(said)
        elif said.method == "notifications/cancelled":
            said = self._cancelled(said)
        uri = said.params.get("uri")
        self._memory.issued.add("resource", uri)
        params = inert(self._subscribed(said.params))
        if not row[2]:
            kept = {"_meta": params["_meta"]} if "_meta" in params else {}
            self._out.append(ToClient(encode(Notification(said.method, plain(kept)))))
            return
        self._content(said.method, Notification(said.method, params), lambda: None)

    def _progress(self, said: Notification) -> Notification:
        """Return progress with the client's own token. Raises MessageError where it gave none."""
        token = said.params.get("progressToken")
        asked = self._servers.get(token) if type(token) is int else None
        if asked is None or asked.token is None or asked.cancelled:
            raise MessageError("progress on nothing")
        return Notification(said.method, {**said.params, "progressToken": asked.token})

    def _cancelled(self, said: Notification) -> Notification:
        """Return a cancellation of the server's own question, or of a subscription."""
        id_ = said.params.get("requestId")
        if not isinstance(id_, int | str):
            raise MessageError("a cancellation of nothing")
        if self._questions.get(id_) is not None:
            self._questions.close(id_)
            return said
        asked = self._servers.get(id_)
        if asked is None or asked.method.name != "subscriptions/listen":
            raise MessageError("a cancellation of what the server did not ask")
        return Notification(said.method, {**said.params, "requestId": asked.id})

    def _subscribed(self, params: Mapping[str, Any]) -> dict[str, Any]:
        """Return params in which the id of a subscription is the client's."""
        meta = params.get("_meta")
        id_ = meta.get("io.modelcontextprotocol/subscriptionId") if isinstance(meta, dict) else None
        asked = self._servers.get(id_) if type(id_) is int else None
        return dict(params) if asked is None else own_ids(params, asked.ours, asked.id)

    def _content(self, what: str, shown: Message, refused: Callable[[], None]) -> None:
        """Show the client what the server said by itself, once its exposure has joined."""
        if self._joined:
            self._out.append(ToClient(encode(shown)))
            return
        args = {"server": self.name, "tool": named(what), "identity": self.identity.digest, "op": "read_files"}

        def decided(reply: dict[str, Any]) -> None:
            if reply["what"] == "perform":
                self._done(reply["number"], ok=True, then=released)
            else:
                refused()
                self._out.append(note(f"{self.name}: {what} was held back: {refusal(reply)}"))

        def released(reply: dict[str, Any]) -> None:
            if reply["what"] == "released":
                self._out.append(ToClient(encode(shown)))
            else:
                refused()

        self._judge(Call(MCP, args), decided)

    # ------------------------------------------------------------------ out

    def _judge(self, call: Call, then: Next) -> None:
        echoes = call.args.get("op") is None or call.args.get("echoes") is not False

        def decided(reply: dict[str, Any]) -> None:
            self._joined |= reply["what"] == "perform" and echoes
            then(reply)

        self._ask({"do": "call", "kind": call.kind, "args": dict(call.args)}, decided, call.body)

    def _done(self, number: int, *, ok: bool, then: Next) -> None:
        self._ask({"do": "done", "number": number, "ok": ok, "error": "" if ok else "OSError"}, then)

    def _ask(self, fields: dict[str, Any], then: Next, body: bytes = b"") -> None:
        self._gate.append(then)
        self._out.append(ToGate(fields, body))

    def _send(self, message: Message) -> None:
        self._out.append(ToServer(encode(message)))

    def _fail(self, id_: Id, code: int, why: str) -> None:
        self._out.append(ToClient(encode(Response(id_, error={"code": code, "message": why}))))

    def _violated(self, side: str, what: str, *, stopped: bool = True) -> None:
        """Note what a side did against the protocol, and have it recorded as refused.

        ``stopped``: a message of the side was not forwarded for it.
        """
        self.violations += stopped
        if self.violations > RECORDED:
            return
        stop = f"stopped a message of the {side}: " if stopped else ""
        self._out.append(note(f"{self.name}: {stop}{what[:200]}"))
        label = "".join(char if char.isalnum() else "-" for char in what)[:60]
        args = {"server": self.name, "tool": side, "violation": True, "label": label}
        self._ask({"do": "call", "kind": MCP, "args": args}, lambda _reply: None)


def _read(line: bytes | Oversize) -> Message:
    if isinstance(line, Oversize):
        raise MessageError(f"a line of more than {line.limit} bytes")
    return parse(line)
