"""Which of a client's servers are behind the mediator, so that a hook need not decide their calls a second time.

A running command says so by itself, where the client tells it. Else the
client's files do: every entry of the name, in every scope, has to start this
program's mediator, and the files have to be older than the session. Whatever
is not known is not behind it.
"""

import shlex
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from nucleus.clients import config, places
from nucleus.clients.entry import entry_of, is_wrapped, leads
from nucleus.clients.layout import Unfit
from nucleus.clients.program import Program


def roots_of(event: Mapping[str, Any]) -> list[Path]:
    """Return the directories whose files a client may have read for an event: its own, and all above."""
    roots = event.get("workspace_roots")
    named = [event.get("cwd"), *(roots if type(roots) is list else ())]
    found: dict[Path, None] = {}
    for one in named:
        if type(one) is str and one.startswith("/") and "\0" not in one:
            found.update(dict.fromkeys([Path(one), *Path(one).parents]))
    return list(found)


def behind(
    client: str, server: str, command: str, event: Mapping[str, Any], us: Program, home: Path, since: float
) -> bool:
    """Whether a server's calls are decided by the mediator. ``since``: when the session began (as ``st_ctime``)."""
    if command:
        return _runs_us(command, us)
    found = False
    for place in (*(one for root in roots_of(event) for one in places.project(root)), *places.others(Path("/"), home)):
        try:
            status = place.path.stat()
            read = _read(place.path, status.st_ino, status.st_size, status.st_ctime_ns)
            named = [one for one in read.servers if one.name == server and read.client == client]
            if named and status.st_ctime >= since:
                return False
            for one in named:
                entry = entry_of(one)
                first = entry.texts[0] if entry.texts[0].startswith("/") else ""
                if entry.url or not is_wrapped(entry, us, first, trusted=place.own):
                    return False
                found = True
        except (Unfit, OSError):
            return False
    return found


@lru_cache(maxsize=64)
def _read(path: Path, *_: int) -> config.Config:
    """Return a client's file, read once for each of its states: some are megabytes. Raises Unfit, OSError."""
    return config.read(path.as_posix(), path.read_bytes())


def _runs_us(command: str, us: Program) -> bool:
    try:
        words = tuple(shlex.split(command))
    except ValueError:
        return False
    return bool(words) and words[0].startswith("/") and leads(us, words, words[0])
