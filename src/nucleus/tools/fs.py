"""Files of the workspace, mediated: ``from nucleus.tools import fs``.

``fs.read(path)`` asks the gate of the ambient session; ``session.fs.read(path)``
is its twin. Paths are relative to the workspace. No link is ever followed.
"""

import json
import os
from collections.abc import Callable
from typing import Any, Final, final

from nucleus.gate.client import Client, current
from nucleus.policy import call
from nucleus.tools.handles import Blob, FileHandle, Text, items_of, seen_of

Entries = list[dict[str, Any]]
Paths = list[Text]
Path = str | os.PathLike[str]
"""A path relative to the workspace, or absolute where a policy names it."""


@final
class Fs:
    """The file operations of one client."""

    def __init__(self, client_of: Callable[[], Client]) -> None:
        self._client_of = client_of

    def read(self, path: Path) -> FileHandle:
        """Return the text of a file (UTF-8).

        Raises UnicodeDecodeError for other bytes (``read_bytes`` returns
        them), FileNotFoundError, and OSError beyond the size limit.
        """
        result = self._client_of().mediate(call.READ, {"path": os.fspath(path)}, seen=seen_of(path))
        try:
            decoded = result.body.decode("utf-8")
        except UnicodeDecodeError as error:
            error.reason += f"; fs.read_bytes({os.fspath(path)!r}) returns the bytes"
            raise
        return FileHandle(decoded, exposure=result.exposure, source=result.source, seq=result.seq, details=result.value)

    def read_bytes(self, path: Path) -> Blob:
        """Return the bytes of a file, whatever its encoding."""
        result = self._client_of().mediate(call.READ, {"path": os.fspath(path)}, seen=seen_of(path))
        return Blob(result.body, exposure=result.exposure, source=result.source, seq=result.seq, details=result.value)

    def write(self, path: Path, content: str | bytes, *, parents: bool = False) -> int:
        """Make ``content`` the whole content of a file, at once; return the number of bytes.

        ``parents`` makes missing directories. An existing file keeps its mode.
        """
        body = content.encode() if isinstance(content, str) else bytes(content)
        args: dict[str, Any] = {"path": os.fspath(path)}
        if parents:
            args["parents"] = True
        self._client_of().mediate(call.WRITE, args, body, seen=seen_of(path, content))
        return len(body)

    def edit(self, path: Path, old: str, new: str) -> None:
        """Replace the one place where ``old`` stands. Raises ValueError if it stands nowhere or twice."""
        body = json.dumps({"new": new, "old": old}, ensure_ascii=False).encode()
        self._client_of().mediate(call.EDIT, {"path": os.fspath(path)}, body, seen=seen_of(path, old, new))

    def delete(self, path: Path) -> None:
        """Remove a file. Directories are not removed."""
        self._client_of().mediate(call.DELETE, {"path": os.fspath(path)}, seen=seen_of(path))

    def list(self, path: Path = ".") -> Entries:
        """Return the entries of a directory, sorted: ``name``, ``type`` (file, directory, link, special), ``size``."""
        result = self._client_of().mediate(call.LIST, {"path": os.fspath(path)}, seen=seen_of(path))
        return items_of(result)  # type: ignore[no-any-return]

    def glob(self, pattern: str, path: Path = ".") -> Paths:
        """Return the files below ``path`` that match, sorted. ``*``, ``?`` and ``**``; brackets are literal."""
        args = {"path": os.fspath(path), "pattern": str(pattern)}
        result = self._client_of().mediate(call.GLOB, args, seen=seen_of(path, pattern))
        return items_of(result)  # type: ignore[no-any-return]

    def grep(
        self, pattern: str, path: Path = ".", *, glob: str = "**", regex: bool = False, fold: bool = False
    ) -> Entries:
        """Return the lines that contain ``pattern``: ``path``, ``line`` (from 1), ``text``.

        A literal unless ``regex``; ``fold`` ignores case. Binary files and
        files over 4 MiB are skipped.
        """
        args = {"path": os.fspath(path), "pattern": str(pattern), "glob": str(glob), "regex": regex, "fold": fold}
        result = self._client_of().mediate(call.GREP, args, seen=seen_of(path, pattern, glob))
        return items_of(result)  # type: ignore[no-any-return]


_AMBIENT: Final = Fs(current)
read = _AMBIENT.read
read_bytes = _AMBIENT.read_bytes
write = _AMBIENT.write
edit = _AMBIENT.edit
delete = _AMBIENT.delete
list = _AMBIENT.list  # noqa: A001  fs.list is the name in the contract
glob = _AMBIENT.glob
grep = _AMBIENT.grep
