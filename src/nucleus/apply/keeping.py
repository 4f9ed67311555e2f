"""Whether a commit of the host keeps what is at a path: then taking it away loses nothing.

The commit that is checked out on the host is asked, and the bytes that are
there now are hashed as git would: what its index, its attributes or the run
say of a path does not matter. A file that git would convert (line ends,
filters) has other bytes than its blob, and is not kept.
"""

import hashlib
import os
import stat
from typing import Final, final

from nucleus.apply.beneath import CHUNK, directory, held, look, regular, split
from nucleus.apply.hands import Hands
from nucleus.apply.run import Run
from nucleus.apply.sighting import Kept, nothing_is_kept

LISTING_LIMIT: Final = 1 << 30
"""Bytes of the list of a commit's files."""


def kept_by(run: Run, hands: Hands | None) -> Kept:
    """Return what asks the host's repository, once and only if it is asked; without ``hands`` nothing is kept."""
    return nothing_is_kept if hands is None else _Keeping(run, hands)


@final
class _Keeping:
    """The files of the host's commit, by path."""

    def __init__(self, run: Run, hands: Hands) -> None:
        self._run = run
        self._hands = hands
        self._listed: dict[str, tuple[str, str]] | None = None

    def __call__(self, path: str) -> bool:
        """Whether the commit has exactly what is at the path. What can't be read is not kept."""
        if self._listed is None:
            self._listed = self._list()
        mode, name = self._listed.get(path, ("", ""))
        if not name:
            return False
        try:
            return _blob(self._run.workspace, path, mode, sha256=len(name) == 64) == name
        except OSError:
            return False

    def _list(self) -> dict[str, tuple[str, str]]:
        """Return mode and object of each file that is checked out on the host. Nothing where there is no commit."""
        try:
            with self._hands.git(self._run.workspace) as git:
                listed = git.run("ls-tree", "-r", "-z", "--full-tree", "HEAD", limit=LISTING_LIMIT)
        except (OSError, ValueError):
            return {}
        found = {}
        for line in listed.out.split(b"\0") if listed.status == 0 else []:
            facts, tab, path = line.partition(b"\t")
            mode, _, name = facts.decode("ascii", "replace").partition(" ")
            if tab:
                found[os.fsdecode(path)] = (mode, name.rpartition(" ")[2])
        return found


def _blob(workspace: str, path: str, mode: str, *, sha256: bool) -> str:
    """Return the name that git would give to what is there, "" if it is of another kind than ``mode`` says."""
    above, name = split(path)
    with held(workspace) as base, directory(base, above) as folder:
        status = look(folder, name)
        if status is None:
            return ""
        if mode == "120000":
            return _summed([os.fsencode(os.readlink(name, dir_fd=folder))], sha256=sha256)
        if not stat.S_ISREG(status.st_mode) or (mode == "100755") != bool(status.st_mode & 0o100):
            return ""
        with regular(folder, name) as descriptor:
            return _named(descriptor, sha256=sha256)


def _named(descriptor: int, *, sha256: bool) -> str:
    summed = hashlib.new("sha256" if sha256 else "sha1", usedforsecurity=False)
    summed.update(b"blob %d\0" % os.fstat(descriptor).st_size)
    while piece := os.read(descriptor, CHUNK):
        summed.update(piece)
    return summed.hexdigest()


def _summed(pieces: list[bytes], *, sha256: bool) -> str:
    content = b"".join(pieces)
    summed = hashlib.new("sha256" if sha256 else "sha1", usedforsecurity=False)
    summed.update(b"blob %d\0" % len(content) + content)
    return summed.hexdigest()
