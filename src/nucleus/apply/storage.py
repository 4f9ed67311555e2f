"""Where git's storage lies: in the workspace, or, of a linked worktree, in the repository that it belongs to.

Paths of it are written as in an ordinary clone, ``.git/refs/heads/x``: they
name entries, not places. HEAD, index and what an unfinished operation leaves
are the worktree's own; all else is shared by all worktrees of a repository.
A linked worktree's layers lie in ``storage`` below the run's place.
Source: gitrepository-layout(5), git-worktree(1).
"""

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from typing import Final, final

from nucleus.apply.beneath import directory, enter, held, lent, split
from nucleus.apply.run import Run
from nucleus.policy.worktree import FOLDER, Linked, linked

GIT: Final = (".git",)
UNFINISHED: Final = ("MERGE_HEAD", "CHERRY_PICK_HEAD", "REVERT_HEAD", "rebase-merge", "rebase-apply")
"""Where git notes that an operation waits for a person."""
_OWN: Final = frozenset({"HEAD", "index", "logs/HEAD", *UNFINISHED})


@final
class Storage:
    """The host's. ``workspace`` is a descriptor."""

    def __init__(self, workspace: int, place: Linked | None = None) -> None:
        self._workspace = workspace
        self._place = place

    @contextmanager
    def shared(self) -> Iterator[int]:
        """Hold the directory of objects and refs. Raises OSError."""
        if self._place is None:
            with directory(self._workspace, GIT) as folder:
                yield folder
        else:
            with held(self._place.shared) as folder:
                yield folder

    @contextmanager
    def own(self) -> Iterator[int]:
        """Hold the directory of HEAD and index. Raises OSError."""
        with self.shared() as shared, directory(shared, self._own_parts()) as folder:
            yield folder

    @contextmanager
    def above(self, path: str, *, make: bool = False) -> Iterator[tuple[int, str]]:
        """Hold the directory in which an entry lies, and yield it with the entry's name there. Raises OSError.

        ``make``: make what is missing of the directory.
        """
        name = path.removeprefix(".git/")
        parts, last = split(name)
        own = name in _OWN
        with self.shared() as shared, directory(shared, self._own_parts() if own else ()) as base:
            if make:
                _make(base, parts)
            with directory(base, parts) as folder:
                yield folder, last

    def _own_parts(self) -> tuple[str, ...]:
        return () if self._place is None else (FOLDER, self._place.name)


def require(run: Run) -> None:
    """Raise ValueError where a run's linked worktree is not where it was: its branches are not brought then."""
    if run.linked is not None and linked(run.workspace) != run.linked:
        raise ValueError("the worktree, or the repository that it belongs to, was moved since the run began")
    if run.linked is not None and os.stat(run.workspace).st_dev != os.stat(run.linked.own).st_dev:
        raise ValueError("the worktree and its repository lie on two file systems")


@contextmanager
def layered(run: Run) -> Iterator[tuple[int, int | None] | None]:
    """Hold the run's layer over the shared storage, and the host's own; None where there is no such layer."""
    with ExitStack() as open_here:
        found: tuple[int, int | None] | None = None
        with suppress(OSError):
            place = run.linked
            upper, host = (run.upper, run.workspace) if place is None else (storage_upper(run), place.shared)
            descriptors = [open_here.enter_context(held(one)) for one in (upper, host)]
            if place is None:
                theirs = enter(descriptors[1], GIT[0])
                open_here.callback(os.close, theirs)
                descriptors = [open_here.enter_context(lent(descriptors[0], GIT[0])), theirs]
            found = descriptors[0], descriptors[1]
        yield found


def storage_upper(run: Run) -> str:
    """Return the layer that the run wrote over a linked worktree's repository."""
    return os.path.join(run.folder, "storage", "upper")


def storage_masks(run: Run) -> str:
    """Return the layer that rewrote configurations of a linked worktree's repository."""
    return os.path.join(run.folder, "storage", "masks")


def _make(base: int, parts: tuple[str, ...]) -> None:
    """Make directories below a descriptor. Raises OSError."""
    descriptor = os.dup(base)
    try:
        for part in parts:
            with suppress(FileExistsError):
                os.mkdir(part, dir_fd=descriptor)
            below = enter(descriptor, part)
            os.close(descriptor)
            descriptor = below
    finally:
        os.close(descriptor)
