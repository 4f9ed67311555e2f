"""Which hidden files git's history keeps: what is committed can't be hidden by hiding a file. Pure but for one read.

The names that git tracks now are in the index, which is parsed here, and not
by git: nothing of the repository is run. What was committed once and is not
tracked any more is not found; the page of limits says so.
Source: git's ``gitformat-index``, versions 2 to 4.
"""

import os
import struct
from collections.abc import Iterable
from typing import Final

from nucleus.local.toolchain import regular
from nucleus.policy.worktree import FOLDER, linked

INDEX_LIMIT: Final = 256 << 20
"""Bytes of an index that is read."""
_HEADER: Final = struct.Struct(">4sII")
_STAT: Final = 40
_EXTENDED: Final = 0x4000


class UnreadableIndexError(ValueError):
    """The index can't be read."""


def kept_in_history(workspace: str, hidden: Iterable[str]) -> list[str] | None:
    """Return the hidden paths that git tracks, or below which it does; None if that can't be known.

    Without a repository in the workspace there is no history in it.
    """
    storage = os.path.join(workspace, ".git")
    if not os.path.lexists(storage):
        return []
    if not os.path.isdir(storage):
        found = linked(workspace)
        if found is None:
            return []  # a file of another kind: what it names is not shown in a box
        storage = found.own
    try:
        data = regular(os.path.join(storage, "index"), INDEX_LIMIT + 1)
        names = index_names(data, object_size=_object_size(storage))
    except FileNotFoundError:
        return []
    except (OSError, ValueError, IndexError, struct.error):
        return None
    veiled = set(hidden)
    return sorted({found for name in names for found in _prefixes(name) if found in veiled})


def index_names(data: bytes, object_size: int = 20) -> list[str]:
    """Return the paths of an index. Raises ValueError, IndexError or struct.error for what is none."""
    if len(data) > INDEX_LIMIT:
        raise UnreadableIndexError("it is too large")
    sign, version, count = _HEADER.unpack_from(data)
    if sign != b"DIRC" or version not in {2, 3, 4}:
        raise UnreadableIndexError("it is no index of a known version")
    at, name, names = _HEADER.size, b"", []
    for _ in range(count):
        start = at
        (flags,) = struct.unpack_from(">H", data, at + _STAT + object_size)
        at += _STAT + object_size + 2 + (2 if flags & _EXTENDED and version >= 3 else 0)
        if version == 4:
            cut, at = _varint(data, at)
            if cut > len(name):
                raise UnreadableIndexError("a name is shorter than nothing")
            name = name[: len(name) - cut]
        end = data.index(b"\0", at)
        name = name + data[at:end] if version == 4 else data[at:end]
        names.append(os.fsdecode(name))
        at = end + 1 if version == 4 else start + (end - start + 8) // 8 * 8
    return names


def _varint(data: bytes, at: int) -> tuple[int, int]:
    """Return a number as git's packs write offsets, and where it ends."""
    value = data[at] & 0x7F
    while data[at] & 0x80:
        at += 1
        value = (value + 1) << 7 | data[at] & 0x7F
    return value, at + 1


def _object_size(storage: str) -> int:
    """Return the bytes of an object's name in this repository."""
    try:
        text = regular(_config(storage), 1 << 20).decode("utf-8", "replace").lower()
    except OSError:
        return 20
    return 32 if "objectformat" in text and "sha256" in text else 20


def _config(storage: str) -> str:
    """Return the configuration of a repository, from its storage or a linked worktree's own part of it."""
    above, folder = os.path.split(os.path.dirname(storage))
    shared = above if folder == FOLDER and os.path.lexists(os.path.join(storage, "commondir")) else storage
    return os.path.join(shared, "config")


def _prefixes(name: str) -> Iterable[str]:
    parts = name.split("/")
    return ("/".join(parts[:size]) for size in range(1, len(parts) + 1))
