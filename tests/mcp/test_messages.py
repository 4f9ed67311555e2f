"""Nobody can read another message in a line than the one that was judged."""

import json
from json.encoder import encode_basestring
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.messages import (
    DEPTH_LIMIT,
    LONG,
    Ledger,
    Message,
    MessageError,
    Notification,
    Request,
    Response,
    encode,
    framed,
    parse,
    quoted,
    written,
)

TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=10,
)
OBJECT = st.dictionaries(TEXT, JSON, max_size=4)
IDS = st.integers(-(2**53) + 1, 2**53 - 1) | TEXT
METHODS = TEXT.filter(bool)
ERRORS = st.fixed_dictionaries({"code": st.integers(), "message": TEXT}, optional={"data": JSON})
MESSAGES = (
    st.builds(Request, IDS, METHODS, OBJECT)
    | st.builds(Notification, METHODS, OBJECT)
    | st.builds(Response, IDS, OBJECT)
    | st.builds(lambda id_, error: Response(id_, error=error), IDS, ERRORS)
)

HOSTILE = {
    "a duplicate key": b'{"jsonrpc":"2.0","id":1,"method":"ping","method":"tools/call"}',
    "a duplicate key inside": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"name":"safe","name":"rm"}}',
    "a duplicate key by escape": b'{"jsonrpc":"2.0","id":1,"method":"a","\\u006dethod":"b"}',
    "NaN": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":NaN}}',
    "an infinity": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":-Infinity}}',
    "an overflow": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1e999}}',
    "half a surrogate pair": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":"\\ud800"}}',
    "half a surrogate pair as a key": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"\\udc00":1}}',
    "no UTF-8": b'{"jsonrpc":"2.0","id":1,"method":"\xff"}',
    "UTF-16": '{"jsonrpc":"2.0","id":1,"method":"a"}'.encode("utf-16"),
    "a byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"a"}',
    "a batch": b'[{"jsonrpc":"2.0","id":1,"method":"a"}]',
    "two objects": b'{"jsonrpc":"2.0","id":1,"method":"a"}{}',
    "a comment": b'{"jsonrpc":"2.0","id":1,"method":"a"}//',
    "a text": b'"ping"',
    "noise": b"Server listening on port 3000",
    "nesting": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":' + b"[" * 100 + b"]" * 100 + b"}}",
    "nesting without end": b'{"x":' + b"[" * 200_000,
    "an enormous number": b'{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":' + b"9" * 5000 + b"}}",
    "no version": b'{"id":1,"method":"a"}',
    "version 1": b'{"jsonrpc":"1.0","id":1,"method":"a"}',
    "no id and no method": b'{"jsonrpc":"2.0","result":{}}',
    "an id of null": b'{"jsonrpc":"2.0","id":null,"method":"a"}',
    "an id of true": b'{"jsonrpc":"2.0","id":true,"method":"a"}',
    "a fraction for an id": b'{"jsonrpc":"2.0","id":1.5,"method":"a"}',
    "an inexact id": b'{"jsonrpc":"2.0","id":9007199254740993,"method":"a"}',
    "a long id": b'{"jsonrpc":"2.0","id":"' + b"x" * 300 + b'","method":"a"}',
    "an object for an id": b'{"jsonrpc":"2.0","id":{},"method":"a"}',
    "a method that is a number": b'{"jsonrpc":"2.0","id":1,"method":1}',
    "an empty method": b'{"jsonrpc":"2.0","id":1,"method":""}',
    "params as a list": b'{"jsonrpc":"2.0","id":1,"method":"a","params":[]}',
    "a call and a response": b'{"jsonrpc":"2.0","id":1,"method":"a","result":{}}',
    "a result and an error": b'{"jsonrpc":"2.0","id":1,"result":{},"error":{"code":1,"message":""}}',
    "a response of nothing": b'{"jsonrpc":"2.0","id":1}',
    "a result that is a text": b'{"jsonrpc":"2.0","id":1,"result":"x"}',
    "an error without a code": b'{"jsonrpc":"2.0","id":1,"error":{"message":""}}',
    "an error that is a text": b'{"jsonrpc":"2.0","id":1,"error":"x"}',
}


