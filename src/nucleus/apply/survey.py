"""What a run wants to change: its upper layer beside the workspace as it is now.

Nothing is written. Both trees are walked together by descriptor, no link is
followed, and whatever can't be told from an attack is a change that nobody's
yes applies (``Change.refused``).

Contents are compared by their bytes, never by what a version control system
says of them. Nothing was hashed when the run began: an entry of the host that
changed since then shows it by its change time (``st_ctime``, which no program
can set), and only entries that the run touched are looked at.
"""

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, suppress
from typing import Final, final

from nucleus.apply import change as words
from nucleus.apply.beneath import DEPTH_LIMIT, compared, enter, held, lent, look, regular
from nucleus.apply.change import Change
from nucleus.apply.classes import moved
from nucleus.apply.commits import Commits, looked
from nucleus.apply.git_storage import differences
from nucleus.apply.journal import Journal
from nucleus.apply.layer import Marks, is_whiteout, kind_of, marks
from nucleus.apply.run import Run, home, veiled
from nucleus.apply.sighting import UNSEEN, Kept, Sighting, nothing_is_kept
from nucleus.apply.storage import layered, storage_masks
from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass, replace
from nucleus.policy.controls import in_git
from nucleus.policy.worktree import FOLDER

CACHE: Final = "__pycache__"
NEVER_AS_FILES: Final = "git's own storage is never applied as files"
LIMIT: Final = 1_000_000
"""Changes of one run: more than that nobody looks at."""
MODE_BITS: Final = 0o777
RUN_BITS: Final = 0o111
OWN_BITS: Final = 0o700
SHUT: Final = "its owner could not use the directory any more"
SET_ID: Final = stat.S_ISUID | stat.S_ISGID
_ORDER: Final = {words.DELETED: 0, words.MODE: 2}


def changes(run: Run, kept: Kept = nothing_is_kept, commits: Commits | None = None) -> tuple[Change, ...]:
    """Return what a run that is over wants to change, sorted by path; of one path the deletion first.

    ``commits``: what its git did (``commits.looked``); looked at without hands if not given.
    Raises OSError, and CannotEnforce for more changes than anybody would look at.
    """
    if commits is None:
        with looked(run, None) as looked_at:
            return changes(run, kept, looked_at)
    found: list[Change] = list(commits.found)
    with held(run.upper) as upper, home(run) as workspace:
        for change in _Survey(run, kept).walk(_Pair(upper, workspace, "")):
            found.append(change)
            if len(found) > LIMIT:
                why, fix = f"more than {LIMIT} changes", f"nucleus discard {run.id}"
                raise CannotEnforce(f"the run {run.id} can't be looked at", why=why, fix=fix)
    found += _of_linked(run)
    return tuple(sorted(found, key=lambda each: (each.path, _ORDER.get(each.what, 1))))


def _of_linked(run: Run) -> Iterator[Change]:
    """Yield what differs in the storage of a linked worktree's repository: never applied as files, like any."""
    if run.linked is None:
        return
    own = f"{FOLDER}/{run.linked.name}/"
    with layered(run) as both, ExitStack() as open_here:
        if both is None or both[1] is None:
            return
        masks = None
        with suppress(OSError):
            masks = open_here.enter_context(held(storage_masks(run)))
        for each in differences(both[0], both[1], masks):
            if not (each.startswith(own) and moved(each.removeprefix(own))):
                yield Change(f".git/{each}", words.CHANGED, "file", words.GIT, NEVER_AS_FILES, refused=NEVER_AS_FILES)


@final
@dataclass(frozen=True, slots=True)
class _Pair:
    """One directory of the upper layer, and the host's at the same path."""

    upper: int
    host: int | None
    path: str
    hides: bool = False
    """What the host has here was taken away as a whole."""
    storage: bool = False
    """It looks like a bare repository, or lies in one."""
    moved: bool = False
    """The host's directory was put here since the run began."""
    depth: int = 0

    def join(self, name: str) -> str:
        """Return the path of an entry."""
        return f"{self.path}/{name}" if self.path else name

    def before(self, name: str) -> os.stat_result | None:
        """Return the status of the host's entry, if there is one."""
        return None if self.host is None else look(self.host, name)


