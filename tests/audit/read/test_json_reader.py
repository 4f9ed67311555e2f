"""JSON with comments: every value with its place, problems instead of exceptions."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.read.json_reader import MAX_DEPTH, read_json

VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(VALUES, st.sampled_from([None, 2]), st.booleans())
def test_what_the_standard_library_writes_is_read_the_same(value: object, indent: int | None, ascii_only: bool) -> None:
    text = json.dumps(value, indent=indent, ensure_ascii=ascii_only)
    reading = read_json(text)
    assert reading.problems == ()
    assert reading.roots[0].plain() == json.loads(text)


@given(VALUES)
def test_each_value_stands_where_its_span_says(value: object) -> None:
    text = json.dumps(value, indent=1)
    for _, node in read_json(text).roots[0].walk():
        assert json.loads(text[node.start : node.end]) == node.plain()


@given(st.text(alphabet='{}[]",:/*#\\ \n01truefalsn-.eE', max_size=80))
def test_any_text_gives_a_tree_or_a_fatal_problem_inside_of_it(text: str) -> None:
    reading = read_json(text)
    fatal = [problem for problem in reading.problems if problem.fatal]
    assert bool(reading.roots) == (not fatal)
    assert all(0 <= problem.offset <= len(text) for problem in reading.problems)


def test_comments_and_trailing_commas_are_no_problem() -> None:
    reading = read_json('// a\n{ /* b */ "x": [1, 2,], // c\n}\n')
    assert (reading.problems, reading.roots[0].plain()) == ((), {"x": [1, 2]})


def test_duplicate_keys_are_recorded() -> None:
    reading = read_json('{"a": 1, "b": {"c": 1, "c": 2}, "a": 3}')
    assert [(key.value, key.start) for key in reading.duplicates] == [("c", 23), ("a", 32)]


def test_what_a_person_meant_is_read_with_a_problem_that_is_not_fatal() -> None:
    reading = read_json('# comment\n{"a": 1 "b": 2}')
    assert reading.roots[0].plain() == {"a": 1, "b": 2}
    assert [problem.fatal for problem in reading.problems] == [False, False]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "the file is empty; JSON needs a value"),
        ('{"a": ', "the file ends where a value is expected"),
        ("[1, 2", "this bracket is never closed by ']'"),
        ('{"a" 1}', "expected ':' after the key"),
        ("{} {}", "text after the end of the JSON value"),
        ('"\\x"', "this string is not closed, or has a bad escape"),
        ("/* x", "this comment is never closed"),
        ("[" * (MAX_DEPTH + 2), f"nested deeper than {MAX_DEPTH} levels"),
    ],
)
def test_a_problem_says_what_is_wrong(text: str, message: str) -> None:
    assert [problem.message for problem in read_json(text).problems] == [message]
