"""One form for each record, and a parser that takes no other."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace import canonical
from nucleus.trace.canonical import DEPTH_LIMIT, INT_LIMIT, LINE_LIMIT, TIME_LIMIT

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-INT_LIMIT, INT_LIMIT) | TEXT,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXT, inner, max_size=4),
    max_leaves=12,
)
RECORDS = st.dictionaries(TEXT | st.sampled_from(["prev", "seq", "type", "state", "zz", "aa"]), VALUES, max_size=6)


@given(RECORDS)
def test_what_is_encoded_is_parsed_back(record: dict[str, Any]) -> None:
    assert record == canonical.parse(canonical.encode(record))


@given(RECORDS, st.randoms())
def test_the_order_of_keys_in_memory_does_not_show(record: dict[str, Any], random: Any) -> None:
    items = list(record.items())
    random.shuffle(items)
    assert canonical.encode(record) == canonical.encode(dict(items))


@given(RECORDS, st.data())
def test_a_changed_byte_gives_another_record_or_none(record: dict[str, Any], data: st.DataObject) -> None:
    line = bytearray(canonical.encode(record))
    place = data.draw(st.integers(0, len(line) - 1))
    line[place] ^= data.draw(st.integers(1, 255))
    try:
        parsed = canonical.parse(bytes(line))
    except TraceError:
        return
    assert parsed != record
    assert bytes(line) == canonical.encode(parsed)


@given(st.binary(max_size=300))
def test_hostile_bytes_are_refused_or_canonical(line: bytes) -> None:
    try:
        parsed = canonical.parse(line)
    except TraceError:
        return
    assert line == canonical.encode(parsed)


@given(st.text(st.sampled_from('{}[]":,0123456789.eE-+\\utrnfalsNI aTy'), max_size=60))
def test_hostile_json_is_refused_or_canonical(text: str) -> None:
    try:
        parsed = canonical.parse(text.encode())
    except TraceError:
        return
    assert text.encode() == canonical.encode(parsed)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        (b'{"a":1,"a":1}', "duplicate key"),
        (b'{"b":{"a":1,"a":2}}', "duplicate key"),
        (b'{"a":1.0}', "not an integer"),
        (b'{"a":1e3}', "not an integer"),
        (b'{"a":NaN}', "not an integer"),
        (b'{"a":-Infinity}', "not an integer"),
        (b'{"a":9007199254740992}', "2**53"),
        (b'{"a":' + b"9" * 5000 + b"}", "not JSON"),
        (b'{"a": 1}', "canonical form"),
        (b' {"a":1}', "canonical form"),
        (b'{"b":1,"a":1}', "canonical form"),
        (b'{"a":"\\u0061"}', "canonical form"),
        (b'{"a":"\\u00E9"}', "canonical form"),
        (b'{"a":"\\/"}', "canonical form"),
        (b'{"a":-0}', "canonical form"),
        (b'{"a":"\\ud800"}', "lone surrogate"),
        (b'{"\\ud800":1}', "lone surrogate"),
        ('{"a":"é"}'.encode(), "outside of ASCII"),
        (b"[1]", "not a JSON object"),
        (b"", "not JSON"),
        (b'{"a":1', "not JSON"),
        (b'{"a":"\x00"}', "not JSON"),
        (b'{"a":' + b"[" * 100_000, "not JSON|nested"),
        (b'{"a":' + b"[" * 20 + b"]" * 20 + b"}", f"{DEPTH_LIMIT} levels"),
        (b'{"a_ns":-1}', None),
        (b'{"a_ns":9223372036854775808}', "2**53"),
        (b'{"a":"' + b"x" * LINE_LIMIT + b'"}', "more than"),
    ],
)
def test_each_other_spelling_is_refused_by_name(line: bytes, why: str | None) -> None:
    if why is None:
        canonical.parse(line)
        return
    import re

    with pytest.raises(TraceError, match="|".join(map(re.escape, why.split("|")))):
        canonical.parse(line)


@pytest.mark.parametrize("value", [1.5, float("nan"), b"x", (1,), {1: 2}, {1, 2}, object(), INT_LIMIT + 1, "\ud800"])
def test_what_has_no_form_is_not_encoded(value: object) -> None:
    with pytest.raises(TraceError):
        canonical.encode({"a": value})


def test_nanoseconds_may_be_larger_than_other_integers() -> None:
    line = canonical.encode({"time_ns": TIME_LIMIT})
    assert canonical.parse(line) == {"time_ns": TIME_LIMIT}


DECISIONS = st.fixed_dictionaries(
    {
        "type": st.just("decision"),
        "principal": TEXT,
        "kind": TEXT,
        "args": st.dictionaries(TEXT, TEXT, max_size=3) | st.dictionaries(TEXT, VALUES, max_size=3),
        "digest": TEXT,
        "destination": TEXT,
        "facts": st.lists(st.integers(-INT_LIMIT, INT_LIMIT) | st.integers(0, 31), max_size=13),
        "verdict": st.sampled_from(["deny", "ask", "allow"]),
        "rules": st.lists(TEXT, max_size=2),
        "state": st.lists(st.integers(-5, INT_LIMIT), min_size=3, max_size=5),
        "approval": st.none() | TEXT,
        "id": TEXT,
    },
    optional={"more": VALUES},
)
RESULTS = st.fixed_dictionaries(
    {
        "type": st.just("result"),
        "principal": TEXT,
        "of": st.integers(-1, INT_LIMIT),
        "outcome": TEXT,
        "bytes": st.integers(-1, INT_LIMIT),
        "digest": TEXT,
        "error": st.none() | TEXT,
    }
)


@given(DECISIONS | RESULTS, st.integers(0, INT_LIMIT), st.integers(0, TIME_LIMIT))
def test_the_fast_way_to_write_a_record_gives_the_same_line(record: dict[str, Any], seq: int, now: int) -> None:
    prev = "ab" * 32
    line = (canonical.prefix(prev, seq, now) + canonical.body(record)).encode()
    assert canonical.encode({**record, "prev": prev, "seq": seq, "time_ns": now}) == line


@given(DECISIONS, st.data())
def test_the_fast_way_refuses_what_the_slow_way_refuses(record: dict[str, Any], data: st.DataObject) -> None:
    bad = data.draw(st.sampled_from([True, 1.0, "\ud800", INT_LIMIT + 1, b"x", object()]))
    name = data.draw(st.sampled_from(["facts", "state", "args", "rules", "principal", "digest", "approval"]))
    if name in {"facts", "state"}:
        record[name] = [*record[name][1:], bad]
    elif name == "rules":
        record[name] = [bad]
    else:
        record[name] = {"a": bad} if name == "args" else bad
    if name == "args" and bad is True:
        return
    if name == "rules" and type(bad) is bool:
        return
    with pytest.raises(TraceError):
        canonical.body(record)


def test_prev_seq_and_time_are_the_writers_to_set() -> None:
    with pytest.raises(TraceError, match="writer's"):
        canonical.body({"type": "close", "reason": "x", "seq": 3})


def test_a_record_that_no_reader_would_take_is_not_written() -> None:
    with pytest.raises(TraceError, match="at most"):
        canonical.body({"type": "close", "reason": "x" * LINE_LIMIT})


def test_the_form_is_json_that_any_reader_takes() -> None:
    line = canonical.encode({"z": "é\u2028\x07", "a": [1, None, True], "seq": 1})
    assert json.loads(line) == {"seq": 1, "a": [1, None, True], "z": "é\u2028\x07"}
    assert line.startswith(b'{"seq":1,"a":')
