"""A call that waits for a person, from the engine's outside."""

from typing import Any

import pytest

from nucleus.mcp.patience import BETWEEN, SECONDS
from tests.mcp.world import TOOL, World


class Waiting(World):
    """A world whose gate asks a person; ``open`` questions are answered by the test."""

    def __init__(self, rules: list[str], capabilities: dict[str, Any]) -> None:
        super().__init__(lambda _fields, _body: self.verdict)
        self.verdict, self.rules, self.open, self.accepts, self.watched = "perform", rules, True, True, True
        client = {"protocolVersion": "2025-11-25", "clientInfo": {"name": "c"}, "capabilities": capabilities}
        self.from_client(id=1, method="initialize", params=client)
        self.from_server(
            id=1, result={"protocolVersion": "2025-11-25", "capabilities": {}, "serverInfo": {"name": "s"}}
        )
        self.from_client(id=2, method="tools/list")
        self.from_server(id=2, result={"tools": [TOOL]})
        self.clear()
        self.verdict = "pending"

    def _reply(self, asked: Any) -> dict[str, Any]:
        if asked.fields["do"] == "asked":
            accepted = asked.fields.get("accept") is True and self.accepts
            if accepted:
                self.verdict, self.open = "perform", False
            return {"what": "asked", "open": self.open, "ok": accepted, "watched": self.watched}
        return {**super()._reply(asked), "rules": self.rules}

    def call(self, *, token: bool = True) -> None:
        meta = {"_meta": {"progressToken": "t"}} if token else {}
        self.from_client(id="c", method="tools/call", params={"name": "echo", "arguments": {"text": "hi"}, **meta})

    def at(self, now: float) -> None:
        self._take(self.mediator.tick(now))


def test_without_a_token_the_answer_is_pending_at_once() -> None:
    world = Waiting(["destination"], {})
    world.call(token=False)
    assert "pending, id ab12: approval required (destination)" in world.client[0]["error"]["message"]
    assert not world.mediator.waits


def test_with_a_token_the_client_hears_of_progress_and_the_answer_uses_the_approval() -> None:
    world = Waiting(["destination"], {})
    world.call()
    assert (world.client, world.mediator.waits) == ([], True)
    world.at(0.0)
    world.at(BETWEEN)
    told = world.client[0]["params"]
    assert (told["progressToken"], told["progress"]) == ("t", 1)
    assert "nucleus approve ab12" in told["message"]
    world.verdict, world.open = "perform", False
    world.at(2 * BETWEEN)
    assert (world.server[-1]["method"], world.mediator.waits) == ("tools/call", False)
    judged = [asked for asked in world.asked if asked["do"] == "call"]
    assert judged[0]["body"] == judged[1]["body"], "the very same call is asked about again"
    world.from_server(id=world.server[-1]["id"], result={"content": []})
    assert world.client[-1]["result"] == {"content": []}


def test_where_nobody_watches_it_is_pending_at_once() -> None:
    world = Waiting(["destination"], {})
    world.watched = False
    world.call()
    assert "approval required" in world.client[0]["error"]["message"]
    assert not world.mediator.waits


def test_after_a_while_it_is_pending_after_all() -> None:
    world = Waiting(["destination"], {})
    world.call()
    world.at(0.0)
    world.at(SECONDS)
    assert "approval required" in world.client[-1]["error"]["message"]
    assert world.server == []


def test_a_call_that_was_given_up_waits_no_more() -> None:
    world = Waiting(["destination"], {})
    world.call()
    world.from_client(method="notifications/cancelled", params={"requestId": "c"})
    world.at(0.0)
    assert not world.mediator.waits
    assert world.client == world.server == []


def test_low_risk_is_asked_in_the_clients_own_dialog_too() -> None:
    world = Waiting(["low_risk"], {"elicitation": {}})
    world.call(token=False)
    dialog = world.client[0]
    assert dialog["method"] == "elicitation/create"
    assert "echo" in dialog["params"]["message"]
    assert '"text":"hi"' in dialog["params"]["message"]
    world.from_client(id=dialog["id"], result={"action": "accept", "content": {}})
    assert world.server[-1]["method"] == "tools/call"


@pytest.mark.parametrize("answer", ["decline", "cancel", "", None])
def test_anything_but_yes_leaves_it_pending(answer: str | None) -> None:
    world = Waiting(["low_risk"], {"elicitation": {}})
    world.call(token=False)
    world.from_client(id=world.client[0]["id"], result={"action": answer})
    assert "approval required" in world.client[-1]["error"]["message"]
    assert world.server == []


def test_a_yes_that_the_gate_does_not_take_leaves_it_pending() -> None:
    world = Waiting(["low_risk"], {"elicitation": {}})
    world.accepts = False
    world.call(token=False)
    world.from_client(id=world.client[0]["id"], result={"action": "accept"})
    assert "approval required" in world.client[-1]["error"]["message"]
    assert world.server == []


def test_no_other_question_is_asked_there() -> None:
    for world in (Waiting(["low_risk", "secret"], {"elicitation": {}}), Waiting(["low_risk"], {})):
        world.call(token=False)
        assert "approval required" in world.client[0]["error"]["message"]


def test_a_servers_question_is_not_taken_for_ours() -> None:
    world = Waiting(["low_risk"], {"elicitation": {}})
    world.call(token=False)
    ours = world.client[0]["id"]
    world.from_server(id="nucleus-1", method="elicitation/create", params={"message": "Allow?"})
    world.from_client(id="nucleus-1", result={"action": "accept"})
    assert world.server[-1].get("method") != "tools/call"
    assert ours.startswith("nucleus-")
    assert len(ours) > 16
