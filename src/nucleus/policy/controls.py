r"""Which paths steer an agent, a shell, an editor or a build, and which look like secrets.

The names are data (``controls.toml``). They are compared as every file system
may read them (``paths.fold``): a file system that ignores case, normal forms,
trailing dots or ignorable characters opens ``.git`` for ``.GIT `` or
``.g\u200cit``, and NTFS opens it for ``GIT~1``.
"""

import tomllib
from enum import IntEnum
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, Final, final

from nucleus.lean import dataclass
from nucleus.policy.paths import fold, short_forms, short_name


class Steering(IntEnum):
    """What writing a path can do later. Higher is worse."""

    NONE = 0
    FLAGGED = 1
    """Runs when a person or CI builds."""
    HELD = 2
    """Run by an interpreter or editor without being asked."""
    CONTROL = 3
    """Steers an agent, a shell, version control, or Nucleus."""


@final
@dataclass(frozen=True, slots=True)
class Names:
    """One table of names, ready to compare."""

    names: frozenset[str]
    files: frozenset[str]
    ends: tuple[str, ...]
    starts: tuple[str, ...]
    tails: frozenset[tuple[str, ...]]
    tail_ends: frozenset[str]
    shorts: frozenset[tuple[str, str]]
    except_ends: tuple[str, ...]
    except_starts: tuple[str, ...]

    def match(self, parts: tuple[str, ...]) -> bool:
        """Whether folded components are one of these."""
        for at, part in enumerate(parts):
            if part in self.names or (part in self.tail_ends and self._tail(parts, at)):
                return True
            if "~" in part and self._short(part):
                return True
        last = parts[-1]
        if last.endswith(self.except_ends) or last.startswith(self.except_starts):
            return False
        return last in self.files or last.endswith(self.ends) or last.startswith(self.starts)

    def _tail(self, parts: tuple[str, ...], at: int) -> bool:
        """Whether some listed run of components ends at ``at``."""
        return any(parts[at - 1 - more : at + 1] in self.tails for more in range(min(at, 3)))

    def _short(self, part: str) -> bool:
        """Whether ``part`` could be the short name of a listed name."""
        short = short_name(part)
        if short is None:
            return False
        stem, extension = short
        hashed = len(stem) == 6 and all(c in "0123456789abcdef" for c in stem[2:])
        return short in self.shorts or (hashed and (stem[:2], extension) in self.shorts)


@lru_cache(maxsize=8192)
def steering(path: str) -> Steering:
    """Return what writing ``path`` (with ``/`` between components) can steer."""
    tables = _tables()
    parts = _parts(path)
    if not parts:
        return Steering.NONE
    if tables["control"].match(parts):
        return Steering.CONTROL
    if tables["held"].match(parts):
        return Steering.HELD
    return Steering.FLAGGED if tables["flagged"].match(parts) else Steering.NONE


@lru_cache(maxsize=8192)
def in_git(path: str) -> bool:
    """Whether a path is git's own storage, or in it."""
    return any(part == ".git" or ("~" in part and short_name(part) in _GIT) for part in _parts(path))


@lru_cache(maxsize=8192)
def secret_looking(path: str) -> bool:
    """Whether ``path`` looks like keys, passwords or somebody's history."""
    parts = _parts(path)
    return bool(parts) and _tables()["secret"].match(parts)


def may_look_secret(name: str) -> bool:
    """Whether a path that ends in this component can look like a secret because of it. Yes too often, never too seldom.

    For whoever walks a tree from the top and goes into nothing that looks like one: the components above are settled.
    """
    part, secret = fold(name), _tables()["secret"]
    known = part in secret.names or part in secret.tail_ends or part in secret.files or "~" in part
    return known or part.endswith(secret.ends) or part.startswith(secret.starts)


@cache
def secret_patterns() -> tuple[str, ...]:
    """Return what looks like a secret as path patterns, for a worker that walks a tree."""
    secret = _tables()["secret"]
    below = [f"**/{name}/**" for name in sorted(secret.names)]
    files = [f"**/{name}" for name in sorted(secret.names | secret.files)]
    ends = [f"**/*{end}" for end in secret.ends]
    starts = [f"**/{start}*" for start in secret.starts]
    tails = [f"**/{'/'.join(tail)}{more}" for tail in sorted(secret.tails) for more in ("", "/**")]
    return (*below, *files, *ends, *starts, *tails)


def _parts(path: str) -> tuple[str, ...]:
    """Return the folded components."""
    return tuple(fold(part) for part in path.split("/") if part not in {"", "."})


@cache
def _tables() -> dict[str, Names]:
    """Read the data, once."""
    text = Path(__file__).with_name("controls.toml").read_text(encoding="utf-8")
    return {name: _compile(table) for name, table in tomllib.loads(text).items()}


def _compile(table: dict[str, Any]) -> Names:
    """Make one table ready to compare."""
    names = frozenset(table.get("names", ()))
    files = frozenset(table.get("files", ()))
    tails = frozenset(tuple(tail.split("/")) for tail in table.get("tails", ()))
    shorts = frozenset(short for name in names | files for short in short_forms(name) if short[0])
    return Names(
        names,
        files,
        tuple(table.get("ends", ())),
        tuple(table.get("starts", ())),
        tails,
        frozenset(tail[-1] for tail in tails),
        shorts,
        tuple(table.get("except_ends", ())),
        tuple(table.get("except_starts", ())),
    )


_GIT: Final = frozenset(short_forms(".git"))
_LOADED: Final = _tables()
"""Read before a privileged process freezes its imports."""
