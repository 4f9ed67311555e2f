"""Shapes: what a pattern covers, and what it can't meet, is never claimed wrongly."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.globs import parse
from nucleus.policy.shapes import ABSOLUTE, RELATIVE, apart, covers, matches
from nucleus.policy.values import PATH
from tests.policy.patterns_strategy import segments, shapes

roots = st.sampled_from([RELATIVE, ABSOLUTE])
values = st.builds(lambda root, rest: (root, *rest), roots, st.lists(segments, max_size=5))


@given(shapes(grants=False), shapes(grants=False), values)
def test_what_a_covered_shape_matches_the_covering_one_matches(wide: object, narrow: object, value: object) -> None:
    if covers(wide, narrow) and matches(narrow, value):
        assert matches(wide, value)


@given(shapes(grants=False), shapes(grants=False), values)
def test_no_value_matches_two_shapes_that_are_apart(one: object, other: object, value: object) -> None:
    assert not (apart(one, other) and matches(one, value) and matches(other, value))


@given(shapes(grants=False))
def test_a_shape_covers_itself(shape: object) -> None:
    assert covers(shape, shape)


def path(text: str) -> object:
    return parse(PATH, text, grants=True)[0]


@pytest.mark.parametrize(
    ("wide", "narrow"),
    [
        ("**", "src/**"),
        ("src/**", "src/a.py"),
        ("src/**", "src/*.py"),
        ("src/**", "src/**/*.py"),
        ("**/*.py", "src/**/*_test.py"),
        ("**/*.py", "src/a.py"),
        ("src/*", "src/*.py"),
        ("**/tests/**", "a/tests/**"),
        ("**/tests/**", "a/tests/b/c"),
    ],
)
def test_covering_is_found_where_people_expect_it(wide: str, narrow: str) -> None:
    assert covers(path(wide), path(narrow))
    assert wide == narrow or not covers(path(narrow), path(wide))


def test_directories_beside_each_other_are_apart() -> None:
    assert apart(path("src/**"), path("docs/**"))
    assert not apart(path("src/**"), path("**/*.py"))
