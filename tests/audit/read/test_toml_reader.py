"""TOML: the values of the standard library, each with its place."""

import tomllib
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.read.toml_reader import read_toml

TEXT = """\
# comment
title = 'literal \\ text'
"quoted key" = "a\\tb\\u00e9"
numbers = [1, 0x1F, 1_000, 1.5, -2, # inside
  3]
[a.b]
c = { d = true, e = [ "x" ] }
f.g = \"\"\"
two
lines\"\"\"
[[list]]
n = 1
[[list]]
n = 2
[list.deep]
m = '''x'''
"""


def test_values_are_those_of_the_standard_library() -> None:
    assert read_toml(TEXT).roots[0].plain() == tomllib.loads(TEXT)


def test_each_scalar_stands_where_its_span_says() -> None:
    for path, node in read_toml(TEXT).roots[0].walk():
        if node.kind not in {"map", "seq"}:
            assert tomllib.loads(f"x = {TEXT[node.start : node.end]}")["x"] == node.plain(), path


@given(
    st.dictionaries(
        st.text(alphabet="abc_-", min_size=1, max_size=4),
        st.one_of(st.booleans(), st.integers(-999, 999), st.text(alphabet='ab"\\\n\u00e9', max_size=6)),
        max_size=5,
    )
)
def test_flat_tables_are_read_back(table: dict[str, Any]) -> None:
    def written(value: object) -> str:
        if isinstance(value, str):
            escaped = value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
            return f'"{escaped}"'
        return str(value).lower()

    text = "[t]\n" + "".join(f"{key} = {written(value)}\n" for key, value in table.items())
    assert read_toml(text).roots[0].plain() == {"t": table}


@given(st.text(alphabet="a=[]{}\"'\n. #1,", max_size=40))
def test_any_text_gives_a_tree_or_a_problem(text: str) -> None:
    reading = read_toml(text)
    assert bool(reading.roots) != bool(reading.problems)


@pytest.mark.parametrize(("text", "line"), [("a = 1\na = 2\n", 2), ("x = [1,\n", 2), ("[t\n", 1)])
def test_a_problem_stands_on_its_line(text: str, line: int) -> None:
    (problem,) = read_toml(text).problems
    assert text.count("\n", 0, problem.offset) + 1 == line
