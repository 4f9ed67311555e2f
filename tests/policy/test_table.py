"""The table finds exactly the patterns that match, and looks at as much for ten as for ten thousand."""

from hypothesis import given
from hypothesis import strategies as st

from nucleus.policy.shapes import ABSOLUTE, RELATIVE, Name, Shape, matches
from nucleus.policy.source import Source
from nucleus.policy.table import Names, Node, Table
from tests.policy.patterns_strategy import shapes, values

SOURCE = Source("f:1", "p")


def segments_of(value: str) -> tuple[str, ...]:
    """Return the segments that the reference matcher takes."""
    if value.startswith("/"):
        return (ABSOLUTE, *[part for part in value.split("/") if part])
    return (RELATIVE, *value.split("/")) if value != "." else (RELATIVE,)


def reference(shape: Shape, value: str) -> bool:
    found = segments_of(value)
    if shape.base:
        return matches(shape, found)
    # A pattern without a root stands at both.
    return any(matches(Shape((root,), shape.name, shape.depth, shape.below), found) for root in (RELATIVE, ABSOLUTE))


@given(st.lists(shapes(grants=False), max_size=6), values())
def test_the_table_finds_exactly_what_the_reference_matches(patterns: list[Shape], value: str) -> None:
    table = Table("/", rooted=True)
    for number, shape in enumerate(patterns):
        table.add(shape, 1 << number, SOURCE)
    bits = 0
    for entry in table.find("" if value == "." else value):
        bits |= entry.bits
    wanted = sum(1 << number for number, shape in enumerate(patterns) if reference(shape, value))
    assert bits == wanted


def lookups(rules: int) -> int:
    """Return how many dictionary look-ups a match makes, counted by keys that count."""
    counted = [0]

    class Text(str):
        __slots__ = ()

        def __hash__(self) -> int:
            counted[0] += 1
            return super().__hash__()

        def __getitem__(self, key: object) -> "Text":
            return Text(super().__getitem__(key))

    table = Table("/", rooted=True)
    for number in range(rules):
        table.add(Shape((RELATIVE, f"d{number:05}"), below=True), 1, SOURCE)
        table.add(Shape((RELATIVE,), Name(f"f{number:05}"), 1), 1, SOURCE)
        table.add(Shape((RELATIVE, f"d{number:05}"), Name("", f".e{number:05}", star=True), 1), 1, SOURCE)
    counted[0] = 0
    assert table.find(Text("d00003/sub/f00007"))
    return counted[0]


def test_a_match_makes_as_many_look_ups_for_ten_thousand_rules_as_for_ten() -> None:
    assert lookups(10_000) == lookups(10) > 0


def test_names_with_a_star_never_overlap_their_ends() -> None:
    names = Names()
    names.entry(Name("ab", "ba", star=True)).add(1, SOURCE)
    for segment, met in (("aba", False), ("abba", True), ("abxba", True)):
        found: list[object] = []
        names.collect(segment, found)
        assert bool(found) is met


def test_a_node_without_names_is_not_walked() -> None:
    node = Node()
    node.entry(Shape((RELATIVE,), below=True)).add(1, SOURCE)
    assert not node.named


def test_the_first_pattern_of_a_bit_is_cited() -> None:
    table = Table("/", rooted=True)
    table.add(Shape((RELATIVE,), below=True), 1, Source("f:1", "first"))
    table.add(Shape((RELATIVE,), below=True), 1, Source("f:2", "second"))
    assert table.find("a")[0].sources[1].where == "f:1"
