"""Heads and bodies are read in one way only; whatever two parsers could read in two ways is refused."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.egress.http1 import (
    FIELDS_LIMIT,
    HEAD_LIMIT,
    Chunks,
    HttpError,
    end_of_head,
    parse_request,
    parse_response,
    serialise,
)

GET = b"GET http://a.example/x HTTP/1.1\r\nHost: a.example\r\n"


def status_of(head: bytes) -> int:
    with pytest.raises(HttpError) as refused:
        parse_request(head)
    return refused.value.status


def test_a_request_is_its_line_its_host_and_its_length() -> None:
    request = parse_request(b"POST /a?b HTTP/1.1\r\nHost: a.example:80\r\nContent-Length: 12\r\nX-A:  b c \t\r\n\r\n")
    assert (request.method, request.target, request.host, request.length) == ("POST", "/a?b", "a.example:80", 12)
    assert request.head.get("x-a") == "b c"
    assert parse_request(GET + b"\r\n").length == 0
    assert parse_request(GET + b"Transfer-Encoding: Chunked\r\n\r\n").length is None


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n",
        b"Content-Length: 1\r\nContent-Length: 1\r\n",
        b"Content-Length: 1, 1\r\n",
        b"Content-Length: +1\r\n",
        b"Content-Length: 0x1\r\n",
        b"Content-Length: 1 2\r\n",
        b"Content-Length: -0\r\n",
        b"Content-Length:\r\n",
        b"Content-Length: \xb2\r\n",
        b"Content-Length: 99999999999999999\r\n",
        b"Content-Length : 1\r\n",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        b"Transfer-Encoding: gzip, chunked\r\n",
        b"Transfer-Encoding: identity\r\n",
        b"Transfer-Encoding: chunked, identity\r\n",
        b"Transfer-Encoding:\x0bchunked\r\n",
        b"Transfer-Encoding\x00: chunked\r\n",
        b"Transfer-Encoding:\r\n chunked\r\n",
        b"Host: b.example\r\n",
        b"Host: a.example\r\n",
        b" Host: b.example\r\n",
        b"X: a\nContent-Length: 5\r\n",
        b"X: a\rContent-Length: 5\r\n",
        b"X: a\x00b\r\n",
        b"X: a\r\n b\r\n",
        b"X\r\n",
        b": x\r\n",
        b"X y: z\r\n",
        b"\r: z\r\n",
        b"Connection: Host\r\n",
        b"Connection: close, Content-Length\r\n",
        b"Connection: transfer-encoding\r\n",
        b"Expect: something-else\r\n",
        b"Expect: 100-continue\r\nExpect: 100-continue\r\n",
        b"X: " + b"a" * (17 * 1024) + b"\r\n",
        b"X: a\r\n" * (FIELDS_LIMIT + 1),
    ],
)
def test_a_head_that_could_be_two_requests_is_refused(lines: bytes) -> None:
    assert status_of(GET + lines + b"\r\n") in {400, 417, 431, 501}


@pytest.mark.parametrize(
    "line",
    [
        *(
            b"GET  /x HTTP/1.1",
            b"GET /x  HTTP/1.1",
            b"GET /x HTTP/1.1 ",
            b" GET /x HTTP/1.1",
            b"GET /x",
            b"GET /x HTTP/2.0",
        ),
        *(b"GET /x HTTP/1.2", b"get /x HTTP/1.1", b"GET /x y HTTP/1.1", b"GET\t/x HTTP/1.1", b"GET /\xc3\xa9 HTTP/1.1"),
        *(b"", b"GET /x http/1.1", b"G@T /x HTTP/1.1", b"GET /" + b"a" * 9000 + b" HTTP/1.1", b"GET /x\x00 HTTP/1.1"),
    ],
)
def test_a_request_line_is_exact(line: bytes) -> None:
    assert status_of(line + b"\r\nHost: a.example\r\n\r\n") == 400


def test_a_request_without_a_host_is_refused_but_for_http_1_0() -> None:
    assert status_of(b"GET /x HTTP/1.1\r\n\r\n") == 400
    assert parse_request(b"CONNECT a.example:443 HTTP/1.0\r\n\r\n").host is None
    assert status_of(b"GET /x HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n") == 400


@pytest.mark.parametrize("data", [b"GET / HTTP/1.1\n", b"GET / HTTP/1.1\r\nHost: a\n\r\n\r\n", b"a\rb", b"a\n\n"])
def test_a_bare_line_end_is_refused_as_soon_as_it_is_seen(data: bytes) -> None:
    with pytest.raises(HttpError):
        end_of_head(data)


def test_a_head_that_never_ends_is_refused_when_it_is_too_large() -> None:
    assert end_of_head(b"a" * HEAD_LIMIT) == -1
    with pytest.raises(HttpError):
        end_of_head(b"a" * (HEAD_LIMIT + 1))


def test_headers_of_one_connection_and_those_that_speak_for_a_proxy_are_not_passed_on() -> None:
    request = parse_request(
        GET + b"Connection: close, X-Hop\r\nX-Hop: 1\r\nProxy-Authorization: Basic x\r\nTE: trailers\r\nVia: 1.1 me\r\n"
        b"X-Forwarded-For: 1.2.3.4\r\nUpgrade: h2c\r\nAccept: */*\r\n\r\n"
    )
    assert request.head.passed_on() == (("accept", "*/*"),)
    assert request.closes


def test_an_answer_is_framed_by_its_length_its_chunks_or_its_end() -> None:
    def framing(lines: bytes, method: str = "GET", status: bytes = b"200 OK") -> tuple[str, int | None]:
        found = parse_response(b"HTTP/1.1 " + status + b"\r\n" + lines + b"\r\n", method)
        return found.framing, found.length

    assert framing(b"Content-Length: 5\r\n") == ("length", 5)
    assert framing(b"Transfer-Encoding: chunked\r\n") == ("chunked", None)
    assert framing(b"") == ("close", None)
    assert framing(b"Content-Length: 5\r\n", "HEAD") == ("length", 0)
    assert framing(b"", status=b"204") == ("length", 0)
    assert framing(b"Content-Length: 5\r\n", status=b"304 Not Modified") == ("length", 0)


@pytest.mark.parametrize(
    "head",
    [
        *(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n", b"HTTP/2 200\r\n\r\n"),
        *(b"HTTP/1.1 2000 OK\r\n\r\n", b"ICY 200 OK\r\n\r\n", b"HTTP/1.1  200 OK\r\n\r\n", b"\r\n\r\n"),
        b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
    ],
)
def test_an_answer_that_could_be_two_is_refused(head: bytes) -> None:
    with pytest.raises(HttpError) as refused:
        parse_response(head, "GET")
    assert refused.value.status == 502


def test_a_head_that_we_write_is_never_two() -> None:
    with pytest.raises(ValueError, match="line break"):
        serialise("GET / HTTP/1.1", [("x", "a\r\nHost: b")])


@pytest.mark.parametrize(
    "body",
    [
        *(
            b"5;ext=1\r\nhello\r\n0\r\n\r\n",
            b"+5\r\nhello\r\n",
            b"0x5\r\nhello\r\n",
            b" 5\r\nhello\r\n",
            b"5 \r\nhello\r\n",
        ),
        *(b"5\nhello\r\n", b"5\r\nhelloo\r\n", b"5\r\nhello\n0\r\n\r\n", b"\r\nhello", b"5\r\r\nhello", b"-5\r\nhello"),
        *(b"fffffffffffff\r\n", b"0\r\nbad trailer\r\n\r\n", b"0\r\n\n", b"g\r\n", b"1" * 40, b"0\r\nX:" + b"a" * 9000),
    ],
)
def test_a_chunk_that_could_be_read_in_two_ways_is_refused(body: bytes) -> None:
    with pytest.raises(HttpError):
        Chunks().feed(body)


@given(st.lists(st.binary(min_size=1, max_size=300), max_size=8), st.binary(max_size=40), st.integers(1, 50))
def test_chunks_give_what_was_chunked_however_it_arrives(pieces: list[bytes], after: bytes, step: int) -> None:
    wire = b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + b"0\r\nX-Trailer: y\r\n\r\n"
    chunks, content = Chunks(), b""
    end = len(wire)
    data = wire + after
    for at in range(0, len(data), step):
        content += chunks.feed(data[at : at + step])
        if chunks.done:
            break
    assert chunks.done
    assert content == b"".join(pieces)
    assert data[: at + step] == wire + chunks.rest
    assert len(data[: at + step]) >= end


NAMES = st.text("abcXYZ019!#$%&'*+.^_`|~-", min_size=1, max_size=20)
VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF, exclude_characters="\x7f"), max_size=40).filter(
    lambda text: not any(0x7F <= ord(one) < 0x80 for one in text)
)


@given(st.lists(st.tuples(NAMES, VALUES), max_size=10))
def test_a_head_that_is_read_and_written_is_read_alike(fields: list[tuple[str, str]]) -> None:
    framing = ("host", "connection", "content-length", "transfer-encoding", "expect")
    fields = [(name, value) for name, value in fields if name.lower() not in framing]
    first = parse_request(serialise("GET /x HTTP/1.1", [("host", "a"), *fields]))
    again = parse_request(serialise("GET /x HTTP/1.1", first.head.fields))
    assert again == first
    assert [value for name, value in first.head.fields if name != "host"] == [value for _, value in fields]


@given(st.binary(max_size=400))
def test_no_bytes_make_the_parsers_do_anything_but_refuse(data: bytes) -> None:
    for parse in (parse_request, lambda head: parse_response(head, "GET"), Chunks().feed, end_of_head):
        with suppress(HttpError):
            parse(data)  # type: ignore[operator]  # four parsers of bytes


@given(st.binary(max_size=60), st.binary(max_size=60))
def test_a_refused_or_accepted_head_has_one_host_and_one_framing(before: bytes, after: bytes) -> None:
    """Whatever stands around them, two lengths or two hosts never pass."""
    head = b"POST /x HTTP/1.1\r\nHost: a\r\n" + before + b"\r\nContent-Length: 3\r\n" + after + b"\r\n\r\n"
    try:
        request = parse_request(head)
    except HttpError:
        return
    names = [name for name, _ in request.head.fields]
    assert names.count("host") == names.count("content-length") == 1
    assert "transfer-encoding" not in names
    assert request.length == 3


@pytest.mark.parametrize("name", ["X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override", "X-Original-URL"])
def test_a_header_that_names_another_request_than_the_judged_one_is_not_passed_on(name: str) -> None:
    """Some servers do what such a header says: a GET that was judged would be their DELETE."""
    request = parse_request(GET + f"{name}: DELETE\r\nAccept: a\r\n\r\n".encode())
    assert request.head.passed_on() == (("accept", "a"),)
