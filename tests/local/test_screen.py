"""What a box may say to a terminal: text and drawing pass; what acts, or is answered, does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.local.screen import ANSWER, SEQUENCE_LIMIT, Screen

DROPPED = {
    "the clipboard": b"\x1b]52;c;Zm9v\a",
    "the clipboard, ended by ST": b"\x1b]52;c;Zm9v\x1b\\",
    "the clipboard, by an 8-bit OSC": b"\xc2\x9d52;c;Zm9v\xc2\x9c",
    "asking for the clipboard": b"\x1b]52;c;?\a",
    "a title": b"\x1b]0;rm -rf\a",
    "a link": b"\x1b]8;;http://evil.example/\a",
    "a notification": b"\x1b]9;hello\a",
    "asking for a colour": b"\x1b]10;?\a",
    "asking for the title": b"\x1b[21t",
    "moving the window": b"\x1b[3;0;0t",
    "a setting (DECRQSS)": b'\x1bP$q"p\x1b\\',
    "a sixel image": b"\x1bPq#0;2;0;0;0~\x1b\\",
    "an image from a file": b"\x1b_Gt=f,a=T;L2V0Yy9wYXNzd2Q=\x1b\\",
    "a privacy message": b"\x1b^secret\x1b\\",
    "a string": b"\x1bXsecret\x1b\\",
    "the answerback": b"\x05",
    "who are you": b"\x1bZ",
    "primary attributes": b"\x1b[c",
    "secondary attributes": b"\x1b[>c",
    "tertiary attributes": b"\x1b[=c",
    "a status report": b"\x1b[5n",
    "a private report": b"\x1b[?15n",
    "the terminal's parameters": b"\x1b[x",
    "a checksum of the screen": b"\x1b[1;1;1;1;2;2*y",
    "printing": b"\x1b[5i",
    "the name of the terminal": b"\x1b[>q",
    "asking for a mode": b"\x1b[?2026$p",
    "the keyboard's state": b"\x1b[?u",
    "a full reset": b"\x1bc",
    "another character set": b"\x1b%G",
    "a double-height line": b"\x1b#3",
    "an 8-bit CSI": b"\xc2\x9b21t",
    "redefined keys": b"\x1bP1;1|17/726d\x1b\\",
    "a mode that nobody listed": b"\x1b[?1337h",
}
PASSED = {
    "colours": b"\x1b[1;38;2;10;20;30mred\x1b[0m",
    "the cursor": b"\x1b[2J\x1b[H\x1b[10;20Hx\x1b[3A\x1b[K",
    "margins and scrolling": b"\x1b[2;20r\x1b[3S\x1bM",
    "the alternate screen": b"\x1b[?1049h\x1b[?25l\x1b[?1049l\x1b[?25h",
    "pasting": b"\x1b[?2004h",
    "the cursor's shape": b"\x1b[5 q",
    "lines": b"\x1b(0lqk\x1b(B",
    "where the cursor is": b"\x1b[6n",
    "control characters of text": b"a\tb\bc\r\nd\a",
    "letters of the world": "Grüße, 世界 🙂\n".encode(),
}


@pytest.mark.parametrize("name", DROPPED)
def test_what_acts_on_the_terminal_or_is_answered_is_dropped(name: str) -> None:
    assert Screen().feed(b"before" + DROPPED[name] + b"after") == b"beforeafter"


@pytest.mark.parametrize("name", DROPPED)
def test_cut_into_single_bytes_it_is_dropped_too(name: str) -> None:
    screen = Screen()
    text = b"before" + DROPPED[name] + b"after"
    assert b"".join(screen.feed(text[at : at + 1]) for at in range(len(text))) == b"beforeafter"


@pytest.mark.parametrize("name", PASSED)
def test_what_draws_passes_as_it_is(name: str) -> None:
    assert Screen().feed(PASSED[name]) == PASSED[name]


def test_a_sequence_within_a_string_does_not_get_out() -> None:
    assert Screen().feed(b"a\x1b]0;\x1b[21t\x1b]52;c;x\ab") == b"ab"


def test_an_endless_sequence_is_dropped_and_holds_little() -> None:
    screen = Screen()
    assert screen.feed(b"\x1b[" + b"1;" * 100_000 + b"mtext") == b"text"
    assert len(screen.feed(b"\x1b[" + b"1" * SEQUENCE_LIMIT)) == 0


def test_bytes_that_are_no_utf_8_do_not_reach_a_terminal_that_reads_them_as_controls() -> None:
    assert Screen().feed(b"a\x9b21tb").decode() == "a\N{REPLACEMENT CHARACTER}21tb"


def test_a_box_that_asks_who_the_terminal_is_gets_one_fixed_answer_from_here() -> None:
    screen = Screen()
    assert screen.feed(b"\x1b[c\x1b[0c\x1b[>c") == b""
    assert screen.take_answers() == ANSWER * 2
    assert screen.take_answers() == b""


def test_modes_are_remembered_taken_away_and_given_back() -> None:
    screen = Screen()
    screen.feed(b"\x1b[?1049h\x1b[?25l\x1b[?1003;1006h\x1b=\x1b[>1u\x1b[>4;2m")
    assert screen.alternate
    away = screen.suspended()
    for needed in (b"\x1b[?1049l", b"\x1b[?25h", b"\x1b[?1003l", b"\x1b[?1006l", b"\x1b>", b"\x1b[<1u", b"\x1b[>4m"):
        assert needed in away
    back = screen.resumed()
    for needed in (b"\x1b[?1049h", b"\x1b[?25l", b"\x1b[?1003h", b"\x1b[?1006h", b"\x1b="):
        assert needed in back
    screen.feed(b"\x1b[?1049l")
    assert not screen.alternate


@given(st.binary(max_size=300), st.integers(1, 40))
def test_no_bytes_whatever_let_a_dangerous_sequence_through(data: bytes, size: int) -> None:
    """What comes out holds no string introducer, no 8-bit control, and only sequences that pass on their own."""
    screen = Screen()
    out = b"".join(screen.feed(data[at : at + size]) for at in range(0, len(data), size))
    assert not any(bytes((0x1B, letter)) in out for letter in b"]PX^_Zc")
    assert not any(0x80 <= ord(letter) <= 0x9F for letter in out.decode())
    assert Screen().feed(out) == out


@given(st.lists(st.sampled_from(sorted(DROPPED.values()) + sorted(PASSED.values())), max_size=8), st.integers(1, 9))
def test_pieces_of_any_size_give_the_same(parts: list[bytes], size: int) -> None:
    data = b"".join(parts)
    screen = Screen()
    pieces = b"".join(screen.feed(data[at : at + size]) for at in range(0, len(data), size))
    assert pieces == Screen().feed(data)


@pytest.mark.parametrize(
    ("said", "undone"),
    [
        (b"\x1b[1;2r", b"\x1b[r"),  # a question would scroll away in two lines, its reasons unseen
        (b"\x1b(0", b"\x1b(B"),  # its letters would be lines of boxes
        (b"\x1b)0\x0e", b"\x0f"),
        (b"\x1b[4h", b"\x1b[4l"),
        (b"\x1b[20h", b"\x1b[20l"),
        (b"\x1b[8m", b"\x1b[0m"),
        (b"\x1b[?7l", b"\x1b[?7h"),
        (b"\x1b[?6h", b"\x1b[?6l"),
    ],
)
def test_nothing_that_a_box_did_to_its_terminal_changes_how_a_question_is_shown(said: bytes, undone: bytes) -> None:
    screen = Screen()
    assert said in screen.feed(said), "it is what programs do, and passes"
    assert undone in screen.suspended()