@final
class _Survey:
    """One walk over both trees. Each method yields the changes that it finds."""

    def __init__(self, run: Run, kept: Kept) -> None:
        self._run = run
        self._kept = kept
        self._veiled = veiled(run)
        self._known = Journal(run).known()

    def walk(self, pair: _Pair) -> Iterator[Change]:
        """Yield the changes in one directory of the upper layer, and below."""
        with os.scandir(pair.upper) as entries:
            listed = {entry.name: entry.stat(follow_symlinks=False) for entry in entries}
        pair = replace(pair, storage=pair.storage or _like_storage(set(listed), pair.host))
        for name, status in sorted(listed.items()):
            before = pair.before(name)
            if in_git(pair.join(name)):
                yield from self._git(pair, name, status, before)
            elif is_whiteout(status):
                if before is not None:
                    yield from self._gone(pair, name, before)
            elif stat.S_ISDIR(status.st_mode):
                yield from self._directory(pair, name, status, before)
            else:
                yield from self._entry(pair, name, status, before)
        if pair.hides and pair.host is not None:
            for name in sorted(set(os.listdir(pair.host)) - listed.keys()):
                before = pair.before(name)
                if before is not None:
                    yield from self._gone(pair, name, before)

    def _sight(self, pair: _Pair, name: str, status: os.stat_result, before: os.stat_result | None) -> Sighting:
        path = pair.join(name)
        unseen = path in self._veiled and before is not None
        known = self._known.get(path)
        return Sighting(
            self._run, path, status, before, storage=pair.storage, moved=pair.moved, unseen=unseen, known=known
        )

    def _directory(
        self, pair: _Pair, name: str, status: os.stat_result, before: os.stat_result | None
    ) -> Iterator[Change]:
        """Yield a directory of the upper layer, and what is in it."""
        seen = self._sight(pair, name, status, before)
        if pair.depth >= DEPTH_LIMIT:
            yield seen.refused(words.ADDED, "too deep to be walked")
            return
        with ExitStack() as open_here:
            own = _opened(open_here, pair.upper, name, lend=True)
            noted = marks(own)
            if noted.odd:
                yield seen.refused(words.ADDED, _planted(noted))
                return
            if (
                name == CACHE
                and not noted.opaque
                and (before is None or stat.S_ISDIR(before.st_mode))
                and _compiled(own)
            ):
                return
            theirs = None
            if before is not None and pair.host is not None and stat.S_ISDIR(before.st_mode):
                try:
                    theirs = _opened(open_here, pair.host, name)
                except PermissionError:
                    yield seen.refused(words.MODE, "can't be read on the host")
                    return
                if (status.st_mode ^ before.st_mode) & MODE_BITS:
                    shut = before.st_mode & ~status.st_mode & OWN_BITS
                    yield seen.refused(words.MODE, SHUT) if shut else seen.change(words.MODE)
            elif seen.unseen:
                yield seen.refused(words.ADDED, UNSEEN)
            else:
                if before is not None:
                    yield from self._gone(pair, name, before)
                yield replace(seen, before=None).change(words.ADDED)
            yield from self.walk(
                _Pair(
                    own,
                    theirs,
                    seen.path,
                    hides=pair.hides or noted.opaque,
                    storage=pair.storage,
                    moved=pair.moved or (theirs is not None and seen.moved_here()),
                    depth=pair.depth + 1,
                )
            )

    def _entry(self, pair: _Pair, name: str, status: os.stat_result, before: os.stat_result | None) -> Iterator[Change]:
        """Yield a file, link or special file of the upper layer."""
        if before is not None and stat.S_ISDIR(before.st_mode):
            gone = list(self._gone(pair, name, before))
            yield from gone
            if not gone or gone[-1].path != pair.join(name):
                yield self._sight(pair, name, status, before).refused(words.CHANGED, UNSEEN)
                return
            before = None
        seen = self._sight(pair, name, status, before)
        if stat.S_ISREG(status.st_mode):
            with ExitStack() as open_here:
                try:
                    own = open_here.enter_context(regular(pair.upper, name, lend=True))
                except OSError as error:
                    yield seen.refused(words.CHANGED, f"can't be read: {error.strerror}")
                    return
                yield from self._file(seen, own, self._found(open_here, pair, name, seen))
        elif stat.S_ISLNK(status.st_mode):
            target = os.readlink(name, dir_fd=pair.upper)
            if target != _target(pair, name, before):
                yield seen.linked(target)
        elif before is None or stat.S_IFMT(before.st_mode) != stat.S_IFMT(status.st_mode):
            kind = kind_of(status.st_mode)
            yield (
                seen.change(words.SPECIAL)
                if kind == "fifo"
                else seen.refused(words.SPECIAL, f"a {kind} is never applied")
            )

    def _found(self, open_here: ExitStack, pair: _Pair, name: str, seen: Sighting) -> int | None:
        """Return the file that the run found at this path, open, if there was one: the host's, or a rewritten one."""
        with suppress(OSError):
            if seen.path in self._veiled:
                masks = open_here.enter_context(held(os.path.join(self._run.masks, pair.path)))
                return open_here.enter_context(regular(masks, name))
            if pair.host is not None and seen.before is not None and stat.S_ISREG(seen.before.st_mode):
                return open_here.enter_context(regular(pair.host, name))
        return None

    def _file(self, seen: Sighting, own: int, found: int | None) -> Iterator[Change]:
        """Yield what a regular file of the upper layer changes, if it is not what the run found there."""
        noted = marks(own)
        if noted.odd:
            yield seen.refused(words.CHANGED, _planted(noted))
            return
        before, mode = seen.before, seen.status.st_mode
        sized = found is not None and os.fstat(found).st_size == seen.status.st_size
        digest, same = compared(own, found if sized else None)
        if same and seen.path in self._veiled:
            return
        if not same:
            yield seen.change(words.ADDED if before is None else words.CHANGED, digest)
        if before is not None and stat.S_ISREG(before.st_mode):
            differs, fresh = (mode ^ before.st_mode) & MODE_BITS, mode & SET_ID & ~before.st_mode
        else:
            differs, fresh = mode & RUN_BITS, mode & SET_ID
        if differs:
            yield seen.change(words.MODE, digest)
        if fresh:
            yield seen.refused(words.MODE, "set-id bits are never applied")

    def _gone(self, pair: _Pair, name: str, before: os.stat_result) -> Iterator[Change]:
        """Yield that an entry of the host was taken away, after all that is in it.

        What the run could not see it did not take away: that stays, and so do the directories above it.
        """
        seen = self._sight(pair, name, before, before)
        if seen.unseen:
            return
        if in_git(seen.path):
            yield seen.refused(words.DELETED, "git's own storage is never taken away")
        elif not stat.S_ISDIR(before.st_mode):
            yield seen.deleted(kept=self._kept(seen.path))
        elif pair.depth >= DEPTH_LIMIT or pair.host is None:
            yield seen.refused(words.DELETED, "too deep to be walked")
        else:
            yield from self._emptied(pair, name, seen)

    def _emptied(self, pair: _Pair, name: str, seen: Sighting) -> Iterator[Change]:
        """Yield that a directory of the host was taken away, after what is in it; not itself if something stays."""
        harmless = True
        with ExitStack() as open_here:
            if pair.host is None:
                return
            try:
                own = _opened(open_here, pair.host, name)
            except PermissionError:
                yield seen.refused(words.DELETED, "can't be read on the host")
                return
            moved = pair.moved or seen.moved_here()
            inner = replace(pair, upper=own, host=own, path=seen.path, moved=moved, depth=pair.depth + 1)
            gone = set()
            for each in sorted(os.listdir(own)):
                status = look(own, each)
                for change in self._gone(inner, each, status) if status is not None else ():
                    gone.add(change.path)
                    harmless = harmless and change.category in {words.PLAIN, words.FLAGGED}
                    yield change
            stays = any(inner.join(each) not in gone for each in os.listdir(own))
        if not stays:
            # Losing an empty directory loses nothing: it is as bad as the worst that was in it.
            yield seen.deleted(kept=harmless)

    def _git(self, pair: _Pair, name: str, status: os.stat_result, before: os.stat_result | None) -> Iterator[Change]:
        """Yield what differs in git's storage, as far as anybody should know. Nothing of it is applied as files."""
        seen = self._sight(pair, name, status, before)
        why = NEVER_AS_FILES
        if before is None or not stat.S_ISDIR(status.st_mode) or not stat.S_ISDIR(before.st_mode):
            if is_whiteout(status):
                if before is not None:
                    yield replace(seen, status=before).refused(words.DELETED, why)
                return
            yield seen.refused(words.ADDED if before is None else words.CHANGED, why)
            return
        with ExitStack() as open_here:
            own, theirs, masks = _opened(open_here, pair.upper, name, lend=True), pair.host, None
            if theirs is not None:
                theirs = _opened(open_here, theirs, name)
            with suppress(OSError):
                masks = open_here.enter_context(held(os.path.join(self._run.masks, seen.path)))
            told = [] if theirs is None else list(differences(own, theirs, masks))
        if pair.path and told:
            yield seen.refused(words.CHANGED, why)
        elif not pair.path:
            for each in told:
                yield replace(seen, path=f"{seen.path}/{each}").refused(words.CHANGED, why)


