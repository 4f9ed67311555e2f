"""Lines are cut the same way however the bytes arrive, and an endless line costs a bounded amount."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.framing import Lines, Oversize


def fed(chunks: list[bytes], limit: int = 64) -> list[bytes | Oversize]:
    lines = Lines(limit)
    return [line for chunk in chunks for line in lines.feed(chunk)]


@given(st.binary(max_size=400), st.lists(st.integers(0, 400), max_size=6))
def test_where_the_stream_is_cut_makes_no_difference(data: bytes, cuts: list[int]) -> None:
    edges = [0, *sorted(cut for cut in cuts if cut <= len(data)), len(data)]
    pieces = [data[start:end] for start, end in itertools.pairwise(edges)]
    assert fed(pieces) == fed([data])
    assert fed([bytes([byte]) for byte in data]) == fed([data])


@given(st.lists(st.binary(max_size=80), max_size=8))
def test_each_line_comes_out_once_and_too_long_ones_as_such(lines: list[bytes]) -> None:
    lines = [line.replace(b"\n", b"x") for line in lines]
    expected = [Oversize(64) if len(line) > 64 else line for line in lines if line.strip() or len(line) > 64]
    assert fed([b"".join(line + b"\n" for line in lines)]) == expected


def test_one_line_in_one_piece_is_cut_as_any_other() -> None:
    for line in (b"{}\n", b"\n", b" \r\n", b"x" * 64 + b"\n", b"x" * 65 + b"\n", b"a\nb\n"):
        assert fed([line]) == fed([bytes([byte]) for byte in line])
        assert fed([b"{", b"}\n", line]) == [b"{}", *fed([line])]


def test_an_endless_line_is_reported_once_and_never_held() -> None:
    lines = Lines(64)
    found = [line for _ in range(100) for line in lines.feed(b"x" * 50)]
    assert found == [Oversize(64)]
    assert len(lines._held) <= 64
    assert lines.unfinished
    assert list(lines.feed(b"tail\n{}\n")) == [b"{}"]


def test_an_unfinished_line_is_known() -> None:
    lines = Lines()
    assert list(lines.feed(b'{"a":')) == []
    assert lines.unfinished
    assert list(lines.feed(b"1}\n")) == [b'{"a":1}']
    assert not lines.unfinished
