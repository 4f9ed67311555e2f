"""Commits with other parents and a signature: the same tree, author, committer, dates and message. Pure.

A commit object is headers, an empty line, and a message (git's
``Documentation/gitformat-signature.txt``). The signature is over the object
without it, and stands in a header whose further lines begin with a blank.
"""

import re
from collections.abc import Mapping
from typing import Final

_SIGNATURES: Final = (b"gpgsig", b"gpgsig-sha256")
_MAIL: Final = re.compile(rb"<([^<>\n]*)> [0-9]+ [+-][0-9]{4}$")


def parents(commit: bytes) -> list[str]:
    """Return the parents of a commit object."""
    return [value.decode("ascii", "replace") for key, value in _headers(commit)[0] if key == b"parent"]


def committer(commit: bytes) -> str:
    """Return the committer's mail address, "" where there is none."""
    found = next((_MAIL.search(value) for key, value in _headers(commit)[0] if key == b"committer"), None)
    return found[1].decode("utf-8", "replace") if found else ""


def is_signed(commit: bytes) -> bool:
    """Whether a commit carries a signature."""
    return any(key in _SIGNATURES for key, _ in _headers(commit)[0])


def reparented(commit: bytes, moved: Mapping[str, str]) -> bytes:
    """Return the commit on other parents, without any signature: that was over other bytes."""
    headers, message = _headers(commit)
    lines = []
    for key, value in headers:
        if key in _SIGNATURES:
            continue
        if key == b"parent":
            name = value.decode("ascii", "replace")
            value = moved.get(name, name).encode()  # noqa: PLW2901  the header with its new value
        lines.append(key + b" " + value.replace(b"\n", b"\n "))
    return b"\n".join(lines) + b"\n" + message


def signed(commit: bytes, signature: str, *, sha256: bool = False) -> bytes:
    """Return an unsigned commit with a signature. Raises ValueError for an empty one."""
    text = signature.strip().encode()
    if not text.startswith(b"-----BEGIN "):
        raise ValueError("what the signing program gave back is no armored signature")
    headers, message = _headers(commit)
    name = b"gpgsig-sha256" if sha256 else b"gpgsig"
    lines = [key + b" " + value.replace(b"\n", b"\n ") for key, value in headers]
    lines.append(name + b" " + text.replace(b"\n", b"\n "))
    return b"\n".join(lines) + b"\n" + message


def _headers(commit: bytes) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """Return the headers, folded lines joined, and the rest from the empty line on."""
    head, line, message = commit.partition(b"\n\n")
    found: list[tuple[bytes, bytes]] = []
    for each in head.split(b"\n"):
        if each.startswith(b" ") and found:
            found[-1] = (found[-1][0], found[-1][1] + b"\n" + each[1:])
        else:
            key, _, value = each.partition(b" ")
            found.append((key, value))
    return found, (b"\n" + message) if line else b""
