"""A canary in each field of each method: it is judged, refused or gone, never forwarded unseen."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.messages import MessageError
from nucleus.mcp.methods import TABLES, Method
from nucleus.mcp.rebuild import FILTER_FLAGS, Issued, Memory, rebuild

CANARY = "canary-7f3a"
METHODS = [*TABLES.requests.values(), *TABLES.notifications.values()]
SHAPES: tuple[Any, ...] = (
    CANARY,
    {CANARY: CANARY},
    [CANARY],
    {"toolsListChanged": CANARY, "resourceSubscriptions": [CANARY]},
    7_031_337_007,
)


def spent() -> Memory:
    """Return the memory of a connection whose client introduced itself."""
    memory = Memory()
    memory.once.update(clientInfo={"name": "c", "version": "1"}, capabilities={}, initialize=1)
    return memory


def carries(value: object) -> bool:
    text = json.dumps(value)
    return CANARY in text or "7031337007" in text


PLACES = [
    (method, place)
    for method in METHODS
    for place in (
        *method.fields,
        "unknownField",
        *(f"_meta.{name}" for name in (*TABLES.meta, "com.example/anything", "traceparent")),
    )
]


NAMES = st.sampled_from(["name", "arguments", "task", "requestState", "_meta", "uri", "cursor", "unknown", "ref"])


@given(
    st.sampled_from([method for method in METHODS if method.judge != "never"]),
    st.dictionaries(NAMES, st.sampled_from([*SHAPES, {"progressToken": 1}]), max_size=4),
)
def test_what_is_judged_as_a_whole_is_what_taking_it_apart_gives(method: Method, params: dict[str, Any]) -> None:
    apart = replace(method, special=frozenset((*method.special, *params)))
    try:
        expected = rebuild(apart, params, spent())
    except MessageError:
        with pytest.raises(MessageError):
            rebuild(method, params, spent())
        return
    assert rebuild(method, params, spent()) == expected
    assert expected.forwarded() == {**expected.kept, **expected.judged, **_meta_of(expected.kept, expected.judged)}


def _meta_of(kept: dict[str, Any], judged: dict[str, Any]) -> dict[str, Any]:
    both = {**judged.get("_meta", {}), **kept.get("_meta", {})}
    return {"_meta": both} if both else {}


@pytest.mark.parametrize(("method", "place"), PLACES, ids=[f"{m.name} {place}" for m, place in PLACES])
def test_a_canary_is_judged_or_not_forwarded(method: Method, place: str) -> None:
    head, _, name = place.partition(".")
    for shape in SHAPES:
        params = {"_meta": {name: shape}} if head == "_meta" and name else {place: shape}
        try:
            rebuilt = rebuild(method, params, spent())
        except MessageError:
            continue
        assert not carries(rebuilt.kept)
        if method.judge == "never":
            assert not carries(rebuilt.forwarded())
        elif not rebuilt.dropped and place != "_meta.progressToken":
            assert carries(rebuilt.judged)


def test_without_taking_apart_the_canary_goes_out() -> None:
    """A mediator that forwards what it doesn't judge leaks through a cancellation reason."""
    params = {"requestId": 1, "reason": CANARY}
    memory = Memory(request_of=lambda id_: 900 if id_ == 1 else None)
    assert carries(params)
    rebuilt = rebuild(TABLES.notifications["notifications/cancelled"], params, memory)
    assert rebuilt.forwarded() == {"requestId": 900}
    assert rebuilt.dropped == ("reason",)


def test_what_the_server_issued_goes_back_to_it() -> None:
    memory = Memory()
    memory.issued.add("cursor tools/list", "page-2")
    memory.issued.add("resource", "file:///a")
    memory.issued.add("prompt", "greet")
    tools = rebuild(TABLES.requests["tools/list"], {"cursor": "page-2"}, memory)
    assert tools.forwarded() == {"cursor": "page-2"}
    read = rebuild(TABLES.requests["resources/read"], {"uri": "file:///a"}, memory)
    assert (read.kept, read.judged) == ({"uri": "file:///a"}, {})
    get = rebuild(TABLES.requests["prompts/get"], {"name": "greet", "arguments": {"x": CANARY}}, memory)
    assert (get.kept, get.judged) == ({"name": "greet"}, {"arguments": {"x": CANARY}})
    listen = {"notifications": {"toolsListChanged": True, "resourceSubscriptions": ["file:///a"]}}
    assert rebuild(TABLES.requests["subscriptions/listen"], listen, memory).kept == listen


