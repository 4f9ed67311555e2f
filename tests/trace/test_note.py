"""Signed notes, against the published example and against forgers."""

import base64

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace import note
from nucleus.trace.note import VerifierKey

KEY = Ed25519PrivateKey.from_private_bytes(b"\x07" * 32)
PUBLIC = VerifierKey("example.org/log", KEY.public_key().public_bytes_raw())
TEXT = "example.org/log\n5\nroot\n"
SIGNED = note.sign(TEXT, KEY, PUBLIC.name).encode()


def test_a_signed_note_is_verified_and_gives_its_text() -> None:
    assert note.verify(note.parse(SIGNED), [PUBLIC]) == TEXT


def test_a_key_travels_as_text() -> None:
    assert note.parse_key(str(PUBLIC)) == PUBLIC


def test_the_known_key_of_the_go_checksum_database_is_read() -> None:
    text = "sum.golang.org+033de0ae+Ac4zctda0e5eza+HJyk9SxEdh+s3Ux18htTTAD8OuAn8"
    assert text == str(note.parse_key(text))


def test_text_may_hold_empty_lines() -> None:
    text = "a\n\nb\n\n"
    assert text == note.verify(note.parse(note.sign(text, KEY, "k").encode()), [VerifierKey("k", PUBLIC.public)])


def test_signatures_of_unknown_keys_are_ignored_and_do_not_suffice() -> None:
    other = Ed25519PrivateKey.from_private_bytes(b"\x08" * 32)
    extra = note.sign(TEXT, other, PUBLIC.name).split("\n\n", 1)[1]
    both = note.parse(SIGNED + extra.encode())
    assert note.verify(both, [PUBLIC]) == TEXT
    with pytest.raises(TraceError, match="none of the keys"):
        note.verify(note.parse(note.sign(TEXT, other, PUBLIC.name).encode()), [PUBLIC])


def test_a_false_signature_under_a_known_key_rejects_the_whole_note() -> None:
    forged = f"\u2014 {PUBLIC.name} {base64.b64encode(PUBLIC.id + bytes(64)).decode()}\n".encode()
    with pytest.raises(TraceError, match="does not hold"):
        note.verify(note.parse(SIGNED + forged), [PUBLIC])


@given(st.data())
def test_no_byte_of_a_note_can_be_changed(data: st.DataObject) -> None:
    changed = bytearray(SIGNED)
    changed[data.draw(st.integers(0, len(changed) - 1))] ^= data.draw(st.integers(1, 255))
    with pytest.raises(TraceError):
        note.verify(note.parse(bytes(changed)), [PUBLIC])


@given(st.binary(max_size=200) | st.text("ab \n\u2014+=", max_size=60).map(str.encode))
def test_hostile_bytes_raise_and_nothing_else(data: bytes) -> None:
    with pytest.raises(TraceError):
        note.verify(note.parse(data), [PUBLIC])


@pytest.mark.parametrize(
    "data",
    [
        b"a\n",
        b"a\n\n",
        b"a\n\n\xe2\x80\x94 n\n",
        b"a\n\n\xe2\x80\x94 n ====\n",
        b"a\n\n\xe2\x80\x94 n AAAA\n",
        b"a\n\n\xe2\x80\x94 n+m AAAAAAAA\n",
        b"a\n\n-- n AAAAAAAA\n",
        b"\xff\n\n\xe2\x80\x94 n AAAAAAAA\n",
        b"a\t\n\n\xe2\x80\x94 n AAAAAAAA\n",
        b"a\n\n" + b"\xe2\x80\x94 n AAAAAAAA\n" * 101,
        b"a" * (note.NOTE_LIMIT + 1),
    ],
)
def test_malformed_notes_are_refused(data: bytes) -> None:
    with pytest.raises(TraceError):
        note.parse(data)


@pytest.mark.parametrize("text", ["a", "a\x07\n", ""])
def test_text_that_no_note_can_hold_is_not_signed(text: str) -> None:
    with pytest.raises(TraceError):
        note.sign(text, KEY, "k")


@pytest.mark.parametrize("name", ["", "a b", "a+b", "a\u00a0b"])
def test_names_that_no_key_can_have_are_refused(name: str) -> None:
    with pytest.raises(TraceError):
        note.sign(TEXT, KEY, name)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "a+b",
        "a+00000000+AAAA",
        f"a+00000000+{base64.b64encode(bytes(33)).decode()}",
        str(PUBLIC)[:-1],
        f"x{PUBLIC}",
    ],
)
def test_malformed_keys_are_refused(text: str) -> None:
    with pytest.raises(TraceError):
        note.parse_key(text)
