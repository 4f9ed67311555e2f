"""The tree and its proofs, against the definitions of RFC 6962 and against forgers."""

from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import TraceError
from nucleus.trace.merkle import (
    EMPTY,
    Frontier,
    consistency_proof,
    inclusion_proof,
    leaf_hash,
    tree_hash,
    verify_consistency,
    verify_inclusion,
)


def entries(count: int) -> list[bytes]:
    return [sha256(b"%d" % number).digest() for number in range(count)]


def naive(found: list[bytes]) -> bytes:
    """Spell out the definition of section 2.1."""
    if not found:
        return sha256(b"").digest()
    if len(found) == 1:
        return sha256(b"\x00" + found[0]).digest()
    split = 1
    while split * 2 < len(found):
        split *= 2
    return sha256(b"\x01" + naive(found[:split]) + naive(found[split:])).digest()


def test_the_known_answers_of_certificate_transparency_hold() -> None:
    inputs = ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"]
    roots = {
        1: "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        2: "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        8: "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    }
    for size, root in roots.items():
        frontier = Frontier()
        frontier.extend([bytes.fromhex(text) for text in inputs[:size]])
        assert root == frontier.root().hex()


@given(st.lists(st.integers(0, 9), max_size=12))
def test_a_frontier_that_grows_in_steps_has_the_root_of_the_definition(steps: list[int]) -> None:
    whole = entries(sum(steps))
    frontier, done = Frontier(), 0
    for step in steps:
        frontier.extend(whole[done : done + step])
        done += step
        assert naive(whole[:done]) == frontier.root()
        assert done == frontier.size
    assert naive(whole) == tree_hash([leaf_hash(entry) for entry in whole])


def test_an_empty_tree_has_the_hash_of_nothing() -> None:
    assert EMPTY == Frontier().root() == tree_hash([])


@given(st.integers(1, 40), st.data())
def test_every_entry_has_a_proof_and_no_other_entry_has_it(size: int, data: st.DataObject) -> None:
    whole = entries(size)
    index = data.draw(st.integers(0, size - 1))
    proof, root = inclusion_proof(whole, index), naive(whole)
    verify_inclusion(whole[index], index, size, proof, root)
    with pytest.raises(TraceError):
        verify_inclusion(b"other", index, size, proof, root)
    other = data.draw(st.integers(0, size))
    if other != index:
        with pytest.raises(TraceError):
            verify_inclusion(whole[index], other, size, proof, root)
    for wrong in ([*proof, b"\x00" * 32], proof[:-1] if proof else [root]):
        with pytest.raises(TraceError):
            verify_inclusion(whole[index], index, size, wrong, root)


@given(st.integers(1, 40), st.data())
def test_every_prefix_has_a_proof_and_another_history_has_none(size: int, data: st.DataObject) -> None:
    whole = entries(size)
    first = data.draw(st.integers(1, size))
    proof, old, new = consistency_proof(whole, first), naive(whole[:first]), naive(whole)
    verify_consistency(first, size, proof, old, new)
    forked = naive([b"fork", *whole[1:first]])
    with pytest.raises(TraceError):
        verify_consistency(first, size, proof, forked, new)
    with pytest.raises(TraceError):
        verify_consistency(first, size, [*proof, old], old, new)
    if proof:
        with pytest.raises(TraceError):
            verify_consistency(first, size, proof[:-1], old, new)


@pytest.mark.parametrize(("first", "second"), [(0, 3), (4, 3), (-1, 3), (1, 1 << 60)])
def test_impossible_sizes_are_refused(first: int, second: int) -> None:
    with pytest.raises(TraceError):
        verify_consistency(first, second, [], EMPTY, EMPTY)
    with pytest.raises(TraceError):
        verify_inclusion(b"", second, second, [], EMPTY)


def test_an_entry_that_is_not_there_has_no_proof() -> None:
    with pytest.raises(IndexError):
        inclusion_proof(entries(3), 3)
    with pytest.raises(IndexError):
        consistency_proof(entries(3), 0)


@given(st.integers(0, 9), st.integers(0, 9), st.lists(st.binary(max_size=33), max_size=6), st.binary(max_size=33))
def test_hostile_proofs_raise_and_nothing_else(index: int, size: int, proof: list[bytes], root: bytes) -> None:
    for check in (
        lambda: verify_inclusion(b"x", index, size, proof, root),
        lambda: verify_consistency(index, size + 1, proof, b"y", root),
    ):
        with pytest.raises(TraceError):
            check()
