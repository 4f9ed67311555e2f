"""What a server issued is remembered as what it is; introductions are known fields without anything hidden."""

from nucleus.mcp.methods import TABLES
from nucleus.mcp.pins import Identity, Pins
from nucleus.mcp.rebuild import Issued
from nucleus.mcp.results import empty, issue, own_ids, plain, plain_error, tool_page


def test_names_cursors_tasks_and_states_are_remembered() -> None:
    issued = Issued()
    listed = {"resources": [{"uri": "file:///a"}, {"uri": 5}, "x"], "nextCursor": "2"}
    issue(TABLES.requests["resources/list"], listed, issued)
    assert issued.has("resource", "file:///a")
    assert issued.has("cursor resources/list", "2")
    assert not issued.has("cursor prompts/list", "2")
    content = [{"type": "resource_link", "uri": "file:///b"}, {"type": "text", "uri": "file:///c"}]
    result = {"content": content, "requestState": "s", "task": {"taskId": "t"}}
    issue(TABLES.requests["tools/call"], result, issued)
    assert [issued.has("resource", "file:///b"), issued.has("resource", "file:///c")] == [True, False]
    assert issued.has("state", "s")
    assert issued.has("task", "t")
    issue(TABLES.requests["prompts/list"], {"prompts": [{"name": "p"}], "resources": [{"uri": "u"}]}, issued)
    assert [issued.has("prompt", "p"), issued.has("resource", "u")] == [True, False]


def test_a_page_of_tools_holds_known_fields_and_pinned_tools() -> None:
    tool = {"name": "a", "description": "![x](https://a.example)"}
    page = {"tools": [tool, {"name": "a"}], "evil": "text", "ttlMs": 5, "nextCursor": 7}
    shown, hidden = tool_page(page, Pins(Identity(("s",))), Issued())
    assert shown == {"ttlMs": 5, "tools": [tool]}
    assert list(hidden) == ["a"]
    assert tool_page({"tools": "none"}, Pins(Identity(("s",))), Issued())[0] == {"tools": []}


def test_an_introduction_hides_nothing() -> None:
    result = {
        "serverInfo": {"name": "a\u200bb", "icons": ["<img src=//a>"]},
        "evil": 1,
        "capabilities": {"x\u202e": [1]},
    }
    shown = plain(result)
    assert shown == {"serverInfo": {"name": "ab", "icons": ["&lt;img src=//a>"]}, "capabilities": {"x": [1]}}


def test_the_empty_result_is_that_of_its_revision() -> None:
    assert empty({"x": 1}) == {}
    assert empty({"resultType": "anything", "x": 1}) == {"resultType": "complete"}


def test_the_id_of_a_subscription_is_given_back() -> None:
    key = "io.modelcontextprotocol/subscriptionId"
    assert own_ids({"_meta": {key: 7, "a": 1}}, 7, "c") == {"_meta": {key: "c", "a": 1}}
    assert own_ids({"_meta": {key: 8}}, 7, "c") == {"_meta": {key: 8}}
    assert own_ids({"a": 1}, 7, "c") == {"a": 1}


def test_an_error_that_nobody_judged_says_a_code_and_known_revisions() -> None:
    assert plain_error({"code": -32603, "message": "x", "data": {"y": 1}}) == {
        "code": -32603,
        "message": "Internal error",
    }
    assert plain_error({"code": 7, "message": "x"})["message"] == "the server answered with an error"
    data = {"supported": ["2025-11-25", "call me", 5], "requested": "2026-07-28", "more": "x"}
    assert plain_error({"code": -32022, "message": "x", "data": data}) == {
        "code": -32022,
        "message": "Unsupported protocol version",
        "data": {"supported": ["2025-11-25"], "requested": "2026-07-28"},
    }
    assert plain_error({"code": -32022, "message": "x", "data": {"supported": 1}})["data"] == {"supported": []}
