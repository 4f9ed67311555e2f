"""What a server says by itself: questions to the client, and news.

Both are content: their exposure joins before the client sees them, and an
answer to a question is judged like a call. Until 2025-11-25; later a question
is part of a result, and only news is left.
"""

from collections.abc import Callable
from typing import Any, Final, final

from nucleus.gate.connection import refusal
from nucleus.mcp.mapping import Mappings, body_of, named
from nucleus.mcp.messages import METHOD_NOT_FOUND, Id, Ledger, Message, MessageError, Notification, Request, Response
from nucleus.mcp.methods import REVISIONS, TABLES
from nucleus.mcp.out import Out
from nucleus.mcp.pins import Identity
from nucleus.mcp.rebuild import Issued
from nucleus.mcp.results import own_ids, plain
from nucleus.mcp.text import inert
from nucleus.policy.call import MCP, Call

ERROR_CODES: Final = frozenset((-1, -32600, -32601, -32602, -32603, -32800))
"""Codes that a client's refusal may have. Any other number could carry something."""
NEWS: Final = 1000
"""News between two messages of the client. What is more is a flood, and dropped."""
WITHHELD: Final = 16
"""News that the gate refused, one record each. Later ones are dropped until content of this server is allowed."""


@final
class Words:
    """The server's own side of one mediated connection."""

    def __init__(
        self,
        out: Out,
        identity: Identity,
        mappings: Mappings,
        issued: Issued,
        forwarded: Ledger,
        revision: Callable[[], str],
        give_up: Callable[[Id], object],
    ) -> None:
        """Take what the mediator shares: its effects, what the server issued, and the requests that it has."""
        self._out, self._identity, self._mappings, self._issued = out, identity, mappings, issued
        self._forwarded, self._revision, self._give_up = forwarded, revision, give_up
        self._questions = Ledger()
        """The server's open requests, by its ids."""
        self._news = 0
        self._withheld = 0

    def heard(self) -> None:
        """Know that the client said something: what the server tells now may be about that."""
        self._news = 0

    @property
    def waiting(self) -> int:
        """How many questions the client has not answered yet."""
        return len(self._questions)

    def end(self) -> None:
        """Forget every question: the server or the gate is gone."""
        self._questions.drain()

    def question(self, request: Request) -> None:
        """Take a request of the server: it is content, and its answer will be judged."""
        row = TABLES.questions.get(request.method)
        if row is None or not row[0] <= self._revision() <= row[1]:
            self._out.to_server(Response(request.id, error={"code": METHOD_NOT_FOUND, "message": "not available"}))
            raise MessageError(f"the server may not ask {request.method[:80]!r}")
        self._questions.enter(request.id, request.method)
        if row[2] == "empty":
            self._out.to_client(Request(request.id, request.method))
            return
        # It makes the client's person or model do something, so each is judged by its name, whatever was read before.
        shown = Request(request.id, request.method, inert(request.params))
        self._judged(request.method, shown, lambda: self._refuse_question(request.id))

    def _refuse_question(self, id_: Id) -> None:
        if self._questions.get(id_) is not None:
            self._questions.close(id_)
            self._out.to_server(Response(id_, error={"code": -1, "message": "refused"}))

    def answer(self, response: Response) -> None:
        """Take the client's answer to a question: a sink, but for the empty ones."""
        try:
            method = self._questions.close(response.id)
        except MessageError as error:
            self._out.violated("client", str(error))
            return
        if response.error:
            code = response.error["code"]
            code = code if code in ERROR_CODES else -1
            self._out.to_server(Response(response.id, error={"code": code, "message": "refused"}))
            return
        if TABLES.questions[method][2] == "empty":
            self._out.to_server(Response(response.id))
            return
        call = self._mappings.message(
            self._identity, self._out.name, named(f"answer/{method}"), body_of(response.result)
        )

        def decided(reply: dict[str, Any]) -> None:
            if reply["what"] == "perform":
                self._out.to_server(response)
                self._out.done(reply["number"], ok=True)
            else:
                self._out.to_server(Response(response.id, error={"code": -1, "message": "refused"}))
                self._out.tell(f"an answer to {method} was held back: {refusal(reply)}")

        self._out.judge(call, decided)

    def news(self, said: Notification) -> None:
        """Take a notification of the server."""
        row = TABLES.news.get(said.method)
        if row is None or not row[0] <= (self._revision() or REVISIONS[0]) <= row[1]:
            raise MessageError(f"the server may not send {said.method[:80]!r}")
        if said.method == "notifications/progress":
            said = self._progress(said)
        elif said.method == "notifications/cancelled":
            said = self._cancelled(said)
        uri = said.params.get("uri")
        self._issued.add("resource", uri)
        params = inert(self._subscribed(said.params))
        if not row[2]:
            kept = {"_meta": params["_meta"]} if "_meta" in params else {}
            self._out.to_client(Notification(said.method, plain(kept)))
            return
        self._content(said.method, Notification(said.method, params))

    def _progress(self, said: Notification) -> Notification:
        """Return progress with the client's own token. Raises MessageError where it gave none."""
        token = said.params.get("progressToken")
        asked = self._forwarded.get(token) if type(token) is int else None
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
        asked = self._forwarded.get(id_)
        if asked is None or asked.method.name != "subscriptions/listen":
            raise MessageError("a cancellation of what the server did not ask")
        # The subscription is over: its request is answered by nothing else any more.
        self._give_up(asked.id)
        return Notification(said.method, {**said.params, "requestId": asked.id})

    def _subscribed(self, params: dict[str, Any]) -> dict[str, Any]:
        """Return params in which the id of a subscription is the client's."""
        meta = params.get("_meta")
        id_ = meta.get("io.modelcontextprotocol/subscriptionId") if isinstance(meta, dict) else None
        asked = self._forwarded.get(id_) if type(id_) is int else None
        return params if asked is None else own_ids(params, asked.ours, asked.id)

    def _content(self, what: str, shown: Message) -> None:
        """Show the client news, once their exposure has joined. Raises MessageError for a flood of them."""
        self._news += 1
        if self._news > NEWS:
            raise MessageError("more news than anybody waits for")
        if self._out.joined:
            self._out.to_client(shown)
        elif self._withheld < WITHHELD:
            self._judged(what, shown, self._withhold)

    def _withhold(self) -> None:
        self._withheld += 1

    def _judged(self, what: str, shown: Message, refused: Callable[[], None]) -> None:
        """Show the client what the server said by itself, if the gate allows it and once its exposure has joined."""
        args = {"server": self._out.name, "tool": named(what), "identity": self._identity.digest, "op": "read_files"}

        def decided(reply: dict[str, Any]) -> None:
            if reply["what"] == "perform":
                self._out.done(reply["number"], ok=True, then=lambda: self._out.to_client(shown))
            else:
                refused()
                self._out.tell(f"{what} was held back: {refusal(reply)}")

        self._out.judge(Call(MCP, args), decided)