def test_a_cursor_of_one_list_is_not_one_of_another() -> None:
    memory = Memory()
    memory.issued.add("cursor resources/list", "page-2")
    with pytest.raises(MessageError):
        rebuild(TABLES.requests["tools/list"], {"cursor": "page-2"}, memory)


def test_what_a_client_says_of_itself_is_said_once() -> None:
    memory = Memory()
    initialize = TABLES.requests["initialize"]
    first = {"protocolVersion": "2025-06-18", "clientInfo": {"name": "c"}, "capabilities": {"roots": {}}}
    assert rebuild(initialize, first, memory).forwarded() == first
    assert rebuild(initialize, first, memory).forwarded() == first
    with pytest.raises(MessageError):
        rebuild(initialize, {"clientInfo": {"name": CANARY}}, memory)
    again = {"_meta": {"io.modelcontextprotocol/clientInfo": {"name": CANARY}}}
    assert rebuild(TABLES.requests["tools/list"], again, memory).forwarded() == {}


def test_a_long_introduction_is_refused() -> None:
    with pytest.raises(MessageError):
        rebuild(TABLES.requests["initialize"], {"clientInfo": {"name": "x" * 20_000}}, Memory())


def test_a_progress_token_is_taken_out() -> None:
    rebuilt = rebuild(TABLES.requests["tools/list"], {"_meta": {"progressToken": CANARY}}, Memory())
    assert (rebuilt.token, rebuilt.forwarded()) == (CANARY, {})


def test_known_and_judged_metadata_are_forwarded_together() -> None:
    meta = {"io.modelcontextprotocol/logLevel": "info", "com.example/x": 1}
    rebuilt = rebuild(TABLES.requests["tools/call"], {"name": "a", "_meta": meta}, Memory())
    assert rebuilt.judged == {"name": "a", "_meta": {"com.example/x": 1}}
    assert rebuilt.forwarded() == {"name": "a", "_meta": meta}


def test_the_server_can_not_make_us_remember_without_bound() -> None:
    issued = Issued(limit=3)
    for number in range(10):
        issued.add("resource", f"r{number}")
    issued.add("resource", 5)
    assert [issued.has("resource", f"r{number}") for number in (6, 7, 8, 9)] == [False, True, True, True]
    assert not issued.has("resource", 5)
    assert not issued.has("prompt", "r9")


@given(
    st.dictionaries(st.text(), st.none() | st.text() | st.lists(st.text()) | st.integers()), st.sampled_from(METHODS)
)
def test_any_params_are_taken_apart_or_refused(params: dict[str, Any], method: Method) -> None:
    try:
        rebuilt = rebuild(method, params, spent())
    except MessageError:
        return
    assert set(rebuilt.forwarded()) <= set(params)
    assert not set(rebuilt.kept) & set(rebuilt.judged)


@pytest.mark.parametrize("more", [{"filesChanged": True}, {"toolslistchanged": True}, {"x": "y" * 100}])
def test_a_subscription_to_news_that_the_protocol_does_not_have_is_refused(more: dict[str, Any]) -> None:
    """Every kind that it has is in the table of what servers may send."""
    listen = {"notifications": {"toolsListChanged": True, **more}}
    with pytest.raises(MessageError, match="news that the protocol has"):
        rebuild(TABLES.requests["subscriptions/listen"], listen, Memory())
    kinds = {f"notifications/{flag.removesuffix('ListChanged')}/list_changed" for flag in FILTER_FLAGS}
    assert kinds | {"notifications/resources/updated"} <= set(TABLES.news)
