"""Copies of checkpoints where the owner wants them: a file, or a directory with one file each.

A witness is worth what its place is worth: a directory of another user, a
mounted share, a file that another machine pulls.
"""

import os
from pathlib import Path
from typing import Final

from nucleus.errors import TraceError
from nucleus.trace.store import sync_directory

SUFFIX: Final = ".checkpoint"


class Witness:
    """Keeps checkpoints of one trace at ``place``."""

    __slots__ = ("_place", "_trace")

    def __init__(self, place: Path, trace: str) -> None:
        """Raise ``TraceError`` at once if ``place`` can't take a checkpoint."""
        self._place = place
        self._trace = trace
        home = place if place.is_dir() else place.parent
        if place.is_symlink() or not home.is_dir() or not os.access(home, os.W_OK):
            raise TraceError("the witness is a file in, or is itself, a directory that can be written", path=str(place))

    def keep(self, size: int, signed: str) -> None:
        """Store the checkpoint at ``size``: a file of its own in a directory, else in place of the one before.

        The old file stays whole until the new one is on disk. Raises ``TraceError``.
        """
        target = self._place / f"{self._trace}-{size}{SUFFIX}" if self._place.is_dir() else self._place
        fresh = target.with_name(f".{target.name}.{os.getpid()}")
        try:
            fd = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0), 0o600)
            with os.fdopen(fd, "wb") as file:
                file.write(signed.encode())
                file.flush()
                os.fsync(file.fileno())
            fresh.replace(target)
        except OSError as error:
            fresh.unlink(missing_ok=True)
            raise TraceError(f"can't keep the checkpoint: {error.strerror}", path=str(target)) from error
        sync_directory(target.parent)
