"""The chain in blocks agrees with a naive one, and a break is named for what was done."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace.canonical import encode
from nucleus.trace.chain import GENESIS, digest, verify_block


def chain(count: int, first: int = 0, prev: str = GENESIS) -> list[bytes]:
    lines = []
    for seq in range(first, first + count):
        line = encode({"prev": prev, "seq": seq, "time_ns": 10**18 + seq, "type": "close", "reason": f"r{seq}"})
        prev = sha256(line).hexdigest()
        lines.append(line)
    return lines


LINES = chain(12)


@pytest.mark.parametrize("first", [0, 5, 95, 9_995, 10**15 - 3])
def test_a_chain_gives_the_digest_of_each_line(first: int) -> None:
    prev = "a" * 64
    lines = chain(12, first, prev)
    assert [sha256(line).digest() for line in lines] == verify_block(lines, first, prev)
    assert digest(lines[0]) == verify_block(lines, first, prev)[0]


@given(st.integers(0, 11), st.data())
def test_a_changed_byte_is_found_unless_nothing_commits_to_it(index: int, data: st.DataObject) -> None:
    changed = bytearray(LINES[index])
    place = data.draw(st.integers(0, len(changed) - 1))
    changed[place] ^= data.draw(st.integers(1, 255))
    lines = [*LINES[:index], bytes(changed), *LINES[index + 1 :]]
    if index == 11 and place > LINES[index].index(b'"time_ns":') + 9:
        assert len(verify_block(lines, 0, GENESIS)) == 12  # the last line's tail: checkpoints bind it
        return
    with pytest.raises(TraceError) as caught:
        verify_block(lines, 0, GENESIS)
    # With nothing after it, an edited link can't be told from an edited record before it.
    assert caught.value.record in ({index} if index < 11 else {10, 11})


def named(lines: list[bytes]) -> tuple[int, str]:
    with pytest.raises(TraceError) as caught:
        verify_block(lines, 0, GENESIS)
    return caught.value.record, caught.value.message.split(":")[0]


@pytest.mark.parametrize("index", range(11))
def test_a_deleted_record_is_named(index: int) -> None:
    assert named(LINES[:index] + LINES[index + 1 :]) == (index, "deleted")


def test_deleted_records_are_counted() -> None:
    with pytest.raises(TraceError, match="records 3 to 5 are missing"):
        verify_block(LINES[:3] + LINES[6:], 0, GENESIS)


@pytest.mark.parametrize("index", range(11))
def test_two_swapped_records_are_named(index: int) -> None:
    lines = [*LINES[:index], LINES[index + 1], LINES[index], *LINES[index + 2 :]]
    assert named(lines) == (index, "reordered")


@pytest.mark.parametrize("index", range(12))
def test_a_copied_record_is_named(index: int) -> None:
    assert named([*LINES[: index + 1], LINES[index], *LINES[index + 1 :]]) == (index + 1, "inserted")


@pytest.mark.parametrize("index", range(1, 12))
def test_a_forged_record_that_fits_the_one_before_is_named(index: int) -> None:
    prev = sha256(LINES[index - 1]).hexdigest()
    forged = encode({"prev": prev, "seq": index, "time_ns": 1, "type": "close", "reason": "forged"})
    assert named([*LINES[:index], forged, *LINES[index:]]) == (index, "inserted")


@pytest.mark.parametrize("index", range(11))
def test_a_changed_number_is_an_edit(index: int) -> None:
    lines = list(LINES)
    lines[index] = lines[index].replace(b'"seq":%d,' % index, b'"seq":%d,' % (index + 3))
    assert named(lines) == (index, "edited")


@given(st.lists(st.binary(max_size=140) | st.sampled_from(LINES), min_size=1, max_size=6))
def test_hostile_lines_raise_and_nothing_else(lines: list[bytes]) -> None:
    if lines != LINES[: len(lines)]:
        with pytest.raises(TraceError):
            verify_block(lines, 0, GENESIS)
