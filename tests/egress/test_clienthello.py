"""A tunnel carries TLS to the host that it was judged for, and says so in the clear."""

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.egress.clienthello import HelloError, HelloGuard, server_name

HOST = "docs.example.org"


def hello_of(name: str | None, **options: ssl.TLSVersion) -> bytes:
    """Return the first flight of a real client."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    for key, value in options.items():
        setattr(context, key, value)
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name)
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


def extension(kind: int, content: bytes) -> bytes:
    return kind.to_bytes(2, "big") + len(content).to_bytes(2, "big") + content


def sni(name: bytes, kind: int = 0, more: bytes = b"") -> bytes:
    entry = bytes([kind]) + len(name).to_bytes(2, "big") + name + more
    return extension(0, len(entry).to_bytes(2, "big") + entry)


def body(extensions: bytes) -> bytes:
    return (
        b"\x03\x03"
        + bytes(32)
        + b"\x00"
        + b"\x00\x02\x13\x01"
        + b"\x01\x00"
        + len(extensions).to_bytes(2, "big")
        + extensions
    )


def message(extensions: bytes) -> bytes:
    content = body(extensions)
    return b"\x01" + len(content).to_bytes(3, "big") + content


def record(content: bytes, kind: int = 22) -> bytes:
    return bytes([kind]) + b"\x03\x01" + len(content).to_bytes(2, "big") + content


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def test_the_hello_of_a_real_client_passes_whole_and_only_when_it_is_whole(version: ssl.TLSVersion) -> None:
    data = hello_of(HOST, minimum_version=version, maximum_version=version)
    guard = HelloGuard(HOST)
    for at in range(len(data) - 1):
        assert guard.feed(data[at : at + 1]) == b""
        assert not guard.greeted
    assert guard.feed(data[-1:]) == data
    assert guard.greeted


def test_upper_case_and_a_final_dot_are_the_same_name() -> None:
    assert server_name(body(sni(b"DOCS.example.org."))) == HOST


@pytest.mark.parametrize(
    ("extensions", "why"),
    [
        (sni(b"evil.example"), "another name"),
        (b"", "no name"),
        (extension(10, b"\x00\x00"), "no name among others"),
        (sni(HOST.encode()) + sni(b"evil.example"), "the extension twice"),
        (sni(HOST.encode(), more=b"\x00\x00\x04evil"), "two names in one list"),
        (sni(HOST.encode(), kind=1), "a name of another type"),
        (sni(b"docs.example.org\x00.evil.example"), "a NUL in the name"),
        (sni(b"127.0.0.1\xff"), "no ASCII"),
        (sni(b""), "an empty name"),
        (sni(HOST.encode()) + extension(0xFE0D, b"\x01"), "an inner hello in the clear"),
        (
            sni(b"public.cdn.example") + extension(0xFE0D, b"\x00" + bytes(40)),
            "an encrypted hello whose outer name differs",
        ),
        (extension(0xFE0D, b"\x00" + bytes(40)), "an encrypted hello without an outer name"),
    ],
)
def test_a_hello_that_does_not_name_the_host_alone_is_refused(extensions: bytes, why: str) -> None:
    with pytest.raises(HelloError):
        HelloGuard(HOST).feed(record(message(extensions)))
    assert why


def test_an_encrypted_hello_whose_outer_name_is_the_host_passes() -> None:
    data = record(message(sni(HOST.encode()) + extension(0xFE0D, b"\x00" + bytes(40))))
    assert HelloGuard(HOST).feed(data) == data


@pytest.mark.parametrize(
    "data",
    [
        b"GET / HTTP/1.1\r\n", b"SSH-2.0-x\r\n", b"\x16\x02\x00\x00\x05aaaaa", record(b"\x02\x00\x00\x00"),
        record(b"", 22) + b"\x00", record(b"a", 23), record(b"\x01\x00\x00", 20), b"\x16\x03\x01\xff\xff" + bytes(10),
        record(b"\x01\xff\xff\xff" + bytes(20)), record(message(sni(HOST.encode())) + b"\x0b\x00\x00\x00"),
        b"\x80\x2e\x01",
    ],
)  # fmt: skip
def test_whatever_is_not_a_hello_is_refused(data: bytes) -> None:
    with pytest.raises(HelloError):
        HelloGuard(HOST).feed(data)


def test_a_hello_in_several_records_is_put_together_before_anything_passes() -> None:
    whole = message(sni(HOST.encode()))
    first, second = record(whole[:3]), record(whole[3:])
    guard = HelloGuard(HOST)
    assert guard.feed(first) == b""
    assert guard.feed(second) == first + second
    evil = message(sni(b"evil.example"))
    with pytest.raises(HelloError):
        HelloGuard(HOST).feed(record(evil[:60]) + record(evil[60:]))


def test_a_second_hello_with_another_name_is_refused_wherever_it_stands() -> None:
    first, second = record(message(sni(HOST.encode()))), record(message(sni(b"evil.example")))
    for between in (b"", record(b"\x01", 20), record(b"early data", 23), record(b"\x01", 20) + record(b"x" * 90, 23)):
        guard = HelloGuard(HOST)
        assert guard.feed(first + between) == first + between
        with pytest.raises(HelloError):
            guard.feed(second)
    guard = HelloGuard(HOST)
    assert guard.feed(first + first) == first + first


def test_a_second_hello_can_not_hide_in_pieces_too_short_to_be_looked_at() -> None:
    guard = HelloGuard(HOST)
    guard.feed(record(message(sni(HOST.encode()))))
    evil = message(sni(b"evil.example"))
    with pytest.raises(HelloError):
        guard.feed(record(evil[:5]) + record(evil[5:]))
    guard = HelloGuard(HOST)
    guard.feed(record(message(sni(HOST.encode()))))
    with pytest.raises(HelloError):
        guard.feed(record(evil[:20]) + record(evil[20:]))


def test_without_the_guard_on_later_records_the_second_name_would_pass() -> None:
    """The attack that the last two tests are about: what a guard of the first hello alone lets through."""
    guard = HelloGuard(HOST)
    guard.feed(record(message(sni(HOST.encode()))))
    second = record(message(sni(b"evil.example")))
    guard._left = len(second)  # switched off: the record is taken for content
    assert guard.feed(second) == second


@given(st.binary(max_size=300))
def test_no_bytes_make_the_guard_do_anything_but_refuse_or_wait(data: bytes) -> None:
    guard = HelloGuard(HOST)
    try:
        passed = guard.feed(data)
    except HelloError:
        return
    assert passed == b""
    assert not guard.greeted


@given(st.data())
def test_a_changed_hello_never_passes_with_another_name(data: st.DataObject) -> None:
    hello = bytearray(record(message(sni(HOST.encode()) + extension(10, b"\x00\x02\x00\x1d"))))
    for _ in range(data.draw(st.integers(1, 4))):
        hello[data.draw(st.integers(0, len(hello) - 1))] = data.draw(st.integers(0, 255))
    try:
        passed = HelloGuard(HOST).feed(bytes(hello))
    except HelloError:
        return
    assert passed in {b"", bytes(hello)}
    if passed:
        assert HOST.encode() in bytes(hello).lower()


@given(st.lists(st.binary(min_size=1, max_size=200), max_size=6), st.integers(1, 64))
def test_content_passes_unchanged_however_it_arrives(pieces: list[bytes], step: int) -> None:
    data = record(message(sni(HOST.encode()))) + b"".join(record(piece, 23) for piece in pieces)
    guard = HelloGuard(HOST)
    assert b"".join(guard.feed(data[at : at + step]) for at in range(0, len(data), step)) == data
