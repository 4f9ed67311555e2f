"""YAML as workflows and manifests are written: values, places, and what is refused."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.read.yaml_reader import read_yaml

KEYS = st.text(alphabet="abcxyz", min_size=1, max_size=4)
SCALARS = st.one_of(st.integers(0, 99), st.booleans(), st.none(), st.text(alphabet="ab \u00e9:#'\"\\-", max_size=8))
VALUES = st.recursive(SCALARS, lambda i: st.lists(i, max_size=3) | st.dictionaries(KEYS, i, max_size=3), max_leaves=10)


def block(value: Any, indent: int) -> str:
    """Write a value in block style, scalars as JSON."""
    space = " " * indent
    if isinstance(value, dict) and value:
        return "".join(f"\n{space}{key}:{block(one, indent + 2)}" for key, one in value.items())
    if isinstance(value, list) and value:
        return "".join(f"\n{space}-{block(one, indent + 2)}" for one in value)
    return f" {json.dumps(value)}"


def plain(text: str) -> Any:
    reading = read_yaml(text)
    assert reading.problems == ()
    return reading.roots[0].plain()


@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=3))
def test_block_style_is_read_back(value: dict[str, Any]) -> None:
    assert plain(block(value, 0).lstrip("\n") + "\n") == value


@given(VALUES)
def test_flow_style_is_read_back(value: Any) -> None:
    """JSON is a part of YAML."""
    assert plain(json.dumps({"x": value})) == {"x": value}


@given(st.text(alphabet="ab:-#'\"|>[]{},&*!? \n\t", max_size=60))
def test_any_text_gives_trees_or_a_problem(text: str) -> None:
    reading = read_yaml(text)
    assert not (reading.roots and reading.problems)
    assert all(0 <= problem.offset <= len(text) for problem in reading.problems)


def test_a_workflow_is_read_as_it_is_meant() -> None:
    """``on`` is a word, lists may stand under their key, block text keeps its lines."""
    text = (
        "name: CI # comment\non:\n  push:\n  issues: {types: [opened, 'edited']}\njobs:\n  a:\n    steps:\n"
        "    - uses: x/y@v1\n      with:\n        n: 1\n    - run: |\n        one\n          two\n\n        three\n"
        "    - run: >-\n        folded\n        text\n    - {run: 'it''s', if: \"a\\tb\"}\n"
    )
    assert plain(text) == {
        "name": "CI",
        "on": {"push": None, "issues": {"types": ["opened", "edited"]}},
        "jobs": {
            "a": {
                "steps": [
                    {"uses": "x/y@v1", "with": {"n": 1}},
                    {"run": "one\n  two\n\nthree\n"},
                    {"run": "folded text"},
                    {"run": "it's", "if": "a\tb"},
                ]
            }
        },
    }


def test_values_stand_where_their_spans_say() -> None:
    text = "a: one two\nb: [x, 'y']\nc:\n  - z\n"
    spans = [text[node.start : node.end] for _, node in read_yaml(text).roots[0].walk() if node.kind == "string"]
    assert spans == ["one two", "x", "'y'", "z"]


def test_anchors_aliases_and_merge_keys() -> None:
    text = "base: &b {x: 1, y: 2}\nuse:\n  <<: *b\n  y: 3\nagain: *b\n"
    assert plain(text) == {"base": {"x": 1, "y": 2}, "use": {"x": 1, "y": 3}, "again": {"x": 1, "y": 2}}


def test_an_alias_bomb_stops() -> None:
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 9)]
    (problem,) = read_yaml("\n".join(lines)).problems
    assert problem.message == "the aliases of this file stand for too many values"


def test_several_documents() -> None:
    assert [root.plain() for root in read_yaml("a: 1\n---\nb: 2\n...\n---\n- c\n").roots] == [{"a": 1}, {"b": 2}, ["c"]]


def test_duplicate_keys_are_recorded() -> None:
    assert [key.value for key in read_yaml("a: 1\nb: 2\na: 3\n").duplicates] == ["a"]


@pytest.mark.parametrize(
    "text",
    [
        "a: b: c\n",
        "a:\n\t- b\n",
        "? a\n: b\n",
        "a: [1, 2\n",
        'a: "open\n',
        "a: *none\n",
        "%YAML 1.2\n---\na: 1\n",
        "a: 1\n b: 2\n",
        "a: @b\n",
        "- a\nb: 1\n",
    ],
)
def test_what_is_not_read_is_a_problem(text: str) -> None:
    reading = read_yaml(text)
    assert reading.roots == ()
    assert len(reading.problems) == 1
