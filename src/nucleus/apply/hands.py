"""What an apply needs of other rooms: a git that is safe to run, a worker without a network, a signer.

Interfaces only. The composition root hands implementations in; without them
(``None``) what a run's git did stays in the run.
"""

from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Protocol, final

from nucleus.lean import dataclass


class Ran(Protocol):
    """What a git program said."""

    @property
    def status(self) -> int:
        """Its exit status."""
        ...

    @property
    def out(self) -> bytes:
        """What it wrote."""
        ...

    @property
    def error(self) -> str:
        """What it complained of."""
        ...


class PrivateGit(Protocol):
    """Git with a GIT_DIR whose every file we wrote; it sees the host's objects, refs and index, and runs no program."""

    folder: Path
    """The GIT_DIR."""

    def run(self, *words: str, stdin: bytes = b"", limit: int = ...) -> Ran:
        """Run one git program to its end. Raises OSError beyond ``limit`` bytes of output."""
        ...

    def must(self, *words: str, stdin: bytes = b"", limit: int = ...) -> bytes:
        """Run one git program and return its output. Raises OSError where it fails."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Packing:
    """What a worker without a network is to pack: it is the one who reads what the run's git wrote."""

    stores: tuple[int, ...]
    """Descriptors of directories of objects, the run's first. They are shown read-only, and nothing else is."""
    wants: tuple[str, ...]
    haves: tuple[str, ...]
    """Commits that the host has, with all that is below them."""
    target: int
    """A descriptor that the pack is written to."""
    size: int
    """Bytes that the pack may have."""
    seconds: float
    sha256: bool = False


Pack = Callable[[Packing], None]
"""Writes a pack of all that ``wants`` name and ``haves`` don't. Raises OSError, ValueError, CannotEnforce."""
Sign = Callable[[bytes], str]
"""Returns the armored signature of a commit, made with the owner's key. Raises OSError."""


@final
@dataclass(frozen=True, slots=True)
class Signer:
    """The owner signs commits."""

    mail: str
    """Whose commits are signed: the owner's."""
    sign: Sign


@final
@dataclass(frozen=True, slots=True)
class Hands:
    """All of them, for one workspace."""

    git: Callable[[str], AbstractContextManager[PrivateGit]]
    """(workspace) -> a private git of its repository. Raises OSError, ValueError for none that is understood."""
    pack: Pack
    signer: Callable[[], Signer | None]
    """What the owner's own configuration says of signing, None for no. Raises CannotEnforce, OSError."""
