"""Credentials: read once from the state directory, kept in the gate, given one at a time.

``credentials.toml`` in the state directory (0600, the owner's), never in a
workspace::

    [[credential]]
    destination = "https://api.github.com"
    token = "..."

A permit gets a credential only if its destination is exactly the named one
or lies below it (``https://github.com/acme/app.git`` below
``https://github.com/acme``). No value of it is ever recorded or shown.
"""

import os
import stat
import tomllib
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce

NAME: Final = "credentials.toml"


@final
class Credentials:
    """Destination -> token. ``repr`` shows no token."""

    def __init__(self, tokens: dict[str, bytes]) -> None:
        self._tokens = tokens

    @classmethod
    def of(cls, state: Path) -> "Credentials":
        """Return what the state directory holds; none if there is no file. Raises CannotEnforce."""
        path = state / NAME
        try:
            fd = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            return cls({})
        except OSError as error:
            raise _unusable(path, error.strerror or "can't be opened") from error
        with os.fdopen(fd, "rb") as file:
            info = os.fstat(file.fileno())
            if info.st_uid != os.getuid() or stat.S_IMODE(info.st_mode) & 0o077:
                raise _unusable(path, "others can read it", fix=f"chmod 600 {path}")
            try:
                content = tomllib.loads(file.read().decode())
                tokens = {one["destination"].rstrip("/"): one["token"].encode("ascii") for one in content["credential"]}
            except (ValueError, KeyError, TypeError, AttributeError) as error:
                raise _unusable(path, "each entry is a [[credential]] with destination and token (ASCII)") from error
        return cls(tokens)

    def get(self, destination: str) -> bytes:
        """Return the token for a destination, b"" if there is none."""
        best = ""
        for name in self._tokens:
            below = destination == name or destination.startswith((name + "/", name + " "))
            if below and len(name) > len(best):
                best = name
        return self._tokens[best] if best else b""

    def __repr__(self) -> str:
        return f"Credentials({len(self._tokens)} destinations)"


def _unusable(path: Path, why: str, fix: str = "correct the file, or take it away") -> CannotEnforce:
    return CannotEnforce(f"the credentials in {path} can't be used", why=why, fix=fix)
