"""Headers that repeat fields of a message."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.messages import MessageError, Request
from nucleus.mcp.methods import META_REVISION
from nucleus.mcp.mirrored import annotated, decoded, encoded, headers_of, verify

META = {META_REVISION: "2026-07-28"}
TOOL = {
    "name": "sql",
    "inputSchema": {
        "type": "object",
        "properties": {
            "region": {"type": "string", "x-mcp-header": "Region"},
            "limits": {"type": "object", "properties": {"rows": {"type": "integer", "x-mcp-header": "Rows"}}},
            "dry": {"type": "boolean", "x-mcp-header": "Dry"},
            "query": {"type": "string"},
        },
    },
}


def call(**arguments: Any) -> Request:
    return Request(1, "tools/call", {"name": "sql", "arguments": arguments, "_meta": META})


def test_headers_repeat_what_the_specification_names() -> None:
    request = call(region=" caf\u00e9", limits={"rows": 42}, dry=True, query="x")
    headers = headers_of(request, TOOL)
    assert headers == {
        "mcp-protocol-version": "2026-07-28",
        "mcp-method": "tools/call",
        "mcp-name": "sql",
        "mcp-param-region": "=?base64?IGNhZsOp?=",
        "mcp-param-rows": "42",
        "mcp-param-dry": "true",
    }
    verify(request, headers, TOOL)
    read = Request(1, "resources/read", {"uri": "file:///a", "_meta": META})
    assert headers_of(read, None)["mcp-name"] == "file:///a"
    assert "mcp-name" not in headers_of(Request(1, "tools/list", {"_meta": META}), None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mcp-protocol-version": "2025-11-25"},
        {"mcp-method": "tools/list"},
        {"mcp-method": "=?base64?dG9vbHMvY2FsbA==?="},
        {"mcp-name": "other"},
        {"mcp-name": "=?base64?!?="},
        {"mcp-param-region": "eu"},
        {"mcp-param-rows": "x"},
        {"mcp-param-dry": "true"},
    ],
)
def test_whatever_differs_is_refused(wrong: dict[str, str]) -> None:
    request = call(region="us", limits={"rows": 42})
    headers = headers_of(request, TOOL)
    verify(request, headers, TOOL)
    with pytest.raises(MessageError, match="Header mismatch") as refused:
        verify(request, {**headers, **wrong}, TOOL)
    assert refused.value.code == -32020
    for name in headers:
        with pytest.raises(MessageError):
            verify(request, {other: value for other, value in headers.items() if other != name}, TOOL)


def test_numbers_are_compared_as_numbers() -> None:
    request = call(limits={"rows": 42})
    verify(request, {**headers_of(request, TOOL), "mcp-param-rows": "042"}, TOOL)


@given(st.text(st.characters(exclude_categories=["Cs"])))
def test_any_text_survives_a_header_and_is_safe_in_it(text: str) -> None:
    assert decoded(encoded(text)) == text
    assert encoded(text).isascii()
    assert encoded(text).isprintable() or "\t" in encoded(text)
    assert encoded(text) == encoded(text).strip()


@pytest.mark.parametrize(
    "schema",
    [
        {"properties": {"a": {"type": "number", "x-mcp-header": "A"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": ""}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "A\r\nB"}}},
        {"properties": {"a": {"type": "string", "x-mcp-header": "A"}, "b": {"type": "string", "x-mcp-header": "a"}}},
        {"properties": {"a": {"items": {"properties": {"b": {"type": "string", "x-mcp-header": "B"}}}}}},
        {"anyOf": [{"properties": {"a": {"type": "string", "x-mcp-header": "A"}}}]},
        {"x-mcp-header": "A"},
    ],
)
def test_a_definition_that_a_client_must_reject_is_an_error(schema: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=r"."):
        annotated({"inputSchema": schema})
