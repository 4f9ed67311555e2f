"""Path patterns against a slow reference, and the hidden ones in every disguise."""

import fnmatch
import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.tools.perform.patterns import Hidden, Pattern

SEGMENTS = st.lists(st.text(alphabet="ab.", min_size=1, max_size=3), min_size=1, max_size=5)
PATTERNS = st.lists(st.sampled_from(["**", "*", "a", "b", "a*", "*b", "?", "a?b", "*a*"]), min_size=1, max_size=5)


def reference(pattern: list[str], path: list[str]) -> bool:
    """Match by trying every way to split: the definition, without any care for time."""
    if not pattern:
        return not path
    if pattern[0] == "**":
        return any(reference(pattern[1:], path[at:]) for at in range(len(path) + 1))
    return bool(path) and fnmatch.fnmatchcase(path[0], pattern[0]) and reference(pattern[1:], path[1:])


@given(PATTERNS, SEGMENTS)
def test_a_pattern_matches_what_the_definition_matches(pattern: list[str], path: list[str]) -> None:
    if "." in path or ".." in path:
        path = [part.replace(".", "x") for part in path]
    assert Pattern("/".join(pattern)).matches(path) == reference(pattern, path)


@given(PATTERNS, SEGMENTS)
def test_a_directory_above_a_match_is_reached(pattern: list[str], path: list[str]) -> None:
    compiled = Pattern("/".join(pattern))
    if compiled.matches(path):
        assert all(compiled.reaches(path[:size]) for size in range(len(path)))


@given(PATTERNS, SEGMENTS, SEGMENTS)
def test_what_lies_below_something_hidden_is_hidden(pattern: list[str], path: list[str], below: list[str]) -> None:
    hidden = Hidden(["/".join(pattern)])
    if hidden.hides(path):
        assert hidden.hides(path + below)


def test_matching_takes_no_time_that_grows_with_the_number_of_ways() -> None:
    """The reference would need 2**40 steps and more."""
    assert not Pattern("/".join(["**", "a"] * 40)).matches(["a"] * 79 + ["b"])
    assert not Pattern("*a" * 200 + "b").matches(["a" * 900])


@pytest.mark.parametrize("pattern", ["", "/etc/*", "../x", "a/../b", ".", "a\0", "x" * 2000])
def test_a_pattern_that_names_nothing_below_is_refused(pattern: str) -> None:
    with pytest.raises(ValueError, match="pattern"):
        Pattern(pattern)


def test_brackets_are_literal() -> None:
    assert Pattern("app/[id].tsx").matches(["app", "[id].tsx"])
    assert not Pattern("app/[id].tsx").matches(["app", "i.tsx"])


@pytest.mark.parametrize("path", [".ENV", ".Env.local", "a/.env/x", ".\uff45nv", "a/b/.env"])
def test_hiding_ignores_case_and_compatibility_forms(path: str) -> None:
    assert Hidden(["**/.env*"]).hides(path.split("/"))


def test_the_directory_of_a_hidden_tree_is_hidden_itself() -> None:
    hidden = Hidden(["secrets/**"])
    assert hidden.hides(["secrets"])
    assert hidden.hides(["secrets", "a", "b"])
    assert not hidden.hides(["secrets2"])
    assert not hidden.hides(["src", "secrets"])


def test_absolute_patterns_hide_below_the_workspace_and_outside() -> None:
    hidden = Hidden(["/home/u/w/secret/**", "/home/u/.ssh/**", "**/.env"], ("home", "u", "w"))
    assert hidden.hides(["secret", "x"])
    assert hidden.hides(["home", "u", ".ssh", "id"], absolute=True)
    assert hidden.hides(["opt", ".env"], absolute=True)
    assert not hidden.hides(["home", "u", "w", "open"], absolute=True)


def test_nothing_hidden_hides_nothing() -> None:
    assert not Hidden([])
    for size in range(3):
        for parts in itertools.product("ab", repeat=size):
            assert not Hidden([]).hides(parts)
