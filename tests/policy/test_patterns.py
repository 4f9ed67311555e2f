"""Labels are unions: more patterns label more, and case does not hide a path."""

from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.constraints import folded
from nucleus.policy.patterns import PatternSet
from nucleus.policy.shapes import Shape
from nucleus.policy.values import PATH
from tests.policy.patterns_strategy import SOURCE, shapes, values

sets = st.lists(shapes(grants=False).map(lambda one: (folded(one), SOURCE)), max_size=3).map(
    lambda all_: PatternSet(PATH, all_)
)


@given(sets, sets, values())
def test_a_join_labels_what_either_labels(one: PatternSet, other: PatternSet, value: str) -> None:
    assert bool(one.join(other).find(value)) == bool(one.find(value) or other.find(value))


@given(sets, sets, values())
def test_what_a_set_within_another_labels_the_other_labels(one: PatternSet, other: PatternSet, value: str) -> None:
    assert not (one.within(other) and one.find(value) and not other.find(value))


def test_case_does_not_hide_a_path_and_what_is_no_path_has_no_label() -> None:
    labels = PatternSet(PATH, [(Shape((".", "vendor"), below=True), SOURCE)])
    assert labels.find("Vendor/X") is SOURCE
    assert labels.find("../vendor/x") is None
