"""Lock files that the owner trusts, read once, before the agent starts.

A file counts only where a trusted policy names it (``lock:PATH``), and as it
is then: what the agent makes of it later changes nothing.
"""

import os
import stat
from typing import Final

from nucleus.errors import CannotEnforce
from nucleus.policy.locks import LOCK_LIMIT, locked
from nucleus.policy.model import Policy
from nucleus.policy.packages import lock_files

_OPEN: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK


def pinned(policy: Policy, workspace: str) -> frozenset[str]:
    """Return what the trusted lock files of a workspace pin.

    Raises CannotEnforce for one that is not there, or that pins nothing: who named it relied on it.
    """
    found: set[str] = set()
    for path in lock_files(policy):
        entries = locked(path, _content(os.path.join(workspace, path), path))
        if not entries:
            raise CannotEnforce(
                f"the lock file {path} pins nothing",
                why="it has no exact version with a strong hash, or is of a kind that is not known",
                fix="requirements.txt with --hash, package-lock.json, uv.lock, poetry.lock, pylock.toml, Pipfile.lock",
            )
        found |= entries
    return frozenset(found)


def _content(place: str, path: str) -> bytes:
    try:
        fd = os.open(place, _OPEN)
    except OSError as error:
        raise CannotEnforce(
            f"the lock file {path} can't be read", why=error.strerror or "", fix="correct [allow] packages"
        ) from error
    info = os.fstat(fd)
    if not stat.S_ISREG(info.st_mode) or info.st_size > LOCK_LIMIT:
        os.close(fd)
        raise CannotEnforce(f"the lock file {path} is no ordinary file, or too large", fix="name another one")
    with os.fdopen(fd, "rb") as file:
        return file.read(LOCK_LIMIT + 1)
