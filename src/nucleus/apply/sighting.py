"""One entry of a run's layer beside the host's, and the change that it stands for."""

import os
import stat
from collections.abc import Callable
from hashlib import sha256
from typing import Final, final

from nucleus.apply import change as words
from nucleus.apply.beneath import Stamp
from nucleus.apply.change import Change
from nucleus.apply.classes import classify
from nucleus.apply.layer import kind_of
from nucleus.apply.run import Run
from nucleus.lean import dataclass

Kept = Callable[[str], bool]
"""Whether a commit of the host keeps exactly what is at this path of the workspace now."""
SINCE: Final = "changed on the host since the run began"
MOVED: Final = "its directory on the host was moved or changed since the run began"
UNSEEN: Final = "the run could not see what the host has there"


def nothing_is_kept(path: str) -> bool:
    """Return False: no commit is known that keeps what is at any path."""
    del path
    return False


@final
@dataclass(frozen=True, slots=True)
class Sighting:
    """An entry as the walk found it."""

    run: Run
    path: str
    status: os.stat_result
    """Of the run's entry; of the host's own where that goes away."""
    before: os.stat_result | None
    storage: bool = False
    moved: bool = False
    unseen: bool = False
    known: Stamp | None = None
    """What an apply of this run left on the host here."""

    def change(self, what: str, digest: str = "") -> Change:
        """Return a change of this entry."""
        shape = what
        if what in {words.ADDED, words.CHANGED} and self.before is not None and not _alike(self.status, self.before):
            # A file where a link or a special file was: as odd as what goes away.
            shape = words.LINK if stat.S_ISLNK(self.before.st_mode) else words.SPECIAL
        return self._made(what, shape, digest, "", conflict=self._conflict())

    def linked(self, target: str) -> Change:
        """Return that the entry is a link now."""
        digest = sha256(os.fsencode(target)).hexdigest()
        return self._made(words.LINK, words.LINK, digest, target, conflict=self._conflict())

    def deleted(self, *, kept: bool) -> Change:
        """Return that the host's entry was taken away. A directory holds nothing of its own: it can't conflict."""
        conflict = "" if stat.S_ISDIR(self.status.st_mode) else self._conflict()
        return self._made(words.DELETED, words.DELETED, "", "", conflict=conflict, kept=kept)

    def refused(self, what: str, why: str) -> Change:
        """Return a change that nobody's yes applies."""
        return self._made(what, what, "", "", refused=why)

    def moved_here(self) -> bool:
        """Whether the host's directory may have been put here, or got another mode, since the run began.

        An entry made or removed in it sets both of its times to one moment; a rename of itself sets one.
        """
        before = self.before
        return before is not None and self._since(before) and before.st_ctime_ns != before.st_mtime_ns

    def _conflict(self) -> str:
        if self.before is None:
            return ""
        if self._since(self.before):
            return SINCE
        return MOVED if self.moved else ""

    def _since(self, before: os.stat_result) -> bool:
        """Whether somebody else may have changed the host's entry after the run began."""
        return self.run.changed_since(before.st_ctime_ns) and Stamp.of(before) != self.known

    def _made(
        self,
        what: str,
        shape: str,
        digest: str,
        target: str,
        *,
        conflict: str = "",
        refused: str = "",
        kept: bool = False,
    ) -> Change:
        found = classify(self.path, shape, kept=kept, storage=self.storage)
        if not refused and self.before is not None and what != words.DELETED:
            refused = UNSEEN if self.unseen else _foreign(self.before)
        sized = stat.S_ISREG(self.status.st_mode)
        return Change(
            path=self.path,
            what=what,
            kind=kind_of(self.status.st_mode),
            category=found.category,
            why=found.why,
            digest=digest,
            size=self.status.st_size if sized else 0,
            mode=self.status.st_mode & 0o777,
            target=target,
            conflict=conflict,
            refused=refused,
            before=None if self.before is None else Stamp.of(self.before),
            after=Stamp.of(self.status),
        )


def _alike(one: os.stat_result, other: os.stat_result) -> bool:
    return stat.S_IFMT(one.st_mode) == stat.S_IFMT(other.st_mode)


def _foreign(before: os.stat_result) -> str:
    """Return why an entry of somebody else can't be replaced: the new one would be ours."""
    mine = os.geteuid()
    return "" if mine in {0, before.st_uid} else f"it belongs to user {before.st_uid} on the host"
