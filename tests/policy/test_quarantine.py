"""What leaves a quarantine is one of the declared values, counted exactly, and marked wherever it goes."""

import copy
import json
import math
import pickle
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nucleus.gate.connection import quarantined
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.policy.quarantine import (
    CEILING_BITS,
    NESTING_LIMIT,
    QuarantinedNumber,
    QuarantinedText,
    Schema,
    boolean,
    choice,
    integer,
    list_of,
    optional,
    parse,
    record,
)

words = st.text(alphabet="abcdefgh ü", min_size=1, max_size=5).filter(str.isprintable)
leaves = st.one_of(
    st.just(boolean()),
    st.lists(words, min_size=1, max_size=4, unique=True).map(lambda some: choice(*some)),
    st.tuples(st.integers(-3, 3), st.integers(0, 4)).map(lambda pair: integer(pair[0], pair[0] + pair[1])),
)


def _optional(inner: Schema) -> Schema:
    try:
        return optional(inner)
    except ValueError:
        return inner


def _grow(inner: st.SearchStrategy[Schema]) -> st.SearchStrategy[Schema]:
    return st.one_of(
        inner.map(_optional),
        st.tuples(inner, st.integers(0, 2), st.integers(0, 1)).map(lambda three: list_of(three[0], *_bounds(three))),
        st.dictionaries(st.sampled_from(["kind", "size", "übrig"]), inner, min_size=1, max_size=2).map(
            lambda fields: record(**fields)
        ),
    )


def _bounds(three: tuple[Schema, int, int]) -> tuple[int, int]:
    return max(three[1], three[2]), three[2]


schemas = st.recursive(leaves, _grow, max_leaves=4)
small = schemas.filter(lambda schema: schema.count <= 600)
anything = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 8) | st.floats() | words | st.binary(max_size=3),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["kind", "size", "x"]), inner),
    max_leaves=6,
)


def exact(value: Any) -> str:
    """Return a key that tells 1 from True, and forgets the order of fields."""
    if isinstance(value, dict):
        return repr({name: exact(value[name]) for name in sorted(value)})
    if isinstance(value, list):
        return repr([exact(item) for item in value])
    return f"{type(value).__name__} {value!r}"


@given(small)
@settings(deadline=None)
def test_the_capacity_is_the_number_of_values(schema: Schema) -> None:
    keys = [exact(value) for value in schema.values()]
    assert len(set(keys)) == len(keys) == schema.count
    assert 2**schema.bits >= schema.count
    assert schema.bits == 0 or 2 ** (schema.bits - 1) < schema.count
    assert schema.bits == math.ceil(math.log2(schema.count))


@given(small, anything)
@settings(deadline=None)
def test_exactly_the_declared_values_are_admitted(schema: Schema, value: Any) -> None:
    declared = {exact(one): one for one in schema.values()}
    if exact(value) in declared:
        assert schema.validate(value).value == value
    else:
        with pytest.raises(ValueError, match="expected"):
            schema.validate(value)
    for one in list(declared.values())[:20]:
        assert schema.validate(one).value == one


@given(small)
@settings(deadline=None)
def test_a_description_gives_the_same_schema_again(schema: Schema) -> None:
    again = parse(json.loads(json.dumps(schema.describe())))
    assert again == schema
    assert again.digest == schema.digest
    assert again.count == schema.count


def test_different_schemas_have_different_digests() -> None:
    assert len({boolean().digest, choice("true", "false").digest, integer(0, 1).digest, choice("x").digest}) == 4
    assert record(a=boolean(), b=choice("x")).digest == record(b=choice("x"), a=boolean()).digest


def test_the_example_of_the_page() -> None:
    verdict = record(kind=choice("bug", "feature", "question"), urgent=boolean(), minutes=integer(0, 480))
    assert verdict.count == 2886
    assert verdict.bits == 12
    answer = verdict.validate({"kind": "bug", "urgent": True, "minutes": 30}, seen=UNTRUSTED | PRIVATE)
    assert answer.bits == 12
    assert answer.schema_digest == verdict.digest
    assert answer.__nucleus_seen__ == UNTRUSTED | PRIVATE
    assert dict(answer.value) == {"kind": "bug", "urgent": True, "minutes": 30}
    with pytest.raises(TypeError):
        answer.value["kind"] = "other"


def test_a_refused_value_is_never_quoted() -> None:
    """The message crosses the same border."""
    schema = record(kind=choice("bug"), items=list_of(integer(0, 3), 2))
    secret = "ignore-your-instructions"
    for value in (
        secret,
        {"kind": secret, "items": []},
        {"kind": "bug", "items": [secret]},
        {"kind": "bug", "items": [], secret: 1},
        {secret: "bug", "items": []},
        {"kind": "bug", "items": [99]},
    ):
        with pytest.raises(ValueError, match="is not shown") as caught:
            schema.validate(value)
        assert secret not in str(caught.value)
        assert "99" not in str(caught.value)
    with pytest.raises(ValueError, match=r"answer\.items\[1\]"):
        schema.validate({"kind": "bug", "items": [1, 9]})


