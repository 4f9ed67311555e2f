"""The seal: this process gives up its ambient authority, and can't take it back.

Afterwards no file can be opened, no socket made, no program or process
started, nobody else signalled, traced or re-limited, by Python, by ctypes or
by native code: the kernel refuses. Computing, threads, asyncio, in-memory
sqlite, time, and messages over the kept sockets go on.

Imports read files, so nothing new can be imported: import before, or name it
in ``preload``. ``os.fstat`` and whatever needs it (``connect_read_pipe``) fails
where the C library has no plain fstat(2) (glibc before 2.39).

Not given up: processor time and memory, and what was read before.
"""

import atexit
import errno
import importlib
import os
import platform
import sys
import time
from collections.abc import Callable, Collection, Sequence
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass
from nucleus.seal import landlock, standing
from nucleus.seal.allowance import sealed
from nucleus.seal.bpf import ALLOW, KILL_PROCESS, assemble
from nucleus.seal.bpf import errno as fail_with
from nucleus.seal.syscalls import MACHINES, Machine

ALWAYS_PRELOADED: Final = (
    "_strptime",
    "encodings.ascii",
    "encodings.idna",
    "encodings.latin_1",
    "encodings.punycode",
    "encodings.utf_16",
    "encodings.utf_8_sig",
    "linecache",
    "stringprep",
    "tokenize",
    "traceback",
    "unicodedata",
)
"""What the standard library imports only when first used."""
PRELOADED_WITH: Final = {
    "asyncio": ("concurrent.futures.thread",),
    "concurrent.futures": ("concurrent.futures.thread",),
    "json": ("json.decoder", "json.encoder"),
    "sqlite3": ("sqlite3.dbapi2", "sqlite3.dump"),
}
"""What a module that is in use will import later."""


@final
@dataclass(frozen=True, slots=True)
class SealReport:
    """What holds now."""

    machine: str
    landlock_abi: int
    calls: int
    """How many system calls are still allowed, some of them under conditions."""
    relayed: tuple[int, ...]
    """Which of descriptors 0 to 2 lead through the relay."""
    relay_pid: int
    """The relay, 0 if none was needed."""
    kept: tuple[int, ...]

    def layers(self) -> dict[str, str]:
        """Return it as text, layer by layer: what a trace header says of containment."""
        streams = ", ".join(map(str, self.relayed)) or "none needed it"
        return {
            "seccomp": f"allow-list of {self.calls} calls, {self.machine}",
            "landlock": f"ABI {self.landlock_abi}, nothing allowed",
            "standard streams relayed": streams,
        }