@pytest.mark.parametrize("line", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_line_is_refused(line: bytes) -> None:
    with pytest.raises(MessageError):
        parse(line)


def test_a_lenient_reader_takes_what_is_refused_here() -> None:
    """The plain parser is no defence: it takes the last of two keys, and numbers that are none."""
    taken = [name for name, line in HOSTILE.items() if _lenient(line)]
    assert {"a duplicate key", "a duplicate key by escape", "NaN", "an overflow", "a batch"} <= set(taken)
    assert json.loads(HOSTILE["a duplicate key"])["method"] == "tools/call"


def _lenient(line: bytes) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True


@given(MESSAGES)
def test_a_message_is_read_as_it_was_written(message: Message) -> None:
    line = encode(message)
    assert line.endswith(b"\n")
    assert b"\n" not in line[:-1]
    assert parse(line) == message


@given(st.binary(max_size=200))
def test_any_bytes_are_a_message_or_a_message_error(line: bytes) -> None:
    try:
        message = parse(line)
    except MessageError:
        return
    assert parse(encode(message)) == message


@given(OBJECT)
def test_any_object_is_a_message_or_a_message_error(fields: dict[str, Any]) -> None:
    try:
        message = parse(json.dumps({"jsonrpc": "2.0", **fields}).encode())
    except MessageError:
        return
    assert parse(encode(message)) == message


def test_members_outside_of_json_rpc_are_not_forwarded() -> None:
    message = parse(b'{"jsonrpc":"2.0","id":1,"method":"ping","canary":"x","Method":"tools/call"}')
    assert encode(message) == b'{"jsonrpc":"2.0","id":1,"method":"ping"}\n'


def test_the_deepest_message_that_is_taken() -> None:
    deep: Any = 0
    for _ in range(DEPTH_LIMIT - 2):
        deep = [deep]
    assert parse(encode(Request(1, "a", {"x": deep}))) == Request(1, "a", {"x": deep})
    with pytest.raises(MessageError, match="nested"):
        parse(encode(Request(1, "a", {"x": [deep]})))


def test_brackets_in_texts_and_beside_each_other_are_no_nesting() -> None:
    values: tuple[Any, ...] = ("[{" * 500, [[] for _ in range(500)], [{"y": [{}]} for _ in range(200)])
    for value in values:
        assert parse(encode(Request(1, "a", {"x": value}))) == Request(1, "a", {"x": value})


SCRAPS = ["plain text ", *'"\\\n\t\r\b\f\x00\x1f\x7fé中\U0001f600\u2028']


@given(st.lists(st.sampled_from(SCRAPS), max_size=12), st.booleans())
def test_a_long_text_is_quoted_as_the_standard_library_does(scraps: list[str], long: bool) -> None:
    text = "".join(scraps) + "x" * (LONG if long else 0) + "".join(reversed(scraps))
    assert quoted(text) == encode_basestring(text)


@pytest.mark.parametrize("number", [*range(0x100), 0x2028, 0xFFFF, 0x1F600])
def test_each_character_of_a_long_text_is_quoted_as_the_standard_library_does(number: int) -> None:
    text = "x" * LONG + chr(number) + "y"
    assert quoted(text) == encode_basestring(text)


@given(OBJECT, st.sampled_from(SCRAPS))
def test_how_large_a_value_is_changes_nothing_in_how_it_is_written(value: dict[str, Any], scrap: str) -> None:
    value = {**value, "text": scrap * LONG, "list": [{"text": scrap * LONG}]}
    assert (
        written(value, LONG) == written(value) == json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode()
    )


def test_a_second_and_a_forged_response_find_nothing() -> None:
    ledger = Ledger()
    ledger.enter(1, "first")
    assert ledger.get(1) == "first"
    with pytest.raises(MessageError, match="nobody asked"):
        ledger.close("1")
    assert ledger.close(1) == "first"
    with pytest.raises(MessageError, match="nobody asked"):
        ledger.close(1)
    assert len(ledger) == 0
    assert ledger.get(1) is None


def test_an_id_is_open_once_and_not_too_many_are() -> None:
    ledger = Ledger(limit=2)
    ledger.enter(1, "")
    with pytest.raises(MessageError, match="open already"):
        ledger.enter(1, "")
    ledger.enter("1", "")
    with pytest.raises(MessageError, match="more than 2"):
        ledger.enter(3, "")


@given(
    st.integers(0, 1 << 53), st.text(min_size=1, max_size=20), st.dictionaries(st.text(), JSON, min_size=1, max_size=4)
)
def test_a_request_around_judged_bytes_is_what_encoding_it_gives(id_: int, method: str, params: dict[str, Any]) -> None:
    assert framed(id_, method, written(params)) == encode(Request(id_, method, params))
