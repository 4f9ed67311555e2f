"""Checkpoints, and the key that is gone after each."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace import checkpoint, note
from nucleus.trace.checkpoint import ORIGIN, Checkpoint, Signer

ROOT = bytes(range(32))


def test_a_checkpoint_is_read_back() -> None:
    signer = Signer("t")
    first = signer.public()
    signed, following = signer.prepare(7, ROOT, 10**18, last=False)
    point = checkpoint.parse(note.verify(note.parse(signed.encode()), [first]))
    signer.evolve(following)
    assert point == Checkpoint(ORIGIN + "t", 7, ROOT, 10**18, signer.public())


def test_each_checkpoint_is_signed_by_the_key_that_the_one_before_names() -> None:
    signer = Signer("t")
    key = signer.public()
    for size in range(1, 5):
        signed, following = signer.prepare(size, ROOT, size, last=size == 4)
        signer.evolve(following)
        point = checkpoint.parse(note.verify(note.parse(signed.encode()), [key]))
        if point.next_key is not None:
            with pytest.raises(TraceError):
                note.verify(note.parse(signed.encode()), [point.next_key])
            key = point.next_key
    assert point.next_key is None


def test_after_the_last_checkpoint_no_key_is_left() -> None:
    signer = Signer("t")
    _, following = signer.prepare(1, ROOT, 1, last=True)
    signer.evolve(following)
    with pytest.raises(TraceError, match="no key"):
        signer.prepare(2, ROOT, 2, last=True)
    with pytest.raises(TraceError, match="no key"):
        signer.public()


def test_a_signer_holds_no_key_but_the_next() -> None:
    """Forward security: what a thief of the process finds can't sign what was signed before."""
    signer = Signer("t")
    old = signer.public()
    _, following = signer.prepare(1, ROOT, 1, last=False)
    signer.evolve(following)
    stolen, _ = signer.prepare(1, b"\x01" * 32, 1, last=False)
    with pytest.raises(TraceError):
        note.verify(note.parse(stolen.encode()), [old])


TEXT = Checkpoint(ORIGIN + "t", 7, ROOT, 10**18, None).text()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("7\n", "07\n"),
        ("7\n", "-7\n"),
        ("7\n", "7 \n"),
        ("7\n", "\u0667\n"),
        ("AAEC", "AAE\nC"),
        ("AAEC", "AAED="),
        ("Hh8=", "Hh9="),
        ("time ", "tine "),
        ("time 1", "time 01"),
        ("next end", "next "),
        ("next end", "next end\nmore"),
        (ORIGIN, "elsewhere/"),
        ("time 1", "time " + "9" * 30),
    ],
)
def test_other_spellings_are_refused(old: str, new: str) -> None:
    assert old in TEXT
    with pytest.raises(TraceError):
        checkpoint.parse(TEXT.replace(old, new, 1))


@given(st.text(max_size=80) | st.lists(st.sampled_from(TEXT.split("\n")), max_size=7).map("\n".join))
def test_hostile_text_raises_or_is_canonical(text: str) -> None:
    try:
        point = checkpoint.parse(text)
    except TraceError:
        return
    assert point.text() == text
