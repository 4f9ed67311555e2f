"""Where the repository of a linked worktree lies (``git worktree add``): read as data, and believed only both ways.

In a linked worktree ``.git`` is a file that names a directory of a repository
elsewhere. Whoever wrote the workspace could have written that file. So it is
followed only where the repository names the worktree too, and no link lies on
the way. Source: gitrepository-layout(5), git-worktree(1).
"""

import os
import stat
from typing import Final, NamedTuple

LIMIT: Final = 4096
"""Bytes of a file that names a place."""
FOLDER: Final = "worktrees"


class Linked(NamedTuple):
    """The storage of a linked worktree. ``shared`` is a real, absolute path."""

    shared: str
    """The repository: objects, branches, configuration."""
    name: str
    """The worktree's own directory below ``worktrees``: HEAD, index."""

    @property
    def own(self) -> str:
        """The path of the worktree's own directory."""
        return os.path.join(self.shared, FOLDER, self.name)


def linked(workspace: str) -> Linked | None:
    """Return the storage of the linked worktree that the workspace is; None for anything else, and what is unsure."""
    target = _line(os.path.join(workspace, ".git"))
    place = target.removeprefix("gitdir: ")
    if place == target or not place.startswith("/") or os.path.realpath(place) != place:
        return None
    above, name = os.path.split(place)
    shared, folder = os.path.split(above)
    if folder != FOLDER or not name or _line(os.path.join(place, "commondir")) != "../..":
        return None
    if os.path.realpath(_line(os.path.join(place, "gitdir"))) != os.path.join(os.path.realpath(workspace), ".git"):
        return None
    return Linked(shared, name)


def _line(path: str) -> str:
    """Return the only line of a small regular file, "" for anything else."""
    try:
        number = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError:
        return ""
    try:
        if not stat.S_ISREG(os.fstat(number).st_mode):
            return ""
        content = os.read(number, LIMIT + 1)
    except OSError:
        return ""
    finally:
        os.close(number)
    text = os.fsdecode(content).removesuffix("\n")
    return "" if len(content) > LIMIT or "\n" in text or "\0" in text else text
