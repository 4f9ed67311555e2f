"""Frames: what was sent is what is received, and hostile bytes are given up on."""

import json
import socket
import threading
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.gate.protocol import (
    BODY_LIMIT,
    DEPTH_LIMIT,
    HEADER,
    JSON_LIMIT,
    ProtocolError,
    Splitter,
    answer,
    answers,
    decode,
    encode,
    receive,
    send,
)

plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)
objects = st.dictionaries(st.text(), plain, max_size=6)


@given(frames=st.lists(st.tuples(objects, st.binary(max_size=200)), max_size=4), cut=st.integers(1, 50))
def test_frames_come_out_of_the_splitter_as_they_went_in_however_the_stream_is_cut(
    frames: list[tuple[dict[str, object], bytes]], cut: int
) -> None:
    stream = b"".join(encode(fields, body) for fields, body in frames)
    splitter = Splitter()
    found = [frame for at in range(0, len(stream), cut) for frame in splitter.feed(stream[at : at + cut])]
    assert frames == found
    assert not splitter.unfinished


@given(st.binary(max_size=300))
def test_hostile_bytes_are_a_protocol_error_or_wait_for_more(data: bytes) -> None:
    splitter = Splitter()
    try:
        frames = list(splitter.feed(data))
    except ProtocolError:
        return
    assert all(type(fields) is dict for fields, _ in frames)


@pytest.mark.parametrize(
    "text",
    [b'{"a":1,"a":2}', b"[]", b"1", b"{", b'{"a":NaN}', b'{"a":Infinity}', b"\xff\xfe", b""],
    ids=["twice", "list", "number", "cut", "nan", "infinity", "utf8", "empty"],
)
def test_what_is_no_single_json_object_is_refused(text: bytes) -> None:
    with pytest.raises(ProtocolError):
        decode(text)


def test_nesting_beyond_the_limit_is_refused() -> None:
    deep: object = 1
    for _ in range(DEPTH_LIMIT):
        deep = [deep]
    assert decode(json.dumps({"a": deep[0]}).encode()) == {"a": deep[0]}  # type: ignore[index]
    with pytest.raises(ProtocolError, match="nested deeper"):
        decode(json.dumps({"a": deep}).encode())
    with pytest.raises(ProtocolError):
        decode(b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}")


def test_a_frame_over_a_limit_is_refused_by_both_sides() -> None:
    with pytest.raises(ProtocolError, match="too large"):
        encode({"a": "x" * JSON_LIMIT})
    with pytest.raises(ProtocolError, match="over the limit"):
        list(Splitter().feed(HEADER.pack(2, BODY_LIMIT + 1)))


def test_blocking_sockets_carry_frames_and_tell_a_clean_end_from_a_cut() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        send(ours, {"a": 1}, b"body")
        assert receive(theirs) == ({"a": 1}, b"body")
        ours.sendall(encode({"a": 1}, b"body")[:-1])
        ours.shutdown(socket.SHUT_WR)
        with pytest.raises(ProtocolError, match="within a frame"):
            receive(theirs)
    ours, theirs = socket.socketpair()
    with theirs:
        ours.close()
        with pytest.raises(EOFError):
            receive(theirs)


@pytest.mark.parametrize("after", [0.0, 0.05], ids=["while it is looked for", "long after"])
def test_an_answer_is_read_whenever_it_comes(after: float) -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:

        def late() -> None:
            time.sleep(after)
            theirs.sendall(encode({"a": 1}, b"body"))

        sender = threading.Thread(target=late)
        sender.start()
        assert answer(ours) == ({"a": 1}, b"body")
        sender.join()
        theirs.close()
        with pytest.raises(EOFError):
            answer(ours)


def test_values_that_json_lacks_are_refused_before_a_byte_is_sent() -> None:
    for value in (float("nan"), object(), b"bytes", {1, 2}):
        with pytest.raises(ProtocolError):
            encode({"a": value})


@pytest.mark.parametrize("cut", [1, 7, 10_000])
def test_several_answers_are_read_in_order_however_they_are_cut_and_not_one_more(cut: int) -> None:
    left, right = socket.socketpair()
    stream = b"".join(encode({"at": at}) for at in range(5))
    with left, right:
        for at in range(0, len(stream), cut):
            left.sendall(stream[at : at + cut])
        assert answers(right, 5) == [{"at": at} for at in range(5)]
        left.sendall(stream)
        with pytest.raises(ProtocolError, match="more"):
            answers(right, 2)
        left.sendall(stream[:-1])
        left.close()
        with pytest.raises(EOFError):
            answers(right, 5)
