"""Who a server is, and the environment that it gets.

The client merges an entry's ``env`` into the environment of whatever it
starts, which is the mediator. A name there that steers a loader, an
interpreter, TLS trust or a home directory would steer the one that is meant
to hold the server. So nothing of our own environment reaches the server, and
the worst names are refused; what the server needs is said with
``--server-env``.
"""

import os
import re
from collections.abc import Mapping, Sequence
from typing import Final

from nucleus.errors import CannotEnforce
from nucleus.mcp.pins import Identity

STEERING: Final = ("LD_", "DYLD_", "PYTHON", "MALLOC_", "GCONV_PATH", "GLIBC_TUNABLES", "LOCPATH", "NLSPATH")
"""What a mediator's own environment must not hold: it would have acted before the first line of this ran.

``OPENSSL_CONF`` and the like act on TLS only, which the mediator does not speak."""
HARMLESS: Final = frozenset(("PYTHONDONTWRITEBYTECODE", "PYTHONUNBUFFERED", "PYTHONHASHSEED", "PYTHONUTF8"))
MORE_STEERING: Final = (
    *("PATH", "HOME", "IFS", "ENV", "BASH_ENV", "SHELLOPTS", "BASHOPTS", "TMPDIR", "NODE_OPTIONS", "NODE_PATH"),
    *("NODE_EXTRA_CA_CERTS", "NODE_TLS_REJECT_UNAUTHORIZED", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "PERL5LIB"),
    *("PERL5OPT", "RUBYOPT", "RUBYLIB", "JAVA_TOOL_OPTIONS", "_JAVA_OPTIONS", "SSLKEYLOGFILE", "HTTP_PROXY"),
    *("HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"),
)
"""What else steers a loader, an interpreter, TLS trust, a home, or where connections go: never left to the mediator
where a client's file is edited for it."""
STEERING_FAMILIES: Final = ("XDG_", "SSL_CERT_", "OPENSSL_", "NUCLEUS_")
SERVER_PREFIX: Final = "NUCLEUS_SERVER_"
"""A variable for the server alone, under a name that steers nobody on its way through the mediator."""
HEADER_PREFIX: Final = "NUCLEUS_HEADER_"
"""A header for a URL's server, likewise."""
HEADER_NAME: Final = re.compile(r"[A-Za-z0-9-]{1,64}")
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


def steers(name: str) -> bool:
    """Whether a variable would steer the mediator, if the client's entry set it."""
    upper = name.upper()
    return name not in HARMLESS and (upper in MORE_STEERING or upper.startswith((*STEERING, *STEERING_FAMILIES)))


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
    stays out of the command line. ``NUCLEUS_SERVER_NAME`` counts before ``NAME``: what an entry says for the server
    alone. Raises ValueError.
    """
    given: dict[str, str] = {}
    for setting in settings:
        name, equals, value = setting.partition("=")
        if not name or "\0" in setting:
            raise ValueError(f"--server-env takes NAME=VALUE or NAME: {setting!r}")
        theirs = own.get(SERVER_PREFIX + name, own.get(name))
        if not equals and theirs is None:
            raise ValueError(f"--server-env {name}: the mediator has no such variable")
        given[name] = value if equals or theirs is None else theirs
    return {**{name: own[name] for name in FORWARDED if name in own}, **clean, **given}


def url_headers(own: Mapping[str, str], names: Sequence[str]) -> dict[str, str]:
    """Return the headers for a URL's server that were said by name (``--header NAME``).

    The value of a header is the variable ``NUCLEUS_HEADER_NAME`` of the mediator, so that a secret is in no command
    line. Raises ValueError.
    """
    headers: dict[str, str] = {}
    for name in names:
        value = own.get(HEADER_PREFIX + name)
        if not HEADER_NAME.fullmatch(name) or value is None:
            raise ValueError(f"--header {name}: the mediator has no variable {HEADER_PREFIX}{name}")
        if not value.isprintable() or not value.isascii():
            raise ValueError(f"--header {name}: its value is no plain text")
        headers[name] = value
    return headers
