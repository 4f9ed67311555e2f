"""The environment of a command in a box: empty, with a reviewed list (``environment.toml``) and what the owner named.

Pure: the owner's environment is handed in.
"""

import tomllib
from collections.abc import Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass
from nucleus.local.argv import PATH, proper, within

VALUE_LIMIT: Final = 256
"""Characters of a value that nobody named."""


@final
@dataclass(frozen=True, slots=True)
class Environment:
    """What the command gets, and whether some of it can be a secret."""

    variables: Mapping[str, str]
    secrets: tuple[str, ...]
    """Names that are taken to hold one."""


def environment(owner: Mapping[str, str], named: Iterable[str], path: str) -> Environment:
    """Return the variables of a box. Raises CannotEnforce for a name that can't be let in, or is not set."""
    lists = _lists()
    found = {name: owner[name] for name in sorted(lists["kept"]) if name in owner and _harmless(owner[name])}
    secrets = []
    for name in dict.fromkeys(named):
        if name in lists["refused"] or not name.isidentifier():
            raise CannotEnforce(
                f"--allow-env {name} can't be let in",
                why="the box sets it itself, or it changes which program runs",
                fix="leave it out",
            )
        if name not in owner:
            raise CannotEnforce(f"--allow-env {name}: there is no such variable", fix=f"export {name} first")
        found[name] = owner[name]
        if name not in lists["harmless"] and name not in lists["kept"]:
            secrets.append(name)
    return Environment({**found, "PATH": path}, tuple(secrets))


def search_path(owner: str, shown: Iterable[str]) -> str:
    """Return the owner's search path without what the box does not show. It ends with the system's own."""
    places = tuple(shown)
    kept = [one for one in owner.split(":") if proper(one) and any(within(one, place) for place in places)]
    return ":".join(dict.fromkeys([*kept, *PATH.split(":")]))


def _harmless(value: str) -> bool:
    return len(value) <= VALUE_LIMIT and value.isascii() and value.isprintable()


@cache
def _lists() -> dict[str, frozenset[str]]:
    text = Path(__file__).with_name("environment.toml").read_text(encoding="utf-8")
    return {name: frozenset(names) for name, names in tomllib.loads(text).items()}
