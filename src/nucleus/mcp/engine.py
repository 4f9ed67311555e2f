"""The mediator without IO: bytes of a client, a server and the gate in; what to send to whom out.

Whatever comes from one side is read strictly, taken apart, judged where it
can carry anything, and written anew for the other side. Ids of requests and
progress tokens are ours on the server's side: a client can hide nothing in
them, and a server can't answer what it was not asked.

The order for one judged request: gate asked -> "perform" -> forwarded ->
response -> "done" handed to the gate -> answered.

INVARIANT: a judged request is forwarded only after its "perform", with which
the exposure of its response has joined; its response is released only after
its "done" was handed to the gate (tests/mcp/test_engine.py).
"""

from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.gate.connection import refusal
from nucleus.lean import dataclass, field, replace
from nucleus.mcp.catalogue import NAMED, Catalogue
from nucleus.mcp.framing import Oversize
from nucleus.mcp.listing import Listing
from nucleus.mcp.mapping import Mappings, body_of, named
from nucleus.mcp.messages import (
    INVALID_REQUEST,
    OPEN_LIMIT,
    REFUSED,
    Id,
    Ledger,
    Message,
    MessageError,
    Notification,
    Request,
    Response,
    parse,
)
from nucleus.mcp.methods import REVISIONS, STATELESS, TABLES, Method, can_elicit, known
from nucleus.mcp.out import Out
from nucleus.mcp.patience import Patience, Waiting
from nucleus.mcp.pins import Identity, Pins
from nucleus.mcp.rebuild import Memory, Rebuilt, rebuild
from nucleus.mcp.results import empty, introduced, issue, own_ids, plain_error
from nucleus.mcp.rounds import Rounds
from nucleus.mcp.steps import Effect, no_id
from nucleus.mcp.text import inert, surely_inert
from nucleus.mcp.words import Words
from nucleus.policy.call import Call

OBSERVING: Final = 1.0
UNANSWERED: Final = 16 * OPEN_LIMIT
"""Requests that a server may owe an answer to, cancelled ones included."""


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
    judged: bytes = b""
    """Its params as the gate has them, where the server gets exactly these."""
    params: Mapping[str, Any] = field(default_factory=dict)
    """As the client gave them: what a state in the result is bound to (``rounds``)."""


