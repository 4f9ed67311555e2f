"""A terminal gets text and colours, whatever a sealed process prints and wherever it is cut."""

import re
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.seal.terminal import TerminalFilter

ATTACKS = {
    "write the clipboard": "\x1b]52;c;cm0gLXJmIH4=\x07",
    "write the clipboard, other end": "\x1b]52;c;cm0gLXJmIH4=\x1b\\",
    "write the clipboard, 8 bit": "\x9d52;c;cm0gLXJmIH4=\x9c",
    "set the title": "\x1b]0;title\x07",
    "have the title typed": "\x1b[21t",
    "have an answer typed": "\x1b[c\x1b[5n\x1b[6n\x1b[>q\x1b[0x",
    "have a setting typed": "\x1bP$q\x1b\\",
    "move over earlier lines": "\x1b[5A\x1b[1;1H\x1b[2J\x1b[3J\x1bc\x1b7\x1b8\x1bM",
    "another screen": "\x1b[?1049h",
    "paste mode and mouse": "\x1b[?2004h\x1b[?1000h",
    "other letters": "\x1b(0\x1b)0\x1b%@\x0e\x0f",
    "inline file": "\x1b]1337;File=name=eA==:eA==\x07",
    "application string": "\x1b_Gf=100;AAAA\x1b\\",
    "control picture of delete and bell": "\x7f\x07\x00\x05",
    "colour with an intermediate": "\x1b[1 m\x1b[>4;2m\x1b[?4m",
    "endless sequence": "\x1b[" + "1;" * 1000 + "m",
}


def shown(pieces: Iterable[bytes]) -> str:
    """Return what a terminal gets of these pieces."""
    one = TerminalFilter()
    return b"".join(map(one.feed, pieces)).decode()


@pytest.mark.parametrize("name", ATTACKS)
def test_a_terminal_is_not_made_to(name: str) -> None:
    assert shown([b"before ", ATTACKS[name].encode(), b" after"]) == "before  after"


def test_text_colours_and_line_ends_pass() -> None:
    text = "plain ü 漢\t\x1b[1;31mred\x1b[0m \x1b[38:2:1:2:3mx\x1b[m\x1b[K\r\nnext\b"
    assert shown([text.encode()]) == text


def test_a_broken_sequence_does_not_take_the_next_line_with_it() -> None:
    assert shown([b"\x1b[1;\nline"]) == "\nline"
    assert shown([b"\x1b\nline"]) == "\nline"
    assert shown([b"\x1b]0;unfinished\x18line"]) == "line"
    assert shown([b"\x1b]0;x\x1b[31mred"]) == "\x1b[31mred"


def test_bytes_that_are_no_text_are_shown_as_such() -> None:
    assert shown([b"a\xff\x9bb"]) == "a\ufffd\ufffdb"


@given(st.lists(st.sampled_from([*ATTACKS.values(), "text", "\x1b", "[", "]", "\x1b[1m", "\x9b", "\\", "m", "\n"])))
def test_where_the_stream_is_cut_makes_no_difference(parts: list[str]) -> None:
    whole = "".join(parts).encode()
    assert shown([whole]) == shown([whole[i : i + 1] for i in range(len(whole))])


@given(st.text(alphabet=st.sampled_from("\x1b[]P;?0159mKAHc\x07\x9b\x9c\x9d\\\n x\x18\x00")))
def test_no_control_is_ever_shown_but_the_harmless(text: str) -> None:
    rest = re.sub(r"\x1b\[[0-9;:]*[mK]", "", shown([text.encode()]))
    assert not re.search(r"[\x00-\x07\x0b\x0c\x0e-\x1f\x7f-\x9f]", rest)