def _like_storage(names: set[str], host: int | None) -> bool:
    """Whether a directory, as the run sees it, looks like the storage of a git repository, or of a worktree of one."""
    folded = {name.casefold() for name in names}

    def has(name: str) -> bool:
        return name.casefold() in folded or (host is not None and look(host, name) is not None)

    # With ``commondir`` objects and configuration lie elsewhere, wherever that is (gitrepository-layout(5)).
    return has("HEAD") and (has("objects") or has("commondir"))


def _compiled(folder: int) -> bool:
    """Whether a directory holds nothing but Python's compiled files: made anew from their sources, and never brought.

    One that is brought runs in its source's place; one that is not loses nothing (PEP 3147).
    """
    with os.scandir(folder) as entries:
        return all(
            entry.name.endswith(".pyc")
            and (entry.is_file(follow_symlinks=False) or is_whiteout(entry.stat(follow_symlinks=False)))
            for entry in entries
        )


def _opened(open_here: ExitStack, base: int, name: str, *, lend: bool = False) -> int:
    """Return a descriptor of a directory, closed with the stack."""
    if lend:
        return open_here.enter_context(lent(base, name))
    descriptor = enter(base, name)
    open_here.callback(os.close, descriptor)
    return descriptor


def _target(pair: _Pair, name: str, before: os.stat_result | None) -> str | None:
    if before is None or pair.host is None or not stat.S_ISLNK(before.st_mode):
        return None
    return os.readlink(name, dir_fd=pair.host)


def _planted(noted: Marks) -> str:
    return f"the layer says {noted.odd!r}, which nothing here makes"
