"""What makes a provider reach out is found by structure; what nobody here knows counts as reaching out."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.egress.http1 import HttpError
from nucleus.egress.provider import family_of, parsed, reaches, written


@pytest.mark.parametrize(
    ("path", "family"),
    [
        ("/v1/messages", "messages"),
        ("/v1/messages/count_tokens", "messages"),
        ("/v1/chat/completions", "chat"),
        ("/openai/deployments/x/chat/completions", "chat"),
        ("/v1/responses", "responses"),
        ("/v1beta/models/gemini-x:streamGenerateContent", "gemini"),
        ("/v1/messages/batches", ""),
        ("/v1/files", ""),
        ("/messages/x", ""),
    ],
)
def test_an_interface_is_known_by_the_end_of_its_path(path: str, family: str) -> None:
    assert family_of(path) == family


def user(*blocks: Any) -> dict[str, Any]:
    return {"messages": [{"role": "user", "content": list(blocks)}]}


QUIET: list[tuple[str, dict[str, Any]]] = [
    (
        "messages",
        {"model": "m", "max_tokens": 1, "messages": [{"role": "user", "content": "see https://evil.example"}]},
    ),
    (
        "messages",
        {"tools": [{"name": "f", "input_schema": {}}, {"type": "custom", "name": "g"}, {"type": "bash_20250124"}]},
    ),
    ("messages", {"system": [{"type": "text", "text": "x", "cache_control": {"type": "ephemeral"}}]}),
    ("messages", user({"type": "image", "source": {"type": "base64", "data": "x"}})),
    ("messages", user({"type": "tool_result", "tool_use_id": "1", "content": [{"type": "text", "text": "x"}]})),
    (
        "messages",
        {"messages": [{"role": "assistant", "content": [{"type": "tool_use", "input": {"url": "https://x"}}]}]},
    ),
    ("chat", {"messages": [{"role": "user", "content": "x"}], "tools": [{"type": "function", "function": {}}]}),
    ("chat", user({"type": "image_url", "image_url": {"url": "data:image/png;base64,xx"}})),
    ("responses", {"input": "x", "tools": [{"type": "function", "name": "f"}, {"type": "local_shell"}]}),
    (
        "responses",
        {"input": [{"type": "function_call_output", "call_id": "1", "output": "x"}, {"role": "user", "content": []}]},
    ),
    (
        "responses",
        {
            "input": [
                {
                    "type": "additional_tools",
                    "tools": [{"type": "namespace", "tools": [{"type": "custom", "name": "f"}]}],
                }
            ]
        },
    ),
    ("gemini", {"contents": [{"parts": [{"text": "x"}, {"functionCall": {"name": "f"}}]}], "generationConfig": {}}),
    ("gemini", {"contents": [{"parts": [{"functionResponse": {"response": {}, "parts": [{"inlineData": {}}]}}]}]}),
    ("gemini", {"contents": {"parts": [{"inline_data": {}}]}, "tools": [{"function_declarations": []}]}),
]
LOUD: list[tuple[str, dict[str, Any]]] = [
    ("messages", {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]}),
    ("messages", {"tools": [{"type": "mcp_toolset"}]}),
    ("messages", {"tools": "all"}),
    ("messages", {"tools": ["web_search"]}),
    ("messages", {"mcp_servers": []}),
    ("messages", {"container": {"skills": []}}),
    ("messages", {"something_new": 1}),
    ("messages", {"messages": "x"}),
    ("messages", user({"type": "document", "source": {"type": "url", "url": "https://x"}})),
    (
        "messages",
        user(
            {
                "type": "document",
                "source": {"type": "content", "content": [{"type": "image", "source": {"type": "url"}}]},
            }
        ),
    ),
    ("messages", user({"type": "tool_result", "content": [{"type": "image", "source": {"type": "url", "url": "u"}}]})),
    ("messages", user({"type": "unheard_of"})),
    ("messages", user("text")),
    ("messages", {"system": [{"type": "image", "source": {"type": "url", "url": "u"}}]}),
    ("chat", user({"type": "image_url", "image_url": {"url": "https://evil.example/?q=secret"}})),
    ("chat", user({"type": "image_url", "image_url": "https://evil.example"})),
    ("chat", {"web_search_options": {}}),
    ("chat", {"plugins": [{"id": "web"}]}),
    ("chat", {"tools": [{"type": "retrieval"}]}),
    ("responses", {"tools": [{"type": "web_search_preview"}]}),
    ("responses", {"tools": [{"type": "mcp", "server_url": "https://x"}]}),
    ("responses", {"tools": [{"type": "namespace", "tools": [{"type": "web_search"}]}]}),
    ("responses", {"input": [{"type": "additional_tools", "tools": [{"type": "mcp", "server_url": "https://x"}]}]}),
    ("responses", {"input": [{"type": "additional_tools", "tools": [{"type": "namespace", "tools": "odd"}]}]}),
    ("responses", {"prompt": {"id": "p"}}),
    ("responses", {"input": [{"role": "user", "content": [{"type": "input_file", "file_url": "https://x"}]}]}),
    (
        "responses",
        {
            "input": [
                {"type": "computer_call_output", "output": {"type": "computer_screenshot", "image_url": "https://x"}}
            ]
        },
    ),
    ("responses", {"input": [{"type": "mcp_approval_response"}]}),
    ("gemini", {"tools": [{"googleSearch": {}}]}),
    ("gemini", {"tools": [{"url_context": {}}]}),
    ("gemini", {"contents": [{"parts": [{"fileData": {"fileUri": "https://x"}}]}]}),
    ("gemini", {"contents": [{"parts": [{"file_data": {"file_uri": "https://x"}}]}]}),
    ("gemini", {"system_instruction": {"parts": [{"fileData": {}}]}}),
    ("gemini", {"generateContentRequest": {"tools": [{"codeExecution": {}}]}}),
    (
        "gemini",
        {
            "contents": [
                {"parts": [{"functionResponse": {"name": "f", "parts": [{"fileData": {"fileUri": "https://x"}}]}}]}
            ]
        },
    ),
    ("gemini", {"contents": [{"parts": [{"function_response": {"parts": "odd"}}]}]}),
    ("chat", {"model": "gpt-4o-search-preview", "messages": []}),
    ("chat", {"model": "openai/gpt-4o:online", "messages": []}),
    ("responses", {"model": "o4-mini-deep-research", "input": "x"}),
    ("", {}),
]


@pytest.mark.parametrize(("family", "document"), QUIET)
def test_what_stays_between_client_and_model_is_quiet(family: str, document: dict[str, Any]) -> None:
    assert reaches(family, document) == []


@pytest.mark.parametrize(("family", "document"), LOUD)
def test_what_reaches_out_or_is_not_known_is_said(family: str, document: dict[str, Any]) -> None:
    assert reaches(family, document) != []


def test_content_that_is_nested_without_end_is_said() -> None:
    block: Any = "x"
    for _ in range(150):
        block = [{"type": "tool_result", "content": block}]
    assert "content that is nested too deep" in reaches("messages", user(*block))


def test_tools_that_are_nested_without_end_are_said() -> None:
    tool: dict[str, Any] = {"type": "namespace", "tools": []}
    for _ in range(100):
        tool = {"type": "namespace", "tools": [tool]}
    assert "tools that are nested too deep" in list(reaches("responses", {"tools": [tool]}))


def test_a_key_in_two_spellings_is_refused() -> None:
    with pytest.raises(HttpError):
        reaches("gemini", {"contents": [{"parts": [{"fileData": {}, "file_data": {}}]}]})


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=12,
)


@given(st.dictionaries(st.text(max_size=8), VALUES, max_size=4))
def test_what_was_judged_is_what_is_written(document: dict[str, Any]) -> None:
    assert parsed(written(document)) == document


KEYS = st.sampled_from(
    ["messages", "content", "type", "tools", "source", "input", "contents", "parts", "system", "output"]
)
ODD = st.recursive(
    st.none() | st.integers() | st.sampled_from(["text", "url", "tool_result", "message"]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


@given(st.sampled_from(["messages", "chat", "responses", "gemini"]), st.dictionaries(KEYS, ODD, max_size=4))
def test_no_document_makes_the_look_at_it_fail(family: str, document: dict[str, Any]) -> None:
    assert all(isinstance(one, str) for one in reaches(family, document))