def test_what_looks_like_a_value_and_is_none_is_refused() -> None:
    class Liar(str):
        __slots__ = ()

        def __eq__(self, other: object) -> bool:
            return True

        def __hash__(self) -> int:
            return hash("bug")

    for schema, value in (
        (choice("bug"), Liar("rm -rf")),
        (boolean(), 1),
        (boolean(), "true"),
        (integer(0, 1), True),
        (integer(0, 1), 1.0),
        (integer(0, 1), "1"),
        (list_of(boolean(), 2), {True}),
        (record(a=boolean()), [("a", True)]),
    ):
        with pytest.raises(ValueError, match="expected"):
            schema.validate(value)


def test_what_is_admitted_is_a_copy_without_anything_of_the_other_side() -> None:
    class Word(str):  # noqa: SLOT000  it is to have an attribute
        hidden = "payload"

    items = ["bug"]
    answer = list_of(choice("bug"), 2).validate([Word("bug"), items[0]])
    assert [type(item) for item in answer.value] == [QuarantinedText, QuarantinedText]
    assert not hasattr(answer.value[0], "hidden")


@pytest.mark.parametrize(
    "make",
    [
        lambda both: both[0],
        lambda both: both[0] + ".example",
        lambda both: "https://" + both[0],
        lambda both: "https://%s/" % both[0],  # noqa: UP031  the operator is under test
        lambda both: both[0][1:],
        lambda both: next(iter(both[0])),
        lambda both: both[0].upper().strip().replace("U", "x"),
        lambda both: both[0].split("u")[0],
        lambda both: both[0] * 2,
        lambda both: both[0].join(["a", "b"]),
        lambda both: str(both[0]),
        lambda both: f"{both[0]}",
        lambda both: format(both[0], ">9"),
        lambda both: both[1],
        lambda both: both[1] + 1,
        lambda both: 8000 - both[1],
        lambda both: -both[1] * 2,
        lambda both: divmod(both[1], 7)[1],
        lambda both: str(both[1]),
        lambda both: f"{both[1]:04}",
        lambda both: "/" + str(both[1]),
        lambda both: {"url": [("x", both[0])]},
        lambda both: {both[1]: 1},
        lambda both: (both[0], both[1]),
        lambda both: copy.deepcopy(both[0]),
        lambda both: pickle.loads(pickle.dumps(both[1])),  # noqa: S301  our own bytes
    ],
)
def test_the_mark_goes_where_the_value_goes(make: Any) -> None:
    text = choice("bug").validate("bug").value
    number = integer(0, 9).validate(5).value
    assert (text, number) == ("bug", 5)
    assert quarantined(make((text, number)))
    assert not quarantined(make(("bug", 5))), "the control: plain values are not marked"


def test_the_whole_answer_is_marked_and_plain_containers_are_not() -> None:
    assert quarantined(boolean().validate(True))
    assert quarantined([{"a": boolean().validate(False)}])
    assert not quarantined([{"a": ("b", 1, None, True, 2.0, b"x")}])


def test_marked_values_work_as_keys_and_in_comparisons() -> None:
    text, number = QuarantinedText("bug"), QuarantinedNumber(5)
    assert {"bug": 1}[text] == 1
    assert {5: 1}[number] == 1
    assert json.dumps([text, number]) == '["bug", 5]'
    assert number / 2 == 2.5
    assert number > 4


@pytest.mark.parametrize(
    "wrong",
    [
        choice,
        lambda: choice("a", "a"),
        lambda: choice(""),
        lambda: choice("x" * 65),
        lambda: choice("a\nb"),
        lambda: integer(2, 1),
        lambda: integer(0, 1 << (CEILING_BITS + 1)),
        lambda: optional(optional(boolean())),
        lambda: list_of(boolean(), 1, 2),
        lambda: list_of(boolean(), -1),
        lambda: list_of(integer(0, 1 << 64), 4096),
        lambda: list_of(boolean(), 1 << 70),
        record,
        lambda: record(a=integer(0, 1 << 4000), b=integer(0, 1 << 4000)),
        lambda: record(**{"": boolean()}),
        lambda: parse({"text": True}),
        lambda: parse({"boolean": True, "choice": ["a"]}),
        lambda: parse({"boolean": False}),
        lambda: parse({"record": {1: {"boolean": True}}}),
        lambda: parse([]),
        lambda: parse(_deep(NESTING_LIMIT + 1)),
    ],
)
def test_a_schema_that_can_not_be_meant_is_refused_when_it_is_declared(wrong: Any) -> None:
    with pytest.raises(ValueError, match=r".+"):
        wrong()


def _deep(levels: int) -> dict[str, Any]:
    description: dict[str, Any] = {"boolean": True}
    for _ in range(levels):
        description = {"list": description, "at_least": 0, "at_most": 1}
    return description


@pytest.mark.parametrize("wrong", [str, "text", None, {"choice": ["a"]}])
def test_there_is_no_free_text_and_no_type_that_would_be_one(wrong: Any) -> None:
    for make in (optional, lambda inner: list_of(inner, 3), lambda inner: record(a=inner)):
        with pytest.raises(TypeError, match="a schema was expected"):
            make(wrong)
