"""What an entry of an overlay's upper layer stands for.

A whiteout (character device 0/0) says that the entry is gone. A directory
with the attribute ``overlay.opaque`` hides what the layers below have there.
A file or directory with ``overlay.metacopy``, ``overlay.redirect`` or
``overlay.whiteout`` takes content or meaning from elsewhere: boxes are mounted
so that the kernel makes none, so one that is there was planted, and is refused.
Source: the kernel's ``Documentation/filesystems/overlayfs.rst``.
"""

import os
import stat
from typing import Final, NamedTuple

WHITEOUT: Final = os.makedev(0, 0)
_PREFIXES: Final = ("user.overlay.", "trusted.overlay.")
_HARMLESS: Final = frozenset({"opaque", "origin", "impure", "nlink", "upper", "uuid", "protattr"})
"""What the kernel notes for itself. All but the first mean nothing for the content."""


class Marks(NamedTuple):
    """What overlayfs noted on an entry."""

    opaque: bool = False
    odd: str = ""
    """A note that gives the entry another meaning."""


def is_whiteout(status: os.stat_result) -> bool:
    """Whether an entry says that something is gone."""
    return stat.S_ISCHR(status.st_mode) and status.st_rdev == WHITEOUT


def kind_of(mode: int) -> str:
    """Return what a mode says an entry is, in the words of ``Change.kind``."""
    for test, kind in (
        (stat.S_ISREG, "file"),
        (stat.S_ISDIR, "directory"),
        (stat.S_ISLNK, "link"),
        (stat.S_ISFIFO, "fifo"),
        (stat.S_ISSOCK, "socket"),
    ):
        if test(mode):
            return kind
    return "device"


def foreign_notes(descriptor: int) -> bool:
    """Whether an open file carries any attribute but those by which the kernel keeps its books. Raises OSError."""
    return any(_noted(name) not in _HARMLESS for name in os.listxattr(descriptor))


def _noted(name: str) -> str:
    """Return what an attribute notes for overlayfs, "" if it is another one."""
    prefix = next((each for each in _PREFIXES if name.startswith(each)), "")
    return name.removeprefix(prefix) if prefix else ""


def marks(descriptor: int) -> Marks:
    """Return what overlayfs noted on an open file or directory. Raises OSError."""
    opaque, odd = False, ""
    for name in os.listxattr(descriptor):
        note = _noted(name)
        if not note:
            continue
        if note == "opaque":
            value = os.getxattr(descriptor, name)
            opaque |= value == b"y"
            odd = odd or ("" if value == b"y" else "whiteouts as attributes")
        elif note not in _HARMLESS and not note.startswith("overlay."):
            # "overlay.overlay." is how the kernel keeps an attribute that the box itself set.
            odd = odd or note
    return Marks(opaque, odd)
