"""Merkle tree hash, frontier and proofs of RFC 6962 section 2.1 (RFC 9162 section 2.1).

The entries of a trace's tree are the 32-byte SHA-256 digests of its lines, so
one pass over the lines serves chain and tree. A frontier is what is needed to
go on: one hash for each bit that is set in the size.
"""

from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from nucleus.errors import TraceError

EMPTY: Final = sha256(b"").digest()
SIZE_LIMIT: Final = (1 << 53) - 1


def leaf_hash(entry: bytes) -> bytes:
    """Return the hash of one entry."""
    return sha256(b"\x00" + entry).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees."""
    return sha256(b"\x01" + left + right).digest()


class Frontier:
    """A tree that can grow and tell its root, in memory logarithmic in its size."""

    __slots__ = ("_nodes", "size")

    def __init__(self) -> None:
        self.size = 0
        self._nodes: list[bytes] = []

    def extend(self, entries: Sequence[bytes]) -> None:
        """Append ``entries``: each level pairs up, and what is left over waits for the next call."""
        self.size += len(entries)
        hashes = [sha256(b"\x00" + entry).digest() for entry in entries]
        nodes = self._nodes
        level = 0
        while hashes:
            if level == len(nodes):
                nodes.append(b"")
            if nodes[level]:
                hashes.insert(0, nodes[level])
                nodes[level] = b""
            if len(hashes) & 1:
                nodes[level] = hashes.pop()
            pairs = iter(hashes)
            hashes = [sha256(b"\x01" + left + right).digest() for left, right in zip(pairs, pairs, strict=True)]
            level += 1

    def root(self) -> bytes:
        """Return the Merkle tree hash of all entries so far."""
        root = b""
        for node in self._nodes:
            if node:
                root = node_hash(node, root) if root else node
        return root or EMPTY


def tree_hash(hashes: Sequence[bytes]) -> bytes:
    """Return the root over leaf hashes, by the definition: the left subtree is the largest power of two."""
    if not hashes:
        return EMPTY
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return node_hash(tree_hash(hashes[:split]), tree_hash(hashes[split:]))


def inclusion_proof(entries: Sequence[bytes], index: int) -> list[bytes]:
    """Return the proof that ``entries[index]`` is in the tree over ``entries``. Raises IndexError."""
    if not 0 <= index < len(entries):
        raise IndexError(f"no entry {index} in a tree of {len(entries)}")
    return _path([leaf_hash(entry) for entry in entries], index)


def consistency_proof(entries: Sequence[bytes], first: int) -> list[bytes]:
    """Return the proof that the tree over the first ``first`` entries is a prefix. Raises IndexError."""
    if not 0 < first <= len(entries):
        raise IndexError(f"no prefix of {first} in a tree of {len(entries)}")
    return _subproof([leaf_hash(entry) for entry in entries], first, whole=True)


def verify_inclusion(entry: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes) -> None:
    """Know that ``entry`` is at ``index`` of the tree with ``size`` and ``root`` (RFC 9162 section 2.1.3.2).

    Raises ``TraceError``.
    """
    if not 0 <= index < size <= SIZE_LIMIT:
        raise TraceError(f"entry {index} can't be in a tree of {size}")
    place, last, result = index, size - 1, leaf_hash(entry)
    for step in proof:
        if last == 0:
            raise TraceError("the inclusion proof is too long")
        if place & 1 or place == last:
            result = node_hash(step, result)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            result = node_hash(result, step)
        place, last = place >> 1, last >> 1
    if last != 0 or result != root:
        raise TraceError(f"entry {index} is not in the tree of {size} with this root")


def verify_consistency(  # noqa: C901  the steps of the RFC, in its order
    first: int, second: int, proof: Sequence[bytes], old: bytes, new: bytes
) -> None:
    """Know that the tree (``first``, ``old``) is a prefix of (``second``, ``new``) (RFC 9162 section 2.1.4.2).

    Raises ``TraceError``.
    """
    if not 0 < first <= second <= SIZE_LIMIT:
        raise TraceError(f"a tree of {first} can't be a prefix of one of {second}")
    if first == second:
        if proof or old != new:
            raise TraceError("two trees of one size with different roots")
        return
    steps = list(proof) if first & (first - 1) else [old, *proof]
    if not steps:
        raise TraceError("the consistency proof is too short")
    place, last = first - 1, second - 1
    while place & 1:
        place, last = place >> 1, last >> 1
    left = right = steps[0]
    for step in steps[1:]:
        if last == 0:
            raise TraceError("the consistency proof is too long")
        if place & 1 or place == last:
            left, right = node_hash(step, left), node_hash(step, right)
            while place and not place & 1:
                place, last = place >> 1, last >> 1
        else:
            right = node_hash(right, step)
        place, last = place >> 1, last >> 1
    if last != 0 or left != old or right != new:
        raise TraceError(f"the tree of {first} is not a prefix of the tree of {second}")


def _split(size: int) -> int:
    """Return the largest power of two below ``size``."""
    return 1 << (size - 1).bit_length() - 1


def _path(hashes: Sequence[bytes], index: int) -> list[bytes]:
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*_path(hashes[:split], index), tree_hash(hashes[split:])]
    return [*_path(hashes[split:], index - split), tree_hash(hashes[:split])]


def _subproof(hashes: Sequence[bytes], first: int, *, whole: bool) -> list[bytes]:
    if first == len(hashes):
        return [] if whole else [tree_hash(hashes)]
    split = _split(len(hashes))
    if first <= split:
        return [*_subproof(hashes[:split], first, whole=whole), tree_hash(hashes[split:])]
    return [*_subproof(hashes[split:], first - split, whole=False), tree_hash(hashes[:split])]
