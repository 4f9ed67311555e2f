"""Waiting for a person, where the client can be told meanwhile.

A call that asks is answered at once with "pending, id X": a client that waits
in silence gives up, and the same call made again uses the answer. Where the
client gave a progress token and a person watches (``nucleus approvals
--watch``), it hears of progress instead, for a while. Where
the only reason is ``low_risk`` and the client has a dialog of its own
(elicitation), the person is asked there too: a client can press its own
buttons, so no other question is ever answered that way.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Any, Final, final

from nucleus.lean import dataclass
from nucleus.mcp.messages import Id, Notification, Request, Response
from nucleus.mcp.out import Out
from nucleus.mcp.text import escaped

SECONDS: Final = 50.0
"""How long a call waits. Clients give up after a minute, or when they hear nothing for one."""
BETWEEN: Final = 2.0
SHOWN: Final = 2048
"""Characters of a call that the client's own dialog shows."""
LOW_RISK: Final = ["low_risk"]


@final
@dataclass(slots=True)
class Waiting:
    """One call that a person has not answered yet."""

    question: str
    token: Id | None
    again: Callable[[], None]
    """Has the call decided anew."""
    give_up: Callable[[str], None]
    """Answers the call with an error."""
    wanted: Callable[[], bool]
    since: float = -1.0
    last: float = -1.0
    steps: int = 0
    dialog: str = ""
    why: str = ""


@final
class Patience:
    """The calls of one mediator that wait."""

    def __init__(self, out: Out) -> None:
        self._out = out
        self._waiting: list[Waiting] = []

    def __bool__(self) -> bool:
        return bool(self._waiting)

    def wait(self, one: Waiting, reply: Mapping[str, Any], *, dialog: str) -> bool:
        """Let a call wait; False where its client could not be told. ``dialog``: what its own dialog would say."""
        asks = bool(dialog) and list(reply.get("rules", ())) == LOW_RISK
        if not asks and one.token is None:
            return False
        self._waiting.append(one)
        if not asks:
            self._out.ask({"do": "asked", "id": one.question}, lambda reply: self._unwatched(one, reply))
        else:
            # Nobody but the client knows this id: no server's question can be taken for ours.
            one.dialog = f"nucleus-{secrets.token_hex(8)}"
            text = f"Allow this once?\n{escaped(dialog)[:SHOWN]}"
            schema = {"type": "object", "properties": {}}
            self._out.to_client(Request(one.dialog, "elicitation/create", {"message": text, "requestedSchema": schema}))
        return True

    def _unwatched(self, one: Waiting, reply: Mapping[str, Any]) -> None:
        """Answer at once where nobody would see the question in time."""
        if reply.get("watched") is not True and one in self._waiting:
            self._waiting.remove(one)
            one.give_up(one.why)

    def answer(self, response: Response) -> bool:
        """Take the client's answer to a dialog of ours; False if it is to something else."""
        found = next((one for one in self._waiting if one.dialog and one.dialog == response.id), None)
        if found is None:
            return False
        if response.result.get("action") != "accept":
            self._waiting.remove(found)
            found.give_up(found.why)
            return True
        found.dialog = ""

        def accepted(reply: dict[str, Any]) -> None:
            if found in self._waiting:
                self._waiting.remove(found)
                if reply.get("ok") is True:
                    found.again()
                else:
                    found.give_up(found.why)

        self._out.ask({"do": "asked", "id": found.question, "accept": True}, accepted)
        return True

    def tick(self, now: float) -> None:
        """Know what time it is: tell clients, look whether somebody answered, and give up what waited too long."""
        for one in list(self._waiting):
            if one.since < 0:
                one.since = one.last = now
            if not one.wanted():
                self._waiting.remove(one)
            elif now - one.since >= SECONDS:
                self._waiting.remove(one)
                one.give_up(one.why)
            elif now - one.last >= BETWEEN:
                one.last = now
                self._look(one)

    def _look(self, one: Waiting) -> None:
        if one.token is not None:
            one.steps += 1
            params = {
                "progressToken": one.token,
                "progress": one.steps,
                "message": f"waiting for a person: nucleus approve {one.question}",
            }
            self._out.to_client(Notification("notifications/progress", params))

        def looked(reply: dict[str, Any]) -> None:
            if reply.get("open") is not True and one in self._waiting:
                self._waiting.remove(one)
                one.again()

        self._out.ask({"do": "asked", "id": one.question}, looked)
