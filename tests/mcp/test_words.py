"""What a server says by itself, through the engine; more of it is in test_engine.py."""

from nucleus.mcp.messages import METHOD_NOT_FOUND
from nucleus.mcp.words import NEWS, WITHHELD
from tests.mcp.world import World, deny, met


def test_a_question_is_shown_once_its_exposure_joined_and_its_answer_is_a_call() -> None:
    world = met()
    world.from_server(id="q", method="sampling/createMessage", params={"messages": []})
    assert [asked["do"] for asked in world.asked] == ["call", "done"]
    assert world.client[0]["method"] == "sampling/createMessage"
    world.from_client(id="q", result={"role": "assistant"})
    assert world.server[-1]["result"] == {"role": "assistant"}
    assert [asked["args"]["tool"] for asked in world.asked if asked["do"] == "call"][-1] == (
        "answer:sampling:createMessage"
    )


def test_a_question_that_the_revision_lacks_is_refused_and_recorded() -> None:
    world = met(revision="2024-11-05")
    world.from_server(id="q", method="elicitation/create", params={"message": "password?"})
    assert world.server[-1]["error"]["code"] == METHOD_NOT_FOUND
    assert world.client == []
    assert world.mediator.violations == 1


def test_an_answer_that_nobody_asked_for_goes_nowhere() -> None:
    world = met()
    world.from_client(id="q", result={"roots": ["canary"]})
    assert world.server == []
    assert world.mediator.violations == 1


def test_a_question_that_was_refused_is_answered_for_the_client() -> None:
    world = met(lambda fields, _body: "denied" if "roots" in fields["args"]["tool"] else "perform")
    world.from_server(id="q", method="roots/list")
    assert world.client == []
    assert world.server[-1]["error"] == {"code": -1, "message": "refused"}


def test_each_question_is_judged_by_its_name_whatever_was_read_before() -> None:
    world = met(lambda fields, _body: "denied" if "elicitation" in fields["args"]["tool"] else "perform")
    world.from_client(id=1, method="tools/call", params={"name": "echo"})
    world.from_server(id=world.server[-1]["id"], result={"content": []})
    world.clear()
    world.from_server(id="q", method="elicitation/create", params={"message": "password?"})
    assert world.client == []
    world.from_server(method="notifications/message", params={"level": "info", "data": "x"})
    assert world.client[0]["method"] == "notifications/message"


def test_a_flood_of_news_is_cut_until_the_client_says_something() -> None:
    world = met()
    for _ in range(NEWS + 5):
        world.from_server(method="notifications/message", params={"level": "info", "data": "x"})
    assert len(world.client) == NEWS
    world.from_client(id="p", method="ping")
    world.from_server(method="notifications/message", params={"level": "info", "data": "x"})
    assert len(world.client) == NEWS + 1


def test_refused_news_are_put_to_the_gate_a_few_times_only() -> None:
    world = met(deny)
    for _ in range(WITHHELD + 5):
        world.from_server(method="notifications/message", params={"level": "info", "data": "x"})
    assert (world.client, len(world.asked)) == ([], WITHHELD)


def test_a_subscription_that_the_server_ends_is_over_and_its_id_is_free() -> None:
    world = World()
    meta = {"io.modelcontextprotocol/protocolVersion": "2026-07-28"}
    listen = {"id": "s", "method": "subscriptions/listen", "params": {"notifications": {}, "_meta": meta}}
    world.from_client(**listen)
    world.from_server(method="notifications/cancelled", params={"requestId": world.server[-1]["id"]})
    assert world.client[-1]["params"] == {"requestId": "s"}
    assert world.mediator.open_requests == 0
    world.from_client(**listen)
    assert world.server[-1]["method"] == "subscriptions/listen"
    assert world.mediator.violations == 0
