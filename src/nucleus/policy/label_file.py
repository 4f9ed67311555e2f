"""The label store's journal as a file in the state directory, outside of every workspace.

Minimal IO: one file, owner only. An append is durable when it returns; a
replacement is a new file, synced, renamed over the old one, and its directory
synced, so that a crash leaves the old content or the new, never half.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce

SIZE_LIMIT: Final = 256 * 1024 * 1024
"""Bytes; a journal is rewritten long before."""


@final
class FileJournal:
    """A ``labels.Journal`` at one path. Links are not followed."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = os.fspath(path)

    @classmethod
    def of_workspace(cls, state_directory: Path, workspace: str) -> "FileJournal":
        """Return the journal of a workspace, by its real path. Makes the directory, for the owner only."""
        folder = state_directory / "labels"
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return cls(folder / f"{sha256(os.fsencode(workspace)).hexdigest()[:32]}.jsonl")

    def read(self) -> bytes:
        """Return everything; cut a torn last line off, so that the next line is whole. Raises CannotEnforce."""
        try:
            descriptor = os.open(self.path, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return b""
        except OSError as error:
            raise self._unusable(error) from error
        with self._alone(), os.fdopen(descriptor, "r+b") as file:
            content = file.read(SIZE_LIMIT + 1)
            if len(content) > SIZE_LIMIT:
                raise CannotEnforce(f"the label store {self.path} is larger than {SIZE_LIMIT} bytes")
            whole = content.rfind(b"\n") + 1
            if whole != len(content):
                file.truncate(whole)
                os.fsync(file.fileno())
        return content[:whole]

    def stamp(self) -> tuple[int, int]:
        """Return number and size of the file, zeros where there is none. Raises OSError."""
        try:
            found = os.lstat(self._text)
        except FileNotFoundError:
            return 0, 0
        return found.st_ino, found.st_size

    def append(self, line: bytes) -> None:
        """Add one line, durably. Raises OSError, and takes a half-written line back."""
        flags = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        with self._alone():
            fresh = not self.path.exists()
            descriptor = os.open(self.path, flags, 0o600)
            try:
                before = os.fstat(descriptor).st_size
                try:
                    self._write_all(descriptor, line)
                except OSError:
                    os.ftruncate(descriptor, before)
                    raise
            finally:
                os.close(descriptor)
        if fresh:
            self._sync_folder()

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """Hold the lock that every gate of this workspace takes to write. A lock file that stays is not taken."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC
        descriptor = os.open(self.path.with_suffix(".lock"), flags, 0o600)
        try:
            with suppress(ImportError):  # no fcntl: no second gate either, gates need Linux
                import fcntl

                fcntl.flock(descriptor, fcntl.LOCK_EX)
            yield
        finally:
            os.close(descriptor)

    def _write_all(self, descriptor: int, line: bytes) -> None:
        """Write the whole line durably. Raises OSError."""
        written = os.write(descriptor, line)
        if written != len(line):
            raise OSError(f"{self.path}: {written} of {len(line)} bytes written")
        os.fsync(descriptor)

    def replace(self, content: bytes, expected: tuple[int, int]) -> None:
        """Put ``content`` in place of everything, unless another gate has written since ``expected``.

        Raises OSError and leaves the old content if it can't.
        """
        new = self.path.with_suffix(".new")
        with self._alone():
            if self.stamp() != expected:
                return
            descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
            with os.fdopen(descriptor, "wb") as file:
                file.write(content)
                file.flush()
                os.fsync(file.fileno())
            new.replace(self.path)
        self._sync_folder()

    def _sync_folder(self) -> None:
        """Make the name of the file durable."""
        descriptor = os.open(self.path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)

    def _unusable(self, error: OSError) -> CannotEnforce:
        """Return the error for a store that can't be opened."""
        return CannotEnforce(
            f"the label store {self.path} can't be opened", why=f"{error.strerror}", fix=f"check {self.path.parent}"
        )
