"""From changes that may be applied to the steps that apply them, in an order in which each can be done.

Entries go away first, deepest first; then directories are made, top down;
then files and links are put in place; modes come last. A change that would
need another one which is not applied is held with it: nothing is half a
change. Pure: the host is looked at by nobody here.
"""

import stat
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final, final

from nucleus.apply import change as words
from nucleus.apply.beneath import Stamp
from nucleus.apply.change import Change, Held, Ruling
from nucleus.lean import dataclass

DROP: Final = "drop"
"""Take a file, link or special file away."""
RMDIR: Final = "rmdir"
MKDIR: Final = "mkdir"
PUT: Final = "put"
"""Put a staged entry where nothing is."""
SWAP: Final = "swap"
"""Put a staged entry in the place of another one."""
CHMOD: Final = "chmod"
REF: Final = "ref"
"""Let a branch or tag name another object, under git's lock; ``HEAD`` and ``INDEX`` likewise."""
HEAD: Final = "head"
INDEX: Final = "index"
STORAGE: Final = (REF, HEAD, INDEX)
STEPS: Final = (DROP, RMDIR, MKDIR, PUT, SWAP, CHMOD, *STORAGE)


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One thing to do, with what is needed to see whether it was done, and to undo it."""

    do: str
    path: str
    number: int
    """Names its entries in the stage."""
    mode: int = 0
    before: Stamp | None = None
    """What must be there now."""
    fresh: Stamp | None = None
    """The staged entry that takes its place."""
    values: tuple[str, str] = ("", "")
    """Of git's storage: what must be there now, and what shall be."""

    def staged(self, fresh: Stamp) -> "Step":
        """Return the step with the stamp of its staged entry."""
        return Step(self.do, self.path, self.number, self.mode, self.before, fresh, self.values)

    def to_json(self) -> list[Any]:
        """Return it as JSON-ready values."""
        return [self.do, self.path, self.number, self.mode, self.before, self.fresh, self.values]

    @classmethod
    def from_json(cls, found: Sequence[Any]) -> "Step":
        """Return the step. Raises TypeError or ValueError for values that are none."""
        do, path, number, mode, *stamps, values = found
        if do not in STEPS or type(path) is not str or type(number) is not int:
            raise ValueError("no step")
        before, fresh = (None if each is None else Stamp(*each) for each in stamps)
        old, new = values
        return cls(do, path, number, int(mode), before, fresh, (str(old), str(new)))


def above(path: str) -> Iterable[str]:
    """Yield the directories that a path lies in, the nearest first."""
    while "/" in path:
        path = path.rpartition("/")[0]
        yield path


def settled(found: Sequence[Change], rulings: Mapping[int, Ruling]) -> tuple[tuple[Change, ...], tuple[Held, ...]]:
    """Return the changes that can be applied together, and those of ``rulings`` that are held, with the reason.

    ``found`` are all changes of the run, sorted by path; ``rulings`` has one
    by place for each that was asked for.
    """
    allowed = {place for place, ruling in rulings.items() if ruling.allow}
    stays = {found[place].path for place in range(len(found)) if found[place].what == words.DELETED} - {
        found[place].path for place in allowed if found[place].what == words.DELETED
    }
    kept = {folder for path in stays for folder in above(path)}
    blocked: dict[str, str] = {}
    contents: set[str] = set()
    chosen: list[Change] = []
    held: list[Held] = []
    for place, change in enumerate(found):
        asked = rulings.get(place)
        why = _obstacle(change, stays, kept, blocked, contents)
        if asked is not None and asked.allow and not why:
            chosen.append(change)
            if change.what in {words.ADDED, words.CHANGED, words.LINK, words.SPECIAL}:
                contents.add(change.path)
            continue
        if asked is not None:
            held.append(Held(change, asked.why if not asked.allow else why))
        if change.what == words.DELETED:
            stays.add(change.path)
        elif change.kind == "directory" and change.what == words.ADDED and (why or asked or not change.silent):
            blocked[change.path] = f"its directory {change.shown} is held"
    return tuple(chosen), tuple(held)


def _obstacle(change: Change, stays: set[str], kept: set[str], blocked: Mapping[str, str], contents: set[str]) -> str:
    """Return why a change can't be made without another one that is not made."""
    for folder in above(change.path):
        if folder in blocked:
            return blocked[folder]
    if change.what == words.DELETED:
        return "something in it stays" if change.kind == "directory" and change.path in kept else ""
    if change.path in stays:
        return "what is there now stays"
    if change.what == words.MODE and change.before is None and change.path not in contents:
        return "its content is not applied"
    return ""


def steps(chosen: Sequence[Change], made: Iterable[str]) -> list[Step]:
    """Return the steps of changes that ``settled`` chose. ``made``: directories that the run made, applied or not.

    Staged entries have no stamp yet. The mode of what is staged is its last one: no step of its own.
    """
    chosen = [change for change in chosen if change.kind != words.REF]
    modes = {change.path: change for change in chosen if change.what == words.MODE}
    contents = {c.path: c for c in chosen if c.what not in {words.MODE, words.DELETED} and c.kind != "directory"}
    gone = [change for change in chosen if change.what == words.DELETED]
    # One that its owner could not use would not take what comes into it.
    folders = {c.path: c.mode | 0o700 for c in chosen if c.what == words.ADDED and c.kind == "directory"}
    possible = set(made)
    for path in contents:
        folders |= {folder: 0o777 for folder in above(path) if folder in possible and folder not in folders}
    for path in list(folders):
        folders |= {folder: 0o777 for folder in above(path) if folder in possible and folder not in folders}
    drops = [(DROP, c.path, 0, c.before) for c in gone if c.kind != "directory"]
    removed = [(RMDIR, c.path, c.mode, c.before) for c in reversed(gone) if c.kind == "directory"]
    making = [(MKDIR, path, folders[path], None) for path in sorted(folders)]
    putting = [
        (PUT if c.before is None else SWAP, c.path, _mode(c, modes.get(c.path)), c.before) for c in contents.values()
    ]
    changing = [
        (CHMOD, path, c.mode, c.before) for path, c in sorted(modes.items(), reverse=True) if path not in contents
    ]
    order = [*drops, *removed, *making, *putting, *changing]
    return [Step(do, path, number, mode, before) for number, (do, path, mode, before) in enumerate(order)]


def _mode(change: Change, wanted: Change | None) -> int:
    """Return the permission bits of a staged file: the host's old ones unless others were asked for and allowed."""
    if wanted is not None:
        return wanted.mode
    if change.before is None or not stat.S_ISREG(change.before.mode):
        return change.mode & 0o666
    return change.before.mode & 0o777