@final
@dataclass(slots=True)
class Mediator:
    """One client, one server, one gate."""

    identity: Identity
    name: str
    """What the owner's policy calls the server: ``[mcp.NAME]``."""
    pins: Pins
    mappings: Mappings
    observes: bool = False
    """The session only observes: what would be asked is allowed at once."""
    revision: str = ""
    """What both sides agreed on; "" before that."""
    _memory: Memory = field(default_factory=Memory)
    _clients: Ledger = field(default_factory=Ledger)
    """The client's open requests, by its ids."""
    _servers: Ledger = field(default_factory=lambda: Ledger(UNANSWERED))
    """The same that were forwarded, by our ids."""
    _count: int = 0
    _out: Out = field(init=False)
    _words: Words = field(init=False)
    _listing: Listing = field(init=False)
    _catalogue: Catalogue = field(init=False)
    _rounds: Rounds = field(init=False)
    _patience: Patience = field(init=False)

    def __post_init__(self) -> None:
        self._memory.request_of = self._cancel
        self._out = Out(self.name, OBSERVING if self.observes else 0.0)
        self._catalogue = Catalogue(self.pins)
        self._listing = Listing(self.identity, self.name, self.pins, self.mappings)
        self._rounds, self._patience = Rounds(self.identity), Patience(self._out)
        self._memory.state_of = self._rounds.state
        issued = self._memory.issued
        self._words = Words(
            self._out, self.identity, self.mappings, issued, self._servers, lambda: self.revision, self._cancel
        )
        self._memory.server_token = lambda _token: self._words.waiting > 0

    # ------------------------------------------------------------------ in

    def from_client(self, line: bytes | Oversize) -> list[Effect]:
        """Take one line of the client."""
        self._words.heard()
        try:
            message = _read(line)
        except MessageError as error:
            self._out.violated("client", str(error))
            self._out.line(no_id(error))
            return self._out.take()
        match message:
            case Request():
                self._request(message)
            case Notification():
                self._notification(message)
            case Response():
                if not self._patience.answer(message):
                    self._words.answer(message)
        return self._out.take()

    def from_server(self, line: bytes | Oversize) -> list[Effect]:
        """Take one line of the server. What is no message is dropped, and noted."""
        try:
            message = _read(line)
            match message:
                case Request():
                    self._words.question(message)
                case Notification():
                    self._words.news(message)
                case Response():
                    self._response(message, plain=isinstance(line, bytes) and surely_inert(line))
        except MessageError as error:
            self._out.violated("server", str(error))
        return self._out.take()

    def from_gate(self, reply: dict[str, Any]) -> list[Effect]:
        """Take the gate's next answer. Raises IndexError for one that it owes nobody."""
        self._out.answered(reply)
        return self._out.take()

    def written(self) -> list[Effect]:
        """Know that the gate's socket has taken every frame so far."""
        self._out.written()
        return self._out.take()

    @property
    def unwritten(self) -> bool:
        """Whether ``written`` is to be called once the gate's socket has taken everything."""
        return self._out.unwritten

    @property
    def awaits_gate(self) -> bool:
        """Whether what the gate says is to be read now."""
        return self._out.listens

    @property
    def owed(self) -> int:
        """How many answers the gate owes."""
        return self._out.owed

    @property
    def open_requests(self) -> int:
        """How many requests the client waits for."""
        return len(self._clients)

    @property
    def waits(self) -> bool:
        """Whether a call waits for a person: ``tick`` is to be called every second or so."""
        return bool(self._patience)

    def tick(self, now: float) -> list[Effect]:
        """Know what time it is, in seconds of any clock that only goes forward."""
        self._patience.tick(now)
        return self._out.take()

    def end(self, why: str) -> list[Effect]:
        """Answer everything that is open with an error: the server or the gate is gone."""
        for asked in self._clients.drain():
            self._out.fail(asked.id, REFUSED, why)
        self._servers.drain()
        self._out.withheld()
        self._words.end()
        return self._out.take()

    @property
    def violations(self) -> int:
        """How many messages against the protocol were stopped."""
        return self._out.violations

    # ------------------------------------------------------------ requests

    def _request(self, request: Request) -> None:
        try:
            method, self.revision = known(request, self.revision)
            rebuilt = rebuild(method, request.params, self._memory)
            if method.name == "tools/call":
                self._may_call(request.params)
                rebuilt = self._reviewed(rebuilt, str(request.params["name"]))
            self._catalogue.may_get(method.name, request.params)
        except MessageError as error:
            self._out.fail(request.id, error.code, str(error))
            return
        self._count += 1
        asked = Asked(request.id, method, self._count, rebuilt.token)
        try:
            self._clients.enter(request.id, asked)
        except MessageError as error:
            # An answer would be taken for the answer to the open one.
            self._out.violated("client", str(error))
            return
        forwarded = Request(asked.ours, method.name, self._params(rebuilt, asked), request.size)
        if method.judge == "never":
            self._forward(asked, forwarded)
        else:
            asked.params = request.params
            call = self._call(method, rebuilt, forwarded)
            # A progress token of ours is in no digest: the call is recognised when it is made again.
            asked.judged = call.body if asked.token is None else b""
            self._ask(asked, forwarded, call)

    def _may_call(self, params: Mapping[str, Any]) -> None:
        name = params.get("name")
        if not isinstance(name, str) or not self.pins.is_pinned(name):
            raise MessageError("no such tool is available here; do not retry", REFUSED)

    def _reviewed(self, rebuilt: Rebuilt, name: str) -> Rebuilt:
        """Return a call of a reviewed tool without what its client adds to each call of its own (``_meta``).

        What is not forwarded carries nothing, so that the review covers the call. Where the owner's mapping takes
        anything, or there is none, it stays.
        """
        if "_meta" not in rebuilt.judged or not self.mappings.by_argument(self.identity, self.pins.pinned[name]):
            return rebuilt
        return replace(rebuilt, judged={key: value for key, value in rebuilt.judged.items() if key != "_meta"})

    def _params(self, rebuilt: Rebuilt, asked: Asked) -> dict[str, Any]:
        params = rebuilt.forwarded()
        if asked.token is None:
            return params
        return {**params, "_meta": {**params.get("_meta", {}), "progressToken": asked.ours}}

    def _call(self, method: Method, rebuilt: Rebuilt, forwarded: Request) -> Call:
        """Return the policy call that stands for a request."""
        # The number of the request is in no digest: an approved call is recognised when it is made again.
        body = body_of(rebuilt.forwarded(), forwarded.size)
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

    def _ask(self, asked: Asked, forwarded: Request, call: Call) -> None:
        """Have a request decided; where a person is asked, its client may wait for the answer."""

        def decided(reply: dict[str, Any]) -> None:
            if reply["what"] != "pending" or not self._waits(asked, forwarded, call, reply):
                self._decided(asked, forwarded, reply)

        self._out.judge(call, decided)

    def _waits(self, asked: Asked, forwarded: Request, call: Call, reply: dict[str, Any]) -> bool:
        """Let a call wait for a person, if its client can be told so."""
        waiting = Waiting(
            str(reply.get("id", "")),
            asked.token,
            lambda: self._ask(asked, forwarded, call),
            lambda said: self._close(asked, said),
            lambda: not asked.cancelled and self._clients.get(asked.id) is asked,
            why=str(refusal(reply)),
        )
        dialog = ""
        if can_elicit(self._memory.once, self.revision):
            dialog = f"{self.name}: {call.args.get('tool')}\n{call.body.decode('utf-8', 'replace')}"
        return self._patience.wait(waiting, reply, dialog=dialog)

    def _decided(self, asked: Asked, forwarded: Request, reply: dict[str, Any]) -> None:
        if reply["what"] != "perform":
            self._close(asked, str(refusal(reply)))
            return
        asked.number = reply["number"]
        if asked.cancelled:
            self._out.done(asked.number, ok=False)
        else:
            self._forward(asked, forwarded)

    def _forward(self, asked: Asked, forwarded: Request) -> None:
        try:
            self._servers.enter(asked.ours, asked)
        except MessageError as error:
            if asked.number >= 0:
                self._out.done(asked.number, ok=False)
            self._close(asked, str(error))
            return
        asked.forwarded = True
        self._out.forward(forwarded, asked.judged)
        asked.judged = b""

    def _close(self, asked: Asked, why: str, code: int = REFUSED) -> None:
        """Answer a request with an error, unless its client gave it up."""
        if not asked.cancelled and self._clients.get(asked.id) is asked:
            self._clients.close(asked.id)
            self._out.fail(asked.id, code, why)

    def _notification(self, said: Notification) -> None:
        method = TABLES.notifications.get(said.method)
        if method is None or (self.revision and not method.known_in(self.revision)):
            self._out.tell(f"dropped a notification of the client: {said.method[:80]}")
            return
        try:
            rebuilt = rebuild(method, said.params, self._memory)
        except MessageError:
            return  # A cancellation of what is answered already: races are not worth a line.
        if method.name == "notifications/cancelled" and "requestId" not in rebuilt.kept:
            return
        self._out.to_server(Notification(said.method, rebuilt.forwarded()))

    def _cancel(self, id_: Id) -> Id | None:
        """Give a request up, and return our id of it where the server has it."""
        asked = self._clients.get(id_)
        if asked is None or asked.method.name == "initialize":
            return None
        self._clients.close(id_)
        asked.cancelled = True
        if asked.number >= 0:
            self._out.done(asked.number, ok=False)
            asked.number = -1
        return asked.ours if asked.forwarded else None

    # ------------------------------------------------------------ responses

    def _response(self, response: Response, *, plain: bool) -> None:
        """Take a server's answer; ``plain`` if ``inert`` changes nothing in it.

        Raises MessageError for one that nobody asked for.
        """
        asked: Asked = self._servers.close(response.id)
        if asked.cancelled:
            return
        if asked.method.lists == "tools" and not response.error:
            self._list(asked, response.result)
        elif asked.method.judge == "never":
            self._released(asked, self._unjudged(asked, response))
        else:
            self._judged(asked, response, plain=plain)

    def _judged(self, asked: Asked, response: Response, *, plain: bool) -> None:
        """Tell the gate that a judged answer is there, then release it."""
        response = self._shown(asked, response)
        issue(asked.method, response.result, self._memory.issued)
        if not plain:
            response = Response(asked.id, inert(response.result), inert(response.error), response.size)
        try:
            result = self._rounds.asked(asked.method.name, asked.params, response.result)
        except MessageError as error:
            self._out.done(asked.number, ok=False)
            self._close(asked, str(error))
            raise
        answer = Response(asked.id, own_ids(result, asked.ours, asked.id), response.error, response.size)
        number, asked.number = asked.number, -1
        self._out.done(number, ok=not response.error, then=lambda: self._released(asked, answer))

    def _shown(self, asked: Asked, response: Response) -> Response:
        """Return an answer without the prompts, resources and templates that are hidden."""
        if asked.method.lists not in NAMED or response.error:
            return response
        page, hidden = self._catalogue.page(asked.method.lists, response.result)
        for name, why in hidden.items():
            self._out.tell(f"{name[:120]} is hidden: {why}")
        return replace(response, result=page)

    def _released(self, asked: Asked, answer: Response) -> None:
        if not asked.cancelled:
            self._clients.close(asked.id)
            self._out.to_client(answer)

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
            self._out.tell(f"what the server says of itself is withheld: {why}")
        return shown

    def _list(self, asked: Asked, result: Mapping[str, Any]) -> None:
        """Answer with a page of tools, once the gate said which of them are never allowed."""
        page, frame, lines = self._listing.page(result, self._memory.issued)

        def told(reply: dict[str, Any]) -> None:
            for name in self._listing.equal(reply):
                self._out.violated("session", f"another server of this session lists {name[:80]} too", stopped=False)
            shown = self._listing.allowed(page, reply)
            lines.append(self._listing.left_out())
            for line in filter(None, lines):
                self._out.tell(line)
            self._released(asked, Response(asked.id, shown))

        self._out.ask(frame, told)


def _read(line: bytes | Oversize) -> Message:
    if isinstance(line, Oversize):
        raise MessageError(f"a line of more than {line.limit} bytes")
    return parse(line)
