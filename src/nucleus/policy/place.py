"""Where state lives: ``$XDG_STATE_HOME/nucleus``, readable by its owner only.

The home directory comes from the password database, never from ``HOME``: an
agent's environment can say anything. A privileged process passes the
directory on explicitly and reads no environment at all.
"""

import os
import stat
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from nucleus.errors import CannotEnforce

MODE: Final = 0o700


def home_directory() -> Path:
    """Return the home of the user that this process runs as, from the password database where there is one."""
    try:
        import pwd
    except ImportError:
        return Path.home()
    return Path(pwd.getpwuid(os.getuid()).pw_dir)


def state_directory(explicit: str = "", environment: Mapping[str, str] | None = None) -> Path:
    """Return the state directory. It may not exist yet; ``prepare`` makes it.

    ``explicit`` (``--state``) is taken as it is; else an absolute
    ``XDG_STATE_HOME`` of ``environment`` (the XDG base directory
    specification has relative ones ignored); else ``~/.local/state``.
    """
    if explicit:
        return Path(explicit).absolute()
    base = (environment or {}).get("XDG_STATE_HOME", "")
    parent = Path(base) if base.startswith("/") else home_directory() / ".local" / "state"
    return parent / "nucleus"


def prepare(directory: Path, workspace: Path | None = None) -> Path:
    """Make the directory if it is not there, and return it. Raises CannotEnforce.

    Afterwards it is a real directory of this user that nobody else can read
    or write, and not inside the workspace, where an agent could write it.
    """
    real = Path(os.path.realpath(directory))
    if workspace is not None and real.is_relative_to(os.path.realpath(workspace)):
        fix = "use --state with a directory outside of it"
        raise CannotEnforce(f"{directory} lies inside the workspace", why="an agent could write it", fix=fix)
    try:
        real.mkdir(mode=MODE, parents=True, exist_ok=True)
        status = real.stat()
    except OSError as error:
        fix = "make it a writable directory, or use --state DIR"
        raise CannotEnforce(f"no state directory at {directory}", why=str(error), fix=fix) from error
    if hasattr(os, "getuid") and status.st_uid != os.getuid():
        raise CannotEnforce(
            f"{directory} belongs to somebody else", why="its owner could write it", fix="use --state DIR"
        )
    if stat.S_IMODE(status.st_mode) & 0o077:
        raise CannotEnforce(f"{directory} is open to others", why="it holds traces", fix=f"chmod 700 {directory}")
    return real
