"""Each edit of a table that adds something has one that takes exactly that out again."""

import pytest

from nucleus.audit.fixes import apply
from nucleus.audit.text import Source
from nucleus.clients.config import tree
from nucleus.clients.layout import Table, Unfit


def table(path: str, text: str, *keys: str) -> Table:
    source = Source(path, text)
    (root,) = tree(source).roots
    node = root.at(*keys)
    assert node is not None
    return Table(source, node)


FORMS = [
    ("a.json", '{"a": {"b": "1"}}', '{"a": {"b": "2", "c": 3}}', ("a",)),
    ("a.json", '{"a": {\n  "b": "1", // x\n  "d": 4\n}}', '{"a": {\n  "b": "2", "c": 3, // x\n  "d": 4\n}}', ("a",)),
    ("a.toml", '[a]\n  b = "1" # x\nd = 4\n', '[a]\n  c = 3\n  b = "2" # x\nd = 4\n', ("a",)),
    ("a.toml", 'a.b = "1"\r\nd = 4', 'a.c = 3\r\na.b = "2"\r\nd = 4', ("a",)),
    ("a.toml", 'a = { b = "1" }', 'a = { b = "2", c = 3 }', ("a",)),
    ("a.toml", '[a]\nb = "1"', '[a]\nc = 3\nb = "2"', ("a",)),
]


@pytest.mark.parametrize(("path", "old", "new", "keys"), FORMS)
def test_an_added_entry_goes_to_the_byte(path: str, old: str, new: str, keys: tuple[str, ...]) -> None:
    before = table(path, old, *keys)
    assert apply(old, before.replace_and_add("b", '"2"', "c", "3")) == new
    after = table(path, new, *keys)
    node = after.node.get("b")
    assert node is not None
    assert apply(new, [*after.remove("c"), after.replace(node, '"1"')]) == old


def test_an_entry_that_a_client_moved_to_the_front_goes_with_its_comma() -> None:
    text = '{"c": 3, "b": 2}'
    assert apply(text, table("a.json", text).remove("c")) == '{"b": 2}'
    assert apply('{"c": 3}', table("a.json", '{"c": 3}').remove("c")) == "{}"


def test_a_key_gets_a_prefix_inside_of_its_quotes_and_loses_it() -> None:
    for path, old, new in (
        ("a.json", '{"b": 1}', '{"N_b": 1}'),
        ("a.toml", "b = 1", "N_b = 1"),
        ("a.toml", "'b' = 1", "'N_b' = 1"),
    ):
        assert apply(old, [table(path, old).prefix("b", "N_")]) == new
        after = table(path, new)
        assert apply(new, [after.take_out(after.node.keys[0], "N_")]) == old


def test_a_key_that_is_written_in_an_odd_way_is_not_renamed() -> None:
    odd = table("a.json", '{"\\u0062": 1}')
    with pytest.raises(Unfit, match="odd"):
        odd.renamed("b", "c")
    with pytest.raises(Unfit, match="odd"):
        odd.take_out(odd.node.keys[0], "b")
