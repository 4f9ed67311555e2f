"""Edits keep comments and order."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit import edits
from nucleus.audit.fixes import apply
from nucleus.audit.node import Node
from nucleus.audit.read.json_reader import read_json
from nucleus.audit.read.toml_reader import read_toml
from nucleus.audit.text import Source


def read(text: str) -> tuple[Source, Node]:
    return Source("x.json", text), read_json(text).roots[0]


@pytest.mark.parametrize(
    ("before", "gone", "after"),
    [
        ('["a", "b", "c"]', "b", '["a", "c"]'),
        ('["a", "b"]', "b", '["a" ]'),
        ('["a"]', "a", "[]"),
        ('[\n  "a", // keep\n  "b",\n  "c"\n]', "b", '[\n  "a", // keep\n  "c"\n]'),
        ('[\n  "a", // keep\n  "b"\n]', "b", '[\n  "a" // keep\n]'),
        ('[\n  "a",\n  "b",\n]', "b", '[\n  "a",\n]'),
        ('[\n  // about b\n  "b",\n  "c"\n]', "b", '[\n  // about b\n  "c"\n]'),
    ],
)
def test_an_element_goes_with_its_comma_and_its_line(before: str, gone: str, after: str) -> None:
    source, root = read(before)
    found = edits.remove_elements(source, root, [node for node in root.children if node.text() == gone])
    assert apply(before, list(found)) == after


def test_an_entry_goes_with_its_comma() -> None:
    source, root = read('{\n  "a": 1,\n  "b": 2 // two\n}')
    assert apply(source.text, list(edits.remove_entry(source, root, "a"))) == '{\n  "b": 2 // two\n}'


@given(st.lists(st.integers(0, 9).map(str), max_size=7), st.sets(st.integers(0, 6)), st.sampled_from([None, 2]))
def test_what_is_left_is_the_list_without_the_elements(values: list[str], gone: set[int], indent: int | None) -> None:
    source, root = read(json.dumps(values, indent=indent))
    nodes = [node for number, node in enumerate(root.children) if number in gone]
    text = apply(source.text, list(edits.remove_elements(source, root, nodes)))
    assert json.loads(text) == [value for number, value in enumerate(values) if number not in gone]


@given(
    st.lists(st.text(max_size=4), max_size=4),
    st.lists(st.text(max_size=4), min_size=1, max_size=3),
    st.sampled_from([None, 2]),
)
def test_strings_are_added_at_the_end(values: list[str], more: list[str], indent: int | None) -> None:
    source, root = read(json.dumps(values, indent=indent))
    assert json.loads(apply(source.text, list(edits.append_strings(source, root, more)))) == values + more


@given(st.dictionaries(st.text(max_size=4), st.integers(), max_size=4), st.sampled_from([None, 2]))
def test_an_entry_is_added_at_the_end(table: dict[str, int], indent: int | None) -> None:
    source, root = read(json.dumps(table, indent=indent))
    assert json.loads(apply(source.text, list(edits.add_entry(source, root, "new!!", [1])))) == {**table, "new!!": [1]}


def test_toml_lists_are_edited_too() -> None:
    text = 'a = [\n  "x", # keep\n  "y",\n]\n'
    holder = read_toml(text).roots[0].get("a")
    assert holder is not None
    found = edits.remove_elements(Source("x.toml", text), holder, [holder.children[1]])
    assert apply(text, list(found)) == 'a = [\n  "x", # keep\n]\n'


def test_block_lists_are_left_alone() -> None:
    """YAML's block style has no brackets: no edit is offered."""
    source = Source("x.yaml", "- a\n- b\n")
    holder = Node("seq", None, 0, 8, [Node("string", "a", 2, 3)])
    assert edits.remove_elements(source, holder, holder.children) == ()
