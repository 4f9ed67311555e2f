"""Which program this Nucleus is, as a client's file names it."""

import os
import sys
from typing import final

from nucleus.lean import dataclass

NAMES = ("nucleus", "nucleus-runtime")


@final
@dataclass(frozen=True, slots=True)
class Program:
    """The words that start this Nucleus, and every file that is it."""

    words: tuple[str, ...]
    files: frozenset[str]
    """Resolved paths of its scripts."""
    state: str = ""
    """The state directory that its owner named, "" for the usual one."""

    @property
    def said(self) -> tuple[str, ...]:
        """The words behind ``mcp run`` that say it."""
        return (f"--state={self.state}",) if self.state else ()

    def is_first(self, words: tuple[str, ...], resolved: str) -> bool:
        """Whether a command starts with this program. ``resolved``: the file that its first word starts."""
        return resolved in self.files or words[: len(self.words)] == self.words


def program(state: str = "") -> Program:
    """Return this Nucleus: its script beside the interpreter, else the interpreter itself.

    ``state``: the state directory that its owner named, which a client would not.
    """
    folder = os.path.dirname(os.path.abspath(sys.executable))
    scripts = [path for name in NAMES if os.path.isfile(path := os.path.join(folder, name))]
    words = (scripts[0],) if scripts else (os.path.abspath(sys.executable), "-I", "-m", "nucleus")
    return Program(
        words, frozenset(os.path.realpath(path) for path in scripts), os.path.abspath(state) if state else ""
    )


def resolve(word: str) -> str:
    """Return the file that a command's first word starts, "" where there is none or it depends on a directory."""
    if "/" in word and not word.startswith("/"):
        return ""
    folders = os.environ.get("PATH", os.defpath).split(":")
    places = [word] if "/" in word else [f"{folder}/{word}" for folder in folders if folder.startswith("/")]
    found = next((one for one in places if os.path.isfile(one) and os.access(one, os.X_OK)), "")
    return os.path.realpath(found) if found else ""
