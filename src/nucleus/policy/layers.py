"""Which policy files hold for a workspace, in order, and whose grants count.

===============  ==========================================  ===================
system           ``/etc/nucleus/policy.toml``                trusted
user             ``~/.config/nucleus/policy.toml``           trusted
project          ``nucleus.toml`` in the workspace           pinned by digest
``--policy-rev``  the same file in a git revision            trusted: the owner
                 (takes the place of the project's)          named the revision
``--policy F``   each, in order                              trusted: named
===============  ==========================================  ===================

A file of the system or the user that lies inside the workspace, or that
somebody else can write, is not trusted as such.
"""

import hashlib
import os
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol, final

from nucleus.errors import PolicyError
from nucleus.lean import dataclass
from nucleus.policy.document import SIZE_LIMIT
from nucleus.policy.load import LayerFile
from nucleus.policy.trust import pinned_digest

PROJECT_FILE: Final = "nucleus.toml"
SYSTEM_FILE: Final = Path("/etc/nucleus/policy.toml")
USER_FILE: Final = Path(".config/nucleus/policy.toml")


class RevisionReader(Protocol):
    """Reads a file from a git revision. Implemented where processes may be started."""

    def __call__(self, workspace: str, revision: str, path: str) -> bytes:
        """Return the bytes of the file. Raises PolicyError if there is no such revision or file in it."""
        ...


@final
@dataclass(frozen=True, slots=True)
class Places:
    """Where to look. Tests and privileged processes name every one of them."""

    workspace: Path
    home: Path
    state: Path
    system: Path = SYSTEM_FILE


def find_layers(
    places: Places,
    *,
    named: Sequence[str] = (),
    revision: str = "",
    read_revision: RevisionReader | None = None,
) -> list[LayerFile]:
    """Return the files that hold, outermost first. Raises PolicyError for one that can't be read.

    ``named`` are the paths of ``--policy``, relative ones to the working
    directory. A missing file of the system, user or project is no error.
    """
    found = [
        _standing("system", places.system, places, owners=(0,)),
        _standing("user", places.home / USER_FILE, places, owners=(0, _me())),
        _from_revision(places, revision, read_revision) if revision else _project(places, named),
    ]
    layers = [one for one in found if one is not None]
    for text in named:
        data = read_bounded(Path(text))
        if data is None:
            raise PolicyError("no such file", path=text, fix="--policy names a file that exists")
        layers.append(LayerFile("--policy", text, data, trusted=True, why="named by --policy"))
    return layers


def read_bounded(path: Path) -> bytes | None:
    """Return the bytes of a regular file, None if there is none. Raises PolicyError; never blocks on a pipe."""
    try:
        descriptor = os.open(path, os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0))
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise PolicyError(f"can't be read: {error.strerror}", path=str(path)) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise PolicyError("not a regular file", path=str(path))
        with os.fdopen(descriptor, "rb", closefd=False) as file:
            return file.read(SIZE_LIMIT + 1)
    except OSError as error:
        raise PolicyError(f"can't be read: {error.strerror}", path=str(path)) from error
    finally:
        os.close(descriptor)


def _standing(name: str, path: Path, places: Places, owners: tuple[int, ...]) -> LayerFile | None:
    """Return a file of the system or the user, trusted if only they can write it."""
    data = read_bounded(path)
    if data is None:
        return None
    if _inside(path, places.workspace):
        return LayerFile(name, str(path), data, trusted=False, why="lies inside the workspace")
    status = path.stat()
    if hasattr(os, "getuid") and (status.st_uid not in owners or status.st_mode & 0o022):
        fix = f"chown it to its user and chmod go-w {path}"
        raise PolicyError("others can write it, so it can't be trusted", path=str(path), line=1, fix=fix)
    return LayerFile(name, str(path), data, trusted=True, why=f"a file of the {name}")


def _project(places: Places, named: Sequence[str]) -> LayerFile | None:
    """Return the project's file, trusted if these very bytes are pinned; None if --policy names it anyway."""
    path = places.workspace / PROJECT_FILE
    if any(os.path.realpath(one) == os.path.realpath(path) for one in named):
        return None
    data = read_bounded(path)
    if data is None:
        return None
    pinned = pinned_digest(places.state, path)
    if pinned and pinned == hashlib.sha256(data).hexdigest():
        return LayerFile("project", PROJECT_FILE, data, trusted=True, why="pinned by its digest")
    why = "changed since it was trusted" if pinned else "lies in the workspace, and was never trusted"
    return LayerFile("project", PROJECT_FILE, data, trusted=False, why=why)


def _from_revision(places: Places, revision: str, read: RevisionReader | None) -> LayerFile:
    """Return the project's file as a revision has it."""
    if read is None:
        raise PolicyError("nothing here reads git revisions", fix="leave --policy-rev out")
    data = read(str(places.workspace), revision, PROJECT_FILE)
    why = "the owner named the revision"
    return LayerFile("--policy-rev", f"{revision}:{PROJECT_FILE}", data, trusted=True, why=why)


def _inside(path: Path, workspace: Path) -> bool:
    return Path(os.path.realpath(path)).is_relative_to(os.path.realpath(workspace))


def _me() -> int:
    return os.getuid() if hasattr(os, "getuid") else 0
