"""The content store of a trace: only with ``record-content``, never exported.

A file of its own beside the trace (``TRACE.content``, 0600). An item is a line
``{"bytes":N,"of":SEQ,"what":"body|result"}`` and N raw bytes. Nothing in the
trace depends on it; delete it and the trace verifies as before.
"""

import os
from pathlib import Path
from typing import Final

from nucleus.errors import TraceError
from nucleus.trace import canonical
from nucleus.trace.store import FileStore

SUFFIX: Final = ".content"


class ContentStore:
    """Keeps the contents of one trace. Made by ``create``."""

    __slots__ = ("_store",)

    def __init__(self, store: FileStore) -> None:
        self._store = store

    @classmethod
    def create(cls, trace: Path) -> "ContentStore":
        """Return the store beside the trace at ``trace``. Raises ``TraceError`` if there is one already."""
        return cls(FileStore.create(trace.with_suffix(SUFFIX)))

    @property
    def path(self) -> Path:
        """Return the file."""
        return self._store.path

    def keep(self, of: int, what: str, content: bytes) -> None:
        """Store ``content`` of record ``of``, whole or not at all. Raises ``TraceError``."""
        head = canonical.encode({"of": of, "what": what, "bytes": len(content)})
        self._store.write(head + b"\n" + content + b"\n")

    def close(self) -> None:
        """Put everything on disk and release the file."""
        self._store.sync()
        self._store.close()


def read_content(path: Path) -> list[tuple[int, str, bytes]]:
    """Return the items of a content store: number of the record, what it is, content. Raises ``TraceError``."""
    with open(os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0)), "rb") as file:
        data = file.read()
    found: list[tuple[int, str, bytes]] = []
    place = 0
    while place < len(data):
        end = data.find(b"\n", place)
        head = canonical.parse(data[place : end if end >= 0 else len(data)])
        size, of, what = head.get("bytes"), head.get("of"), head.get("what")
        if type(size) is not int or type(of) is not int or type(what) is not str or size < 0:
            raise TraceError("an item of a content store without bytes, of and what", path=str(path))
        content = data[end + 1 : end + 1 + size]
        if end < 0 or len(content) != size or data[end + 1 + size : end + 2 + size] != b"\n":
            raise TraceError("a content store that ends inside an item", path=str(path))
        found.append((of, what, content))
        place = end + 2 + size
    return found
