"""A single file of an agent's in home: shown without its credentials, and what the agent made of it.

The box's home is gone with the box; a descriptor of it keeps it until it was
read. What was left out when the file was shown is put back before anybody is
asked: the change that waits is the agent's, and no loss of a credential.
"""

import json
import os
import stat
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Final, NamedTuple

FILE_LIMIT: Final = 16 << 20
"""Bytes of a state file."""
Left = Callable[[str], bytes | None]
"""(path relative to home) -> what the box's home has there at the end, None for no regular file of a sane size."""
_ABSENT: Final = object()


class StateFile(NamedTuple):
    """One file. ``name`` is relative to home."""

    name: str
    original: bytes | None
    """What the owner has; None for no file."""
    shown: bytes | None
    """What the box was given."""

    def changed(self, after: bytes | None) -> bytes | None:
        """Return what the file would be with the agent's change, None for no change. A file that is gone is none.

        Raises ValueError where the change and what was left out can't be told apart.
        """
        if after is None or after == self.shown:
            return None
        if self.original is None or self.shown is None or self.original == self.shown:
            return None if after == self.original else after
        before, seen, now = (_parsed(text) for text in (self.original, self.shown, after))
        if before == seen:
            return after if now != before else None
        found = _merged(before, seen, now)
        return None if found == before else (json.dumps(found, indent=2, ensure_ascii=False) + "\n").encode()


def left_in(home: int, name: str) -> bytes | None:
    """Return a file below a descriptor, None for what is no regular file or too large. No link is followed."""
    from nucleus.apply.beneath import directory, regular, split

    above, last = split(name)
    with (
        suppress(OSError),
        directory(home, above) as folder,
        regular(folder, last) as number,
        open(number, "rb", closefd=False) as file,
    ):
        content = file.read(FILE_LIMIT + 1)
        return content if len(content) <= FILE_LIMIT else None
    return None


def put(layer: str, home: str, name: str, content: bytes) -> None:
    """Write a file into a layer over home; it and the directories above it have the modes of home's. Raises OSError."""
    place = os.path.join(layer, name)
    os.makedirs(os.path.dirname(place), mode=0o700, exist_ok=True)
    with open(os.open(place, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600), "wb") as file:
        file.write(content)
    while name:
        with suppress(FileNotFoundError):
            os.chmod(os.path.join(layer, name), stat.S_IMODE(os.stat(os.path.join(home, name)).st_mode) & 0o777)
        name = os.path.dirname(name)


def _parsed(text: bytes) -> Any:
    """Return JSON. Raises ValueError for what is none: of another format nobody here knows what was left out."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ValueError("it was shown without its credentials, and is no JSON") from error


def _merged(before: Any, seen: Any, now: Any) -> Any:
    """Return ``before`` with what differs between ``seen`` and ``now``. Raises ValueError."""
    if now == seen:
        return before
    if isinstance(before, dict) and isinstance(seen, dict) and isinstance(now, dict):
        names = [*before, *(name for name in now if name not in before)]
        merged = {name: _entry(*(one.get(name, _ABSENT) for one in (before, seen, now))) for name in names}
        return {name: value for name, value in merged.items() if value is not _ABSENT}
    if before == seen:
        return now
    if isinstance(before, list) and isinstance(now, list) and len(before) == len(seen) == len(now):
        return [_merged(*three) for three in zip(before, seen, now, strict=True)]
    raise ValueError("it changed what was shown without its credentials")


def _entry(before: Any, seen: Any, now: Any) -> Any:
    if now is _ABSENT:
        # What was not shown was not taken away.
        return before if seen is _ABSENT else _ABSENT
    return now if seen is _ABSENT else _merged(before, seen, now)
