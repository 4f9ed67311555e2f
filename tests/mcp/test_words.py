"""What a server says by itself, through the engine; more of it is in test_engine.py."""

from nucleus.mcp.messages import METHOD_NOT_FOUND
from tests.mcp.world import met


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
