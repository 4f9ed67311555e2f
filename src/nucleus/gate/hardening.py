"""What a privileged process does to itself before it holds a secret or reads a byte.

Privileged are the gate, its workers, mediators, the approver. Each starts as
``python -I -S -B`` with an explicit path list and ``clean_environment``,
imports everything it will need, then calls ``freeze_imports`` and
``not_dumpable``.
"""

import importlib
import os
import sys
from collections.abc import Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final, NoReturn, final

from nucleus.errors import CannotEnforce

PR_GET_DUMPABLE: Final = 3
PR_SET_DUMPABLE: Final = 4
SYSTEM_PATH: Final = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""Directories that only root can write."""
REPORTING: Final = (
    "encodings.ascii",
    "encodings.latin_1",
    "encodings.utf_8",
    "encodings.utf_8_sig",
    "linecache",
    "tokenize",
    "traceback",
    "unicodedata",
)
"""What the standard library imports only when first used, in every process: texts and error reports."""
LATE: Final = (*REPORTING, "_strptime", "encodings.idna", "encodings.punycode", "stringprep")
"""The same where hosts are named or dates are read: not in the gate, which does neither."""


@final
class FrozenImports:
    """Stands for every finder once imports are frozen: whatever was not imported before is refused."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse. Raises ImportError, and asks no other finder."""
        del path, target
        raise ImportError(
            f"imports are frozen in this process; {fullname!r} was not imported before that", name=fullname
        )


def freeze_imports(late: Sequence[str] = LATE) -> None:
    """Import ``late``, then make every later import of something new raise ImportError.

    What is already imported stays usable. Nothing on disk is looked at any
    more: not the path list, not the working directory, no ``.pth`` file. This
    is a guard against planted modules, not against code that already runs here.
    """
    for name in late:
        importlib.import_module(name)
    sys.meta_path[:] = [FrozenImports()]
    sys.path[:] = []
    sys.path_hooks[:] = []
    sys.path_importer_cache.clear()


def not_dumpable() -> None:
    """Make this process unreadable for its own user: no ptrace, no ``/proc/PID/mem``, no core file.

    Threads are covered; an exec undoes it, so the started program calls it
    anew. Root is not kept out. Raises CannotEnforce. See prctl(2) PR_SET_DUMPABLE.
    """
    if not sys.platform.startswith("linux"):
        _no_guard("this is not Linux")
    import ctypes
    import resource

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    prctl = ctypes.CDLL(None, use_errno=True).prctl
    prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)
    if prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0:
        _no_guard(os.strerror(ctypes.get_errno()))
    if prctl(PR_GET_DUMPABLE, 0, 0, 0, 0) != 0:
        _no_guard("the kernel still calls it dumpable")


def _no_guard(why: str) -> NoReturn:
    raise CannotEnforce(
        "the gate's memory can't be kept from other processes of this user",
        why=why,
        fix="run on Linux, outside of a sandbox that filters prctl(2)",
    )


def home_of(uid: int) -> str:
    """Return the home directory of ``uid`` as the password database has it.

    HOME and XDG variables are never asked: whoever starts the process writes
    them. That the directory exists is not checked. Raises CannotEnforce.
    """
    try:
        import pwd

        home = pwd.getpwuid(uid).pw_dir
    except (ImportError, KeyError) as error:
        raise CannotEnforce(
            "the home directory is unknown",
            why=f"the password database has no entry for user {uid}",
            fix=f"add one (useradd --uid {uid} NAME), or name the state directory with --state",
        ) from error
    if not home.startswith("/"):
        raise CannotEnforce(
            "the home directory is unknown",
            why=f"the password database says {home!r} for user {uid}, which is not absolute",
            fix="correct the entry (usermod --home /PATH NAME)",
        )
    return os.path.normpath(home)


def clean_environment(uid: int | None = None) -> dict[str, str]:
    """Return the environment for starting a privileged process: these five variables and no other.

    Nothing is taken over from the caller: not PATH, PYTHON*, LD_*, XDG_*,
    GIT_*, SSL_*, proxies, or a locale that loads modules. Without ``uid`` it
    is for the user this process runs as. Raises CannotEnforce.
    """
    home = home_of(os.getuid() if uid is None else uid)
    return {"HOME": home, "LANG": "C.UTF-8", "LC_ALL": "C.UTF-8", "PATH": SYSTEM_PATH, "TZ": "UTC"}
