"""The ground that a run stands on: whether a directory may be a workspace at all, and what in it can't be changed.

A box has one user and one group: this process's own. What belongs to another
is shown, but the kernel copies nothing of it up into a layer (EACCES,
EOVERFLOW), so whatever wants to change it fails in the box. That is said at
the start, for it is hard to guess from inside.
"""

import os
import threading
from collections.abc import Sequence
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.local.argv import within

NAMED: Final = 3
"""Paths that the line names."""
COUNTED: Final = 1000
"""No more are counted."""


def refuse_broad(workspace: str, home: str) -> None:
    """Raise CannotEnforce for a workspace that is the home directory, or holds it: no project is that large.

    Both are real paths.
    """
    if not within(home, workspace):
        return
    what = "the whole machine" if workspace == "/" else "your home directory"
    raise CannotEnforce(
        f"the workspace would be {what}; nothing was run",
        why=f"{workspace} holds your keys, your shell's start files and every project; a box shows one project",
        fix="cd to the project's directory, or name it: --workspace DIR",
    )


@final
class Others:
    """Looks for what belongs to another user or group, while the box is made: a second thread, until ``told``."""

    def __init__(self, workspace: str, hidden: Sequence[str]) -> None:
        """Begin to look. What is ``hidden`` is not gone into."""
        self._workspace = workspace
        self._hidden = frozenset(hidden)
        self._found: list[str] = []
        self._stopped = False
        self._thread = threading.Thread(target=self._look, name="Others", daemon=True)
        self._thread.start()

    def told(self, seconds: float) -> str:
        """End the look, at the latest after ``seconds``; return a line that names what was found, "" for nothing.

        INVARIANT: afterwards this process has no thread of ours: what is forked later has all of it (``doors``).
        """
        self._thread.join(seconds)
        self._stopped = True
        self._thread.join()
        found, self._found = sorted(self._found), []
        if not found:
            return ""
        shown = ", ".join(repr(path) for path in found[:NAMED])
        many = f"more than {COUNTED}" if len(found) > COUNTED else str(len(found))
        rest = f", {many} in all" if len(found) > NAMED else ""
        return f"can't be changed in a box, since another user or group owns it: {shown}{rest}"

    def _look(self) -> None:
        mine, waiting = (os.geteuid(), os.getegid()), [""]
        while waiting and not self._stopped:
            folder = waiting.pop()
            try:
                listing = os.scandir(f"{self._workspace}/{folder}")
            except OSError:
                continue  # gone, or not to be listed: then not to be changed either
            with listing:
                for entry in listing:
                    path = f"{folder}/{entry.name}" if folder else entry.name
                    if path not in self._hidden and self._takes(entry, path, mine):
                        waiting.append(path)

    def _takes(self, entry: "os.DirEntry[str]", path: str, mine: tuple[int, int]) -> bool:
        """Note an entry of somebody else's; return whether to go on below it."""
        try:
            status = entry.stat(follow_symlinks=False)
        except OSError:
            return False
        if (status.st_uid, status.st_gid) != mine:
            # One line for a directory and all that is in it.
            self._found.append(path)
            self._stopped = self._stopped or len(self._found) > COUNTED
            return False
        return entry.is_dir(follow_symlinks=False)
