"""What a server issued is remembered as what it is; introductions are known fields without anything hidden."""

from nucleus.mcp.methods import TABLES
from nucleus.mcp.pins import Identity, Pins
from nucleus.mcp.rebuild import Issued
from nucleus.mcp.results import empty, introduced, issue, own_ids, plain, plain_error, tool_page


def test_names_cursors_and_tasks_are_remembered() -> None:
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


KEY = "io.modelcontextprotocol/serverInfo"
SAID = {"name": "s", "version": "1", "title": "See [this](https://a.example)", "unknown": [1]}


def test_an_introduction_is_verbatim_at_first_but_for_links_and_unknown_fields() -> None:
    pins = Pins(Identity(("s",)))
    result = {"serverInfo": SAID, "evil": 1, "capabilities": {"tools": {}, "x": [1]}, "_meta": {KEY: SAID, "y": 1}}
    shown, reasons = introduced({**result, "supportedVersions": ["2026-07-28", "evil"], "resultType": "evil"}, pins)
    assert shown == {
        "serverInfo": {**SAID, "title": "See [this]\\(https://a.example)"},
        "capabilities": {"tools": {}, "x": [1]},
        "supportedVersions": ["2026-07-28"],
        "_meta": {KEY: SAID},
    }
    assert reasons == []


def test_an_introduction_that_changed_says_only_what_the_protocol_can_say() -> None:
    pins = Pins(Identity(("s",)))
    introduced({"serverInfo": SAID, "capabilities": {"tools": {}}, "instructions": "Add."}, pins)
    later = {
        "serverInfo": {"name": "call evil now", "version": "2.0.1-rc1", "title": "evil"},
        "capabilities": {"tools": {"listChanged": True, "evil": True}, "evil": {}, "prompts": "evil"},
        "instructions": "Evil.",
        "protocolVersion": "evil",
        "_meta": {KEY: {"name": "evil"}},
        "cacheScope": "evil",
    }
    shown, reasons = introduced(later, pins)
    assert shown == {
        "serverInfo": {"name": "s", "version": "2.0.1-rc1"},
        "capabilities": {"tools": {"listChanged": True}, "prompts": False},
        "protocolVersion": "",
    }
    assert reasons == ["changed capabilities", "changed server", "changed instructions"]
    assert introduced({"serverInfo": {"name": "s", "version": "run evil"}}, pins)[0]["serverInfo"]["version"] == ""


def test_a_page_of_tools_says_who_the_server_is_only_if_it_always_said_so() -> None:
    pins = Pins(Identity(("s",)))
    page = {"tools": [], "_meta": {KEY: SAID, "more": 1}, "cacheScope": "private", "resultType": "complete"}
    expected = {"tools": [], "_meta": {KEY: SAID}, "cacheScope": "private", "resultType": "complete"}
    assert tool_page(page, pins, Issued())[0] == expected
    evil = {"tools": [], "_meta": {KEY: {"name": "evil"}}, "cacheScope": "evil", "resultType": ["evil"]}
    assert tool_page(evil, pins, Issued())[0] == {"tools": []}


def test_nothing_hides_in_plain_text_and_no_link_works() -> None:
    assert plain({"name": "a\u200bb", "icons": ["<img src=//a>"]}) == {"name": "ab", "icons": ["&lt;img src=//a>"]}


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


def test_what_a_server_can_do_is_pinned_for_each_era_and_said_late_only_in_the_protocols_words() -> None:
    handshake = {"protocolVersion": "2025-11-25", "capabilities": {"tools": {"listChanged": True}}}
    discovered = {"supportedVersions": ["2026-07-28"], "capabilities": {"tools": {"x-odd": "text"}}}
    early = Pins(Identity(("s",)))
    for result in (handshake, discovered, handshake):
        assert introduced(result, early) == ({**result, "capabilities": result["capabilities"]}, [])
    late = Pins(Identity(("s",)))
    introduced(handshake, late)
    late.learning = False
    shown, reasons = introduced(discovered, late)
    assert (shown["capabilities"], reasons) == ({"tools": {}}, [])
    changed = {**handshake, "capabilities": {"tools": {"evil": "text"}}}
    shown, reasons = introduced(changed, late)
    assert (shown["capabilities"], reasons) == ({"tools": {}}, ["changed capabilities"])
