"""The SHA-256 chain over full record lines, checked in blocks, and the diagnosis of a break.

Line ``n`` starts ``{"prev":"H","seq":n,"time_ns":``, H the hex SHA-256 of line
``n - 1`` (without newline; sixty-four zeros for the first). The start is
compared byte for byte, so the check needs no parser: whatever a line says,
its bytes are the ones that the next line commits to.

What is not done: the bytes after the last link are bound by nothing here. The
checkpoints do that (``checkpoint``, ``verify``).
"""

import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from nucleus.errors import TraceError

GENESIS: Final = "0" * 64
_LINK: Final = re.compile(
    rb'\{"prev":"([0-9a-f]{64})","seq":(0|[1-9][0-9]{0,15}),"time_ns":(0|[1-9][0-9]{0,19}),"type":"'
)


def digest(line: bytes) -> bytes:
    """Return what the next record's ``prev`` holds, as bytes."""
    return sha256(line).digest()


def verify_block(lines: Sequence[bytes], seq: int, prev: str) -> list[bytes]:
    """Return the digests of ``lines``, once each is known to carry on the chain.

    ``seq`` and ``prev`` belong to the first. Raises ``TraceError`` that names
    the first bad record and what was done to it.
    """
    digests = [sha256(line).digest() for line in lines]
    links = (prev + b"".join(digests).hex()).encode()
    numbers, places = range(seq, seq + len(lines)), range(0, 64 * len(lines), 64)
    for line, number, place in zip(lines, numbers, places, strict=True):
        # INVARIANT: compares all bytes up to the end of "time_ns": (test_verify.py changes each byte of a trace).
        if not line.startswith(b'{"prev":"%b","seq":%d,"time_ns":' % (links[place : place + 64], number)):
            raise _diagnosis(lines, seq, prev)
    return digests


def _diagnosis(lines: Sequence[bytes], seq: int, prev: str) -> TraceError:
    """Return the error that names the first record that does not carry on the chain."""
    for index, line in enumerate(lines):
        link = _LINK.match(line)
        number = seq + index
        if link is None:
            return TraceError("edited: this line is not a record", record=number)
        if link[1].decode() != prev or int(link[2]) != number:
            return _named(lines, index, seq, prev)
        prev = sha256(line).hexdigest()
    return TraceError("edited: a line here does not start as a writer starts it", record=seq)


def _named(  # noqa: PLR0911  one return for each kind of damage
    lines: Sequence[bytes], index: int, seq: int, prev: str
) -> TraceError:
    """Name what was done at ``index``, from what the lines around it say of themselves."""
    number = seq + index
    claimed = [_claim(line) for line in lines[index : index + 2000]]
    says, link = claimed[0]
    if link == prev:
        return TraceError(f"edited: it carries on from record {number - 1}, but its number was changed", record=number)
    if says > number:
        if any(other == number for other, _ in claimed):
            return TraceError(f"reordered: record {says} stands where {number} belongs", record=number)
        missing = f"record {number} is" if says == number + 1 else f"records {number} to {says - 1} are"
        return TraceError(f"deleted: {missing} missing", record=number)
    if says < number:
        before = [_claim(line) for line in lines[max(0, index - 2000) : index]]
        twin = next((at for at, (other, _) in enumerate(before) if other == says), None)
        if twin is None or lines[max(0, index - 2000) + twin] == lines[index]:
            return TraceError(f"inserted: a copy of record {says} stands where {number} belongs", record=number)
        return _two_of_a_number(lines, index, number, says)
    if len(claimed) > 1 and claimed[1][1] != sha256(lines[index]).hexdigest():
        return TraceError("edited: its link to the record before it was changed", record=number)
    if index == 0 and number == 0:
        return TraceError("edited: the first record does not start a chain", record=0)
    return TraceError(f"edited: record {number} no longer commits to it", record=max(0, number - 1))


def _two_of_a_number(lines: Sequence[bytes], index: int, number: int, says: int) -> TraceError:
    """Two different lines claim number ``says``: the genuine one is the one that the next record commits to."""
    follower = next((link for other, link in map(_claim, lines[index + 1 :]) if other == says + 1), None)
    if says == number - 1 and (follower is None or follower == sha256(lines[index]).hexdigest()):
        return TraceError("inserted: a record that nothing commits to", record=number - 1)
    return TraceError(f"inserted: a second record {says} stands where {number} belongs", record=number)


def _claim(line: bytes) -> tuple[int, str]:
    """Return the number and the link that a line claims, (-1, "") if it is no record."""
    link = _LINK.match(line)
    return (-1, "") if link is None else (int(link[2]), link[1].decode())
