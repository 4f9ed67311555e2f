"""Each key, element and table of any document that ``tomllib`` accepts has its line."""

import json
import tomllib
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.lines import lines_of

TRICKY = '''# a comment with [brackets] and = signs
version = 1
"quoted key" = "a # no comment"
dotted . "k.e.y" = 'literal [x]'
multi = """
line [a]
key = "quoted" \\
"""
literal = \'\'\'
it\'s [b]\'\'\'
date = 1979-05-27 07:32:00
list = [ # comment, with ] and "
  "one", # "
  [2, 3],
  { x = 1, "y z" = ["a",
    "b"] },
]
ends = """a""""
[table]  # after
a = 1
[table . sub]
b = 2
[[rule]]
when = "x"
[[rule]]
when = "y"
[rule.deep]
z = 1
[[rule.more]]
q = 1
'''


def test_a_document_with_every_syntax_has_its_lines() -> None:
    lines = lines_of(TRICKY)
    assert lines[("version",)] == 2
    assert lines[("quoted key",)] == 3
    assert lines[("dotted", "k.e.y")] == 4
    assert lines[("multi",)] == 5
    assert lines[("literal",)] == 9
    assert lines[("date",)] == 11
    assert lines[("list", 0)] == 13
    assert lines[("list", 1, 1)] == 14
    assert lines[("list", 2, "y z", 1)] == 16
    assert lines[("ends",)] == 18
    assert lines[("table", "a")] == 20
    assert lines[("table", "sub", "b")] == 22
    assert lines[("rule", 0, "when")] == 24
    assert lines[("rule", 1, "when")] == 26
    assert lines[("rule", 1, "deep", "z")] == 28
    assert lines[("rule", 1, "more", 0, "q")] == 30
    assert_complete(TRICKY)


def assert_complete(text: str) -> None:
    """Check that every key and element of a parsed document has a line within the text."""
    lines = lines_of(text)

    def walk(path: tuple[str | int, ...], value: Any) -> None:
        if path:
            assert 1 <= lines[path] <= text.count("\n") + 1
        if isinstance(value, dict):
            for key, inner in value.items():
                walk((*path, key), inner)
        elif isinstance(value, list):
            for number, inner in enumerate(value):
                walk((*path, number), inner)

    walk((), tomllib.loads(text))


texts = st.text(alphabet=st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=8)
scalars = st.one_of(
    texts.map(lambda text: json.dumps(text, ensure_ascii=False)),
    st.integers(-99, 99).map(str),
    st.booleans().map(lambda on: "true" if on else "false"),
    st.sampled_from(["1.5", "'lit [#]'", '"""m\n#"""', "'''a\n]'''", "2020-01-01", "0x1F"]),
)
keys = st.one_of(st.sampled_from(["a", "b-c", "d_1"]), texts.map(lambda text: json.dumps(text, ensure_ascii=False)))
gaps = st.sampled_from(["", " ", "\n", " # ] , }\n "])


def arrays(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(
        lambda gap, items: "[" + gap + f",{gap}".join(items) + gap + "]", gaps, st.lists(inner, max_size=3)
    )


def inlines(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    pairs = st.lists(st.tuples(keys, inner), max_size=3)
    return pairs.map(lambda found: "{" + ", ".join(f"{key} = {value}" for key, value in found) + "}")


values = st.recursive(scalars, lambda inner: st.one_of(arrays(inner), inlines(inner)), max_leaves=6)
headers = st.one_of(keys.map(lambda key: f"[{key}]"), keys.map(lambda key: f"[[{key}]]"))
rows = st.one_of(st.builds(lambda key, value: f"{key} = {value}", keys, values), headers, st.just("# note"))


@given(st.lists(rows, max_size=6).map("\n".join))
def test_whatever_tomllib_accepts_has_lines(text: str) -> None:
    try:
        tomllib.loads(text)
    except ValueError:
        return
    assert_complete(text)


@given(st.text(alphabet="[]{}\"'=.,#\n ab1\\", max_size=30))
def test_any_soup_that_tomllib_accepts_has_lines(text: str) -> None:
    try:
        tomllib.loads(text)
    except ValueError:
        return
    assert_complete(text)
