"""Who a server is, and the environment that it gets.

The client merges an entry's ``env`` into the environment of whatever it
starts, which is the mediator. A name there that steers a loader, an
interpreter, TLS trust or a home directory would steer the one that is meant
to hold the server. So nothing of our own environment reaches the server, and
the worst names are refused; what the server needs is said with
``--server-env``.
"""

import os
from collections.abc import Mapping, Sequence
from typing import Final

from nucleus.errors import CannotEnforce
from nucleus.mcp.pins import Identity

STEERING: Final = ("LD_", "DYLD_", "PYTHON", "MALLOC_", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH")
"""What a mediator's own environment must not hold: it would have acted before the first line of this ran.

``OPENSSL_CONF`` and the like act on TLS only, which the mediator does not speak."""
HARMLESS: Final = frozenset(("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "PYTHONUTF8"))
FORWARDED: Final = ("USER", "LOGNAME", "TERM", "SHELL")
"""What a program may need to know of its user, and what can't steer it."""


def identity(command: Sequence[str], path: str) -> Identity:
    """Return who a command starts: its program resolved along ``path``, its other words as they are.

    Raises CannotEnforce where there is no such program.
    """
    program = _found(command[0], path)
    if not program:
        raise CannotEnforce(
            f"the server {command[0]} can't be started",
            why="there is no such program",
            fix="name it by its full path, or set --server-env PATH=...",
        )
    return Identity((os.path.realpath(os.path.dirname(program)) + "/" + os.path.basename(program), *command[1:]))


def _found(name: str, path: str) -> str:
    """Return the absolute path of a program, "" where there is none. Relative entries of ``path`` are not asked."""
    places = [name] if "/" in name else [f"{folder}/{name}" for folder in path.split(":") if folder.startswith("/")]
    return next((os.path.abspath(one) for one in places if os.path.isfile(one) and os.access(one, os.X_OK)), "")


def refuse_steering(environment: Mapping[str, str]) -> None:
    """Check that nothing in the mediator's environment steers it. Raises CannotEnforce, naming the fix."""
    for name in sorted(environment):
        if name.upper().startswith(STEERING) and name not in HARMLESS and environment[name]:
            raise CannotEnforce(
                f"{name} is set for the mediator itself",
                why="it steers the program that is meant to hold the server",
                fix=f"take it out of the entry's env; if the server needs it: --server-env {name}=VALUE",
            )


def server_environment(clean: Mapping[str, str], own: Mapping[str, str], settings: Sequence[str]) -> dict[str, str]:
    """Return what the server gets: a clean environment, its user's names, and what was said for it.

    A setting is ``NAME=VALUE``, or ``NAME`` for the mediator's own value: a secret that the client's entry holds
    stays out of the command line. Raises ValueError.
    """
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name or "\0" in setting:
            raise ValueError(f"--server-env takes NAME=VALUE or NAME: {setting!r}")
        if not equals and name not in own:
            raise ValueError(f"--server-env {name}: the mediator has no such variable")
        given[name] = value if equals else own[name]
    return {**{name: own[name] for name in FORWARDED if name in own}, **clean, **given}
