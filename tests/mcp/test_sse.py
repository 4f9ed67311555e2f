"""A stream of events, cut anywhere."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.sse import LIMIT, Event, EventError, Events, encode_event

STREAM = (
    b": hello\r\n\r\nevent: message\r\ndata: one\r\nid: 1\r\n\r\n"
    b"data: two\ndata:  three\nid\n\nretry: 100\nid: 7\n\ndata:four\rretry: x\r\rdata: cut"
)


def parse(*chunks: bytes) -> tuple[list[Event], Events]:
    events = Events()
    return [event for chunk in chunks for event in events.feed(chunk)], events


def test_events_ids_and_pauses_are_read_as_the_standard_says() -> None:
    found, events = parse(STREAM)
    assert found == [Event("one", "1"), Event("two\n three", ""), Event("", "7"), Event("four")]
    assert (events.last_id, events.retry_ms) == ("7", 100)


@given(st.lists(st.integers(0, len(STREAM)), max_size=20))
def test_where_it_is_cut_makes_no_difference(cuts: list[int]) -> None:
    places = [0, *sorted(cuts), len(STREAM)]
    chunks = [STREAM[a:b] for a, b in itertools.pairwise(places)]
    assert parse(*chunks)[0] == parse(STREAM)[0]


@given(st.binary(max_size=300))
def test_any_bytes_are_events_or_an_error(noise: bytes) -> None:
    try:
        parse(noise)
    except EventError:
        return


@given(st.text(st.characters(exclude_characters="\r\n", exclude_categories=["Cs"]), min_size=1))
def test_what_is_encoded_is_read_again(text: str) -> None:
    assert parse(encode_event(text.encode() + b"\n"))[0] == [Event(text)]


def test_an_endless_event_is_given_up() -> None:
    line = b"data: " + b"x" * (1 << 20) + b"\n"
    with pytest.raises(EventError, match="more than"):
        parse(*[line] * (LIMIT // (1 << 20) + 1))


def test_a_pause_has_a_bound() -> None:
    assert parse(b"retry: 999999999\n")[1].retry_ms == 60_000
