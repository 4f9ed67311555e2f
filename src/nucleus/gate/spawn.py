"""Starting privileged processes: absolute path, isolated interpreter, clean environment.

``python -m nucleus`` from a workspace would import the workspace's
``nucleus``; a ``.pth`` file runs even under ``-I``. So the interpreter gets
``-I -S -B`` and the absolute path of ``privileged.py``, and both must lie
outside of the workspace, where the agent can't write them.
"""

import os
import select
import socket
import subprocess
import sys
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, final

import nucleus
from nucleus.errors import CannotEnforce
from nucleus.gate.hardening import clean_environment

BOOTSTRAP: Final = Path(str(nucleus.__file__)).with_name("privileged.py")


@final
class Spawned:
    """A started process and our end of the socket pair to it."""

    def __init__(self, process: subprocess.Popen[bytes], sock: socket.socket) -> None:
        self.process = process
        self.sock = sock

    @property
    def pid(self) -> int:
        """The number of the process."""
        return self.process.pid

    def end(self, seconds: float) -> None:
        """Close our end, wait, and kill what is still there after ``seconds``."""
        self.sock.close()
        if not ended(self.process, seconds):
            self.process.kill()
        self.process.wait()


def ended(process: subprocess.Popen[bytes], seconds: float) -> bool:
    """Wait until a child of this process has ended, at most so long; whether it has. Its status waits for ``poll``.

    Woken by the kernel (pidfd_open(2)): ``Popen.wait`` with a limit only looks, at the end every 50 ms.
    """
    if process.poll() is not None:
        return True
    try:
        number = os.pidfd_open(process.pid)
    except OSError:  # a filter that lacks it: that of a sealed process
        with suppress(subprocess.TimeoutExpired):
            process.wait(seconds)
        return process.poll() is not None
    try:
        return bool(select.select([number], [], [], seconds)[0])
    finally:
        os.close(number)


def start(role: Sequence[str], bootstrap: Path | None = None, *, quiet: bool = False) -> Spawned:
    """Start a privileged process for ``role`` and return it with a socket to it.

    Its standard streams are the null device, but for errors. It leads a
    session of its own, so that an interrupt of the terminal does not reach it.
    ``bootstrap`` is the package's own unless a test that composes the whole
    brings another, with a resolver and a CA in it: no variable, file or flag
    of the product leads here (tests/house/test_composed.py).
    ``quiet``: its errors go nowhere too, for one that outlives its starter and
    would hold the starter's pipe open. Raises CannotEnforce.
    """
    python = interpreter()
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_STREAM)
    os.set_inheritable(theirs.fileno(), True)
    command = [python, "-I", "-S", "-B", str(bootstrap or BOOTSTRAP), *role, str(theirs.fileno())]
    try:
        process = subprocess.Popen(
            command,
            env=clean_environment(),
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL if quiet else None,
            pass_fds=[theirs.fileno()],
            start_new_session=True,
        )
    except OSError as error:
        ours.close()
        raise CannotEnforce(
            f"the {role[0]} could not be started", why=str(error), fix="check the interpreter"
        ) from error
    finally:
        theirs.close()
    return Spawned(process, ours)


def interpreter() -> str:
    """Return the absolute path of the interpreter. Raises CannotEnforce where it is unknown (embedded Python)."""
    if not sys.executable or not os.path.isabs(sys.executable):
        raise CannotEnforce(
            "the gate can't be started", why="this Python does not know its own path", fix="start it by its full path"
        )
    return sys.executable


def outside(workspace: str, places: Sequence[str] | None = None) -> None:
    """Check that no code of the gate lies in the workspace, where the agent could write it.

    Raises CannotEnforce, naming the place and the fix.
    """
    root = os.path.realpath(workspace)
    for place in _places() if places is None else places:
        for path in {os.path.realpath(place), os.path.abspath(place)}:
            if os.path.commonpath([root, path]) == root:
                raise CannotEnforce(
                    f"{place} lies inside the workspace {root}",
                    why="the agent could replace the code that is meant to hold it",
                    fix="install nucleus-runtime outside of it, with pipx or in a venv elsewhere",
                )


def _places() -> list[str]:
    """Return what the gate runs: interpreter, its library, the package, what lies on its path."""
    return [
        interpreter(),
        sys.prefix,
        os.__file__,
        str(BOOTSTRAP),
        *(p for p in sys.path if os.path.isabs(p) and "cryptography" in _listing(p)),
    ]


def _listing(folder: str) -> list[str]:
    try:
        return os.listdir(folder)
    except OSError:
        return []
