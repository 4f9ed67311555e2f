"""A source: lines, positions, masking, encodings."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.text import Source, decode, encode, visible


def test_positions_count_from_one_and_lines_end_at_line_feeds() -> None:
    source = Source("a", "ab\r\ncd\n\ne")
    assert [source.position(at) for at in (0, 2, 4, 7, 8)] == [(1, 1), (1, 3), (2, 1), (3, 1), (4, 1)]
    assert source.line_span(1) == (0, 2)
    assert source.line_span(4) == (8, 9)


@given(st.text(alphabet="ab\r\n\u00e9", max_size=60), st.integers(0, 60))
def test_a_position_leads_back_to_its_offset(text: str, at: int) -> None:
    """For every offset of every text."""
    source = Source("a", text)
    at = min(at, len(text))
    line, column = source.position(at)
    assert source.starts[line - 1] + column - 1 == at


def test_a_masked_stretch_is_never_shown_whole_or_in_part() -> None:
    source = Source("a", 'key = "hunter2"')
    source.mask(7, 14)
    assert source.shown(0, 15) == 'key = "*******"'
    assert source.shown(9, 12) == "***"
    assert source.secrets() == {"hunter2"}


def test_what_a_terminal_would_obey_is_replaced() -> None:
    assert visible("a\x1b[31mb\u202ec\ud800") == "a\ufffd[31mb\ufffdc\ufffd"
    assert visible("tab\tstays") == "tab\tstays"


@pytest.mark.parametrize(
    "data",
    [b"plain", b"\xef\xbb\xbfwith mark", b"\xff\xfea\x00b\x00", b"\xfe\xff\x00a\x00b", "\u00e9\r\n".encode()],
)
def test_bytes_come_back_as_they_were(data: bytes) -> None:
    """An edit changes only what it touches, byte order mark and line endings included."""
    source = decode("a", data)
    assert encode(source, source.text) == data


def test_what_is_no_text_is_an_error() -> None:
    with pytest.raises(UnicodeDecodeError):
        decode("a", b"\x80\x81")
