"""A worker without a network that packs what a run's git wrote: it reads hostile objects so that nobody else must.

Its box shows the system's programs, the two object stores (read-only, by
descriptor) and a GIT_DIR that is made here; it has no network, no home, no
other process and no place of the host to write. What comes out is a pack on
one descriptor, which the other side checks object by object.
"""

import errno
import os
import select
import subprocess
import tempfile
import time
from collections.abc import Sequence
from typing import Final, Protocol

from nucleus.errors import CannotEnforce
from nucleus.local import bwrap, host, probe
from nucleus.local.argv import FENCES, NAMESPACES, PATH, packed

CHUNK: Final = 1 << 20
ERROR_LIMIT: Final = 4096
MEMORY: Final = 3 << 30
"""Bytes that the worker may allocate: a pack of a few kilobytes can hold an object of any size. Honest ones need less
than three times the 512 MiB up to which git makes differences of files; larger ones pass through.
"""
_GIT: Final = "/git"


class Packing(Protocol):
    """What is to be packed: ``apply.hands.Packing``."""

    @property
    def stores(self) -> tuple[int, ...]:
        """Descriptors of directories of objects."""
        ...

    @property
    def wants(self) -> tuple[str, ...]:
        """Objects that the pack must have, with all below them."""
        ...

    @property
    def haves(self) -> tuple[str, ...]:
        """Commits that the other side has."""
        ...

    @property
    def target(self) -> int:
        """Where the pack is written."""
        ...

    @property
    def size(self) -> int:
        """Bytes that it may have."""
        ...

    @property
    def seconds(self) -> float:
        """How long it may take."""
        ...

    @property
    def sha256(self) -> bool:
        """Whether objects are named by SHA-256."""
        ...


def pack(packing: Packing, path_list: Sequence[str] | None = None) -> None:
    """Write a pack of what is wanted to the target. Raises ValueError where the objects are no such thing.

    TimeoutError and OSError for a pack beyond its limits; CannotEnforce if no box can be made.
    """
    found = bwrap.find(path_list)
    wanted = "".join([*(f"{name}\n" for name in packing.wants), *(f"^{name}\n" for name in packing.haves)])
    with tempfile.TemporaryFile() as said:
        contents = (packed(words(packing)), probe.program(), *_contents(packing), wanted.encode())
        files = [_file(content) for content in contents]
        head = [found.path, "--args", str(files[0]), "--seccomp", str(files[1])]
        for number, place in zip(files[2:-1], _PLACES, strict=True):
            head += ["--file", str(number), place]
        try:
            process = subprocess.Popen(
                [*head, "sh", "-c", _BOUNDED, str(MEMORY >> 10), *_COMMAND],
                stdin=files[-1],
                stdout=subprocess.PIPE,
                stderr=said,
                pass_fds=(*files[:-1], *packing.stores),
                env={},
                cwd="/",
                start_new_session=True,
            )
        finally:
            for number in files:
                os.close(number)
        with process:
            try:
                _receive(process, packing)
            finally:
                process.kill()
        said.seek(0)
        _judge(process.returncode, said.read(ERROR_LIMIT).decode("utf-8", "replace"))


def _receive(process: "subprocess.Popen[bytes]", packing: Packing) -> None:
    """Write what the worker says to the target, and wait for its end. Raises TimeoutError, OSError."""
    assert process.stdout is not None  # noqa: S101  by PIPE
    end, size = time.monotonic() + packing.seconds, 0
    while True:
        left = end - time.monotonic()
        if left <= 0 or not select.select([process.stdout], [], [], left)[0]:
            raise TimeoutError(errno.ETIMEDOUT, f"the run's objects were not packed in {packing.seconds:g} seconds")
        piece = os.read(process.stdout.fileno(), CHUNK)
        if not piece:
            process.wait(max(1.0, end - time.monotonic()))
            return
        size += len(piece)
        if size > packing.size:
            raise OSError(errno.EFBIG, f"the run's new objects are larger than {packing.size} bytes")
        rest = memoryview(piece)
        while rest:
            rest = rest[os.write(packing.target, rest) :]


def words(packing: Packing) -> list[str]:
    """Return bubblewrap's options. Pure."""
    folders, links = host.system()
    found = [*NAMESPACES, *FENCES, "--setenv", "PATH", PATH]
    for name, value in _VARIABLES.items():
        found += ["--setenv", name, value]
    for path in folders:
        found += ["--ro-bind", path, path]
    for target, place in links:
        found += ["--symlink", target, place]
    found += ["--dev", "/dev", "--proc", "/proc", "--size", str(64 << 20), "--tmpfs", "/tmp"]  # noqa: S108  its own
    for folder in ("objects/info", "objects/pack", "refs/heads", "info"):
        found += ["--dir", f"{_GIT}/{folder}"]
    for number, store in enumerate(packing.stores):
        found += ["--ro-bind-fd", str(store), f"/store/{number}"]
    return found


def _contents(packing: Packing) -> list[bytes]:
    """Return the files of the GIT_DIR, in the order of ``_PLACES``."""
    version = "[core]\n\trepositoryformatversion = 1\n[extensions]\n\tobjectFormat = sha256\n"
    config = version if packing.sha256 else "[core]\n\trepositoryformatversion = 0\n"
    stores = "".join(f"/store/{place}\n" for place in range(len(packing.stores)))
    return [b"ref: refs/heads/none\n", (config + _QUIET).encode(), stores.encode()]


def _file(content: bytes) -> int:
    number = os.memfd_create("nucleus", os.MFD_CLOEXEC)
    with open(number, "wb", closefd=False) as file:
        file.write(content)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _judge(status: int, said: str) -> None:
    if status == 0:
        return
    line = next((line for line in said.splitlines() if line.startswith(("fatal: ", "error: "))), "")
    if not line and "bwrap" in said:
        raise CannotEnforce(
            "no box for the packing worker",
            why=said.strip()[:300],
            fix="see which mechanism is missing: nucleus doctor",
        )
    raise ValueError(f"its objects can't be packed: {line[:200] or f'status {status}'}")


_PLACES: Final = (f"{_GIT}/HEAD", f"{_GIT}/config", f"{_GIT}/objects/info/alternates")
_COMMAND: Final = (
    *("git", "pack-objects", "--stdout", "--revs", "--quiet", "--threads=1", "--no-reuse-delta", "--delta-base-offset"),
)
_BOUNDED: Final = 'ulimit -d "$0" && exec "$@"'
"""In kilobytes: what a process allocates (RLIMIT_DATA), files that it maps not counted."""
_QUIET: Final = (
    "\tbare = true\n[gc]\n\tauto = 0\n[protocol]\n\tallow = never\n[core]\n\tcommitGraph = false\n"
    "[pack]\n\twindowMemory = 512m\n"
)
_VARIABLES: Final = {
    "HOME": "/tmp",  # noqa: S108  the box's own
    "LC_ALL": "C",
    "GIT_DIR": _GIT,
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_NO_REPLACE_OBJECTS": "1",
    "GIT_NO_LAZY_FETCH": "1",
    "GIT_TERMINAL_PROMPT": "0",
}