@final
class SealedImports:
    """Stands for every finder once a process is sealed."""

    def find_spec(
        self, fullname: str, path: Sequence[str] | None = None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Refuse with the fix. Raises ModuleNotFoundError, as code that can do without a module expects."""
        del path, target
        raise ModuleNotFoundError(
            f"this process is sealed and can't read {fullname!r}; import it before the seal, or name it in preload",
            name=fullname,
        )


def supported() -> Machine:
    """Return the machine if this kernel and Python can seal. Raises CannotEnforce with the fix; changes nothing."""
    if not sys.platform.startswith("linux"):
        raise CannotEnforce(
            "a process can be sealed on Linux only",
            why=f"this is {sys.platform}",
            fix="run in a Linux container or VM, or open the session without seal=True (level: cooperative)",
        )
    machine = MACHINES.get(platform.machine())
    if machine is None or sys.maxsize < 1 << 32:
        raise CannotEnforce(
            "no system call filter for this processor",
            why=f"{platform.machine()}, {sys.maxsize.bit_length() + 1} bits",
            fix=f"use a 64-bit Python on {' or '.join(MACHINES)}",
        )
    from nucleus.seal import native

    try:
        native.filter_available(machine, ALLOW, KILL_PROCESS, fail_with(errno.EPERM))
    except OSError as error:
        raise CannotEnforce(
            "system call filters are missing",
            why=f"seccomp(2): {error}",
            fix="use Linux 4.14 or newer with CONFIG_SECCOMP_FILTER=y; in a container, allow seccomp(2); "
            "a process can be sealed only once",
        ) from error
    landlock.abi()
    return machine


def seal(keep_fds: Collection[int], *, preload: Collection[str] = (), children: Collection[int] = ()) -> SealReport:
    """Give up all authority but the sockets ``keep_fds``, and return what holds now.

    ``preload`` names modules to import before. ``children`` are processes of
    our own that may go on: the gate. A terminal, file or socket on descriptors
    0 to 2 is replaced by pipes to a relay.

    Raises CannotEnforce with the fix when a mechanism is missing or the
    process has threads, children, descriptors or shared memory that would
    stay free; ImportError for a wrong name in ``preload``. When it raises the
    process must not go on as if sealed; all that may have changed by then is
    that it has less authority, and its streams a relay.
    """
    from nucleus.seal import relay

    machine = supported()
    plan = sealed(os.getpid())
    ruleset = landlock.handled(landlock.abi())
    _preload(preload)
    try:
        kept = _stand(frozenset(keep_fds), children)
        relaying = relay.start(standing.foreign_streams())
        if relaying is not None:
            kept |= {relaying.control.fileno()}
            standing.no_stray_descriptors({0, 1, 2, *kept})
            atexit.register(relaying.drain)
        give_up(machine, assemble(plan, machine), ruleset)
    except OSError as error:
        raise CannotEnforce(
            "the process can't be sealed",
            why=str(error),
            fix="mount /proc (mount -t proc proc /proc); a process can be sealed only once",
        ) from error
    try_doors()
    return SealReport(
        machine=machine.name,
        landlock_abi=ruleset.abi,
        calls=sum(name in machine.numbers for name in plan.calls),
        relayed=relaying.streams if relaying else (),
        relay_pid=relaying.pid if relaying else 0,
        kept=tuple(sorted(kept)),
    )


def _stand(kept: frozenset[int], children: Collection[int]) -> frozenset[int]:
    """Return ``kept`` if nothing else of this process would stay free. Raises CannotEnforce, OSError."""
    standing.only_local_streams(kept)
    standing.no_stray_descriptors({0, 1, 2, *kept})
    standing.no_shared_memory()
    standing.no_children(children)
    standing.one_thread()
    return kept


def _preload(names: Collection[str]) -> None:
    """Import what is needed later, while files can still be read."""
    wanted = [*ALWAYS_PRELOADED, *names]
    for used, later in PRELOADED_WITH.items():
        if used in sys.modules or used in names:
            wanted += later
    for name in wanted:
        importlib.import_module(name)
    time.tzset()


def give_up(machine: Machine, program: bytes, ruleset: landlock.Ruleset) -> None:
    """Restrict this thread by both mechanisms, for good. Raises CannotEnforce, OSError."""
    import resource

    from nucleus.seal import native

    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # A crash must not let the kernel write a file, or start a program, on our behalf (core(5)).
    native.undumpable()
    native.no_new_privileges()
    landlock.enforce(ruleset)
    native.install_filter(machine, program)
    sys.meta_path[:] = [SealedImports()]
    sys.path_importer_cache.clear()


def try_doors() -> None:
    """Try what must fail now, in the very process that was sealed. Raises CannotEnforce if something does not."""
    import socket

    doors: dict[str, Callable[[], object]] = {
        "open a directory": lambda: os.close(os.open("/", os.O_RDONLY)),
        "look at a file": lambda: os.stat("/"),
        "make a socket": lambda: socket.socket(socket.AF_UNIX).close(),
        "signal another process": lambda: os.kill(os.getppid(), 0),
        "look at another process": lambda: os.sched_getaffinity(os.getppid()),
    }
    for name, door in doors.items():
        try:
            door()
        except PermissionError:
            continue
        raise CannotEnforce(
            "the seal does not hold",
            why=f"the process can still {name}",
            fix="end this process; report the kernel version (uname -a)",
        )
