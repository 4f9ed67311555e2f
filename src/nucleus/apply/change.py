"""What a run wants to change on the host, one difference at a time."""

import os
import unicodedata
from collections.abc import Callable, Sequence
from typing import Any, Final, NamedTuple, final

from nucleus.apply.beneath import Stamp
from nucleus.lean import dataclass

PLAIN: Final = "plain"
"""Text and data that nothing runs by itself."""
FLAGGED: Final = "flagged"
"""Runs when a person or CI builds: applied, and named to the reviewer."""
HELD: Final = "held"
"""Never applied without somebody's yes."""
CONTROL: Final = "control"
"""Steers an agent, a shell, version control or Nucleus: never applied without somebody's yes."""
GIT: Final = "git"
"""Git's own storage: never applied as files."""
CATEGORIES: Final = (PLAIN, FLAGGED, HELD, CONTROL, GIT)

ADDED: Final = "added"
CHANGED: Final = "changed"
DELETED: Final = "deleted"
MODE: Final = "mode"
LINK: Final = "link"
SPECIAL: Final = "special"
WHATS: Final = (ADDED, CHANGED, DELETED, MODE, LINK, SPECIAL)

REF: Final = "ref"
"""The kind of a branch, a tag, or HEAD: what a run's git did, judged by what a checkout of it would bring."""


@final
@dataclass(frozen=True, slots=True)
class Change:
    """One difference between the host's workspace and the run's.

    A path has at most two: one of its content, and one of its mode.
    """

    path: str
    """Relative; bytes that are no UTF-8 stand as surrogates (PEP 383). ``shown`` is for people."""
    what: str
    """added, changed, deleted, mode, link, special."""
    kind: str
    """file, directory, link, fifo, socket, device; ref for a branch, a tag, or HEAD."""
    category: str
    """plain, flagged, held, control, git."""
    why: str = ""
    """One sentence on the category; empty for plain."""
    digest: str = ""
    """SHA-256 of the new content, or of where a link leads; empty where there is none."""
    size: int = 0
    """Bytes of the new content; of the old one where it goes away."""
    mode: int = 0
    """Permission bits that the entry has in the run. Set-id bits are never among them."""
    target: str = ""
    """Where a link leads; of a ref ``before..after``."""
    conflict: str = ""
    """Why it can't be applied now: the host's side was changed since the run began."""
    refused: str = ""
    """Why it can't be applied by anybody's yes."""
    before: Stamp | None = None
    """The host's entry when it was looked at."""
    after: Stamp | None = None
    """The run's entry when it was looked at."""

    @property
    def shown(self) -> str:
        """The path as text that any terminal takes."""
        return printable(self.path)

    @property
    def effect(self) -> str:
        """What the policy calls this in a call of kind ``apply``: write, delete, link, mode, special or ref."""
        if self.kind == REF:
            return REF
        if self.kind == "directory" and self.what == DELETED:
            return "write"  # it is empty by then: nothing is lost with it
        return "write" if self.what in {ADDED, CHANGED} else {DELETED: "delete"}.get(self.what, self.what)

    @property
    def silent(self) -> bool:
        """Whether nobody has to say yes by name: a plain or flagged change, in no conflict and not refused."""
        return self.category in {PLAIN, FLAGGED} and not self.conflict and not self.refused

    def to_dict(self) -> dict[str, Any]:
        """Return what reports hold of it, JSON-ready."""
        fields = ("what", "kind", "category", "why", "digest", "size", "conflict", "refused")
        return {"path": self.shown} | {name: getattr(self, name) for name in fields if getattr(self, name) != ""}


class Ruling(NamedTuple):
    """A judge's word on one change."""

    allow: bool
    why: str = ""
    """Why it is held."""


Judge = Callable[[tuple[Change, ...]], Sequence[Ruling]]
"""Says of each change whether it may be applied, in the same order. Whoever made it has asked the gate or the owner."""


class Held(NamedTuple):
    """A change that stays in the run, and why."""

    change: Change
    why: str


@final
@dataclass(frozen=True, slots=True)
class Applied:
    """What came of an apply."""

    applied: tuple[Change, ...]
    held: tuple[Held, ...]
    conflicts: tuple[Change, ...] = ()
    """Not empty: nothing at all was applied."""
    messages: tuple[str, ...] = ()
    """What a person should know besides: a branch that moved, what history still holds."""

    @property
    def complete(self) -> bool:
        """Whether nothing of what was asked for waits any more."""
        return not self.held and not self.conflicts


def printable(path: str) -> str:
    """Return a path as text that any reader takes: bytes that are none, and what is not printable, escaped."""
    text = os.fsencode(path).decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def plain_name(path: str) -> bool:
    """Whether every reader takes a path for the same one: UTF-8, nothing invisible, no separator of another system."""
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return "\\" not in path and path.isprintable() and unicodedata.is_normalized("NFC", path)
