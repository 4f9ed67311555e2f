"""Who commits in a box: the owner, by name and mail address, which stand in every commit anyway.

Read from the repository's configuration as data (no include of it is
followed) and from the owner's own global one; given to the box's git as settings
in its environment, where a command's own ``-c user.name`` still goes before it.
"""

import os
import re
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from typing import Final

from nucleus.errors import CannotEnforce
from nucleus.tools.perform.private_git import NOBODY, SEARCH_PATH, git_program
from nucleus.tools.perform.repository import opened

SECONDS: Final = 10.0
_UNFIT: Final = re.compile(r"[\x00-\x1f\x7f<>]")
_WANTED: Final = r"^user\.(name|email)$"


def identity_of(workspace: str, home: str) -> tuple[str, str]:
    """Return name and mail address; ``NOBODY`` where neither configuration has both. Runs git, reading only."""
    own = b""
    with suppress(OSError, ValueError), opened(workspace) as repository:
        own = repository.config()
    try:
        found = _asked(("--global", "--includes"), home, b"")
        if b"user" in own.lower():
            found |= _asked(("--file", "-", "--no-includes"), home, own)
    except (OSError, CannotEnforce, subprocess.TimeoutExpired):
        return NOBODY
    name, mail = (_UNFIT.sub("", found.get(key, ""))[:200].strip() for key in ("user.name", "user.email"))
    return (name, mail) if name and mail else NOBODY


def settings(variables: Mapping[str, str], identity: tuple[str, str]) -> dict[str, str]:
    """Return the variables with the identity added to git's settings among them (git-config(1), GIT_CONFIG_COUNT)."""
    count = int(variables.get("GIT_CONFIG_COUNT", "0"))
    found = dict(variables) | {"GIT_CONFIG_COUNT": str(count + 2)}
    for number, (key, value) in enumerate(zip(("user.name", "user.email"), identity, strict=True), count):
        found |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return found


def _asked(where: tuple[str, ...], home: str, text: bytes) -> dict[str, str]:
    clean = {"HOME": home, "PATH": SEARCH_PATH, "LC_ALL": "C.UTF-8", "GIT_CONFIG_NOSYSTEM": "1", "GIT_DIR": os.devnull}
    words = [git_program(), "config", *where, "--null", "--get-regexp", _WANTED]
    done = subprocess.run(words, input=text, capture_output=True, timeout=SECONDS, cwd="/", env=clean, check=False)
    pairs = (entry.partition("\n") for entry in done.stdout.decode("utf-8", "replace").split("\0") if entry)
    return {key: value for key, _, value in pairs}
