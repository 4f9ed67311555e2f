"""The label store's journal as a file: append, and replace as a whole, both durable."""

import fcntl
import os
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce

SIZE_LIMIT: Final = 256 << 20
_FLAGS: Final = os.O_CLOEXEC | os.O_NOFOLLOW


@final
class FileJournal:
    """One file (0600) that one gate at a time holds."""

    def __init__(self, path: Path) -> None:
        """Open and lock. Raises CannotEnforce if another gate holds it or it can't be written."""
        self._path = path
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            self._lock = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT | _FLAGS, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND | _FLAGS, 0o600)
        except OSError as error:
            raise CannotEnforce(
                "the label store can't be opened", why=f"{path}: {error.strerror}", fix="check the state directory"
            ) from error

    def read(self) -> bytes:
        """Return everything. Raises CannotEnforce for a file over the limit."""
        size = os.fstat(self._fd).st_size
        if size > SIZE_LIMIT:
            raise CannotEnforce("the label store is too large", why=str(self._path), fix="delete it and label anew")
        return os.pread(self._fd, size, 0)

    def append(self, line: bytes) -> None:
        """Add one line, on disk when this returns. Raises OSError, and the file is as it was."""
        size = os.fstat(self._fd).st_size
        try:
            written = 0
            while written < len(line):
                written += os.write(self._fd, line[written:])
            os.fdatasync(self._fd)
        except OSError:
            os.ftruncate(self._fd, size)
            raise

    def replace(self, content: bytes) -> None:
        """Put ``content`` in place of everything, atomically. Raises OSError, and the file is as it was."""
        fresh = self._path.with_suffix(".new")
        fd = os.open(fresh, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | _FLAGS, 0o600)
        written = 0
        while written < len(content):
            written += os.write(fd, content[written:])
        os.fsync(fd)
        os.replace(fresh, self._path)
        os.close(self._fd)
        self._fd = fd

    def close(self) -> None:
        """Release the file."""
        os.close(self._fd)
        os.close(self._lock)
