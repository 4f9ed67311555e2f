"""What was chosen in a quarantine says where nothing goes, and may still be said."""

from typing import Any

import pytest

from nucleus.errors import PolicyDenied
from nucleus.gate.marks import NESTING_LIMIT, TARGETS, marked, no_marked_target


class Chosen(str):
    """A value with the mark, from nowhere in particular."""

    __slots__ = ()
    __nucleus_quarantined__ = True


@pytest.mark.parametrize("name", sorted(TARGETS))
@pytest.mark.parametrize("wrap", [lambda value: value, lambda value: [value], lambda value: {"x": [(value,)]}])
def test_no_target_is_taken_from_a_marked_value(name: str, wrap: Any) -> None:
    with pytest.raises(PolicyDenied, match=name) as caught:
        no_marked_target({name: wrap(Chosen("evil.example"))})
    assert caught.value.code == "quarantined"
    assert "evil" not in str(caught.value)
    no_marked_target({name: wrap("evil.example")})


def test_contents_and_labels_may_be_marked() -> None:
    no_marked_target({"path": "notes.md", "label": Chosen("bug"), "text": Chosen("bug"), "q": Chosen("bug")})


def test_a_truthy_attribute_is_no_mark_and_a_container_without_one_neither() -> None:
    class Odd:
        __nucleus_quarantined__ = "yes"

    assert not marked(Odd())
    assert not marked([{"a": ("b", 1, None, True)}, {1, 2}])


def test_nesting_beyond_the_limit_counts_as_marked() -> None:
    deep: list[Any] = []
    for _ in range(NESTING_LIMIT + 2):
        deep = [deep]
    assert marked(deep)
