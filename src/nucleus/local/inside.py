"""The self-test of a box, and then the command: ``python -I -S -B inside.py CONFIG REPORT [live ...]``.

Runs as the first program of a finished box, under the very filter, mounts and
namespaces that the command gets, and becomes the command by exec. It asks the
kernel what holds, by use where that is possible. One thing that does not hold,
and nothing is run: the report says what, and the status is 78.

``CONFIG`` and ``REPORT`` are descriptors. The configuration is words, each
ended by a NUL: home, workspace, names that home may hold (joined by ``/``), number of
further overlays, their places, number of absent paths, those paths, the command. The report is ``ok``, or ``failed``
and a sentence; after ``ok`` comes nothing, or ``exec ERRNO``. Imports nothing of
Nucleus: it is the one file of ours that a box shows.

In a box that lives, ``live TERMINAL KEPT PROCESSES DATA FILE`` follow: which of ``012``
are a terminal, which descriptors the command keeps, and its limits. Then the
report is a socket: ``ok`` carries the listening socket of ``/run/nucleus.sock``, and
the terminal's other side, and the command begins only after the letter ``g`` came back.
"""

import _ctypes  # not ctypes: that costs a tenth of a box's start, and nothing of it is needed
import _socket
import errno
import fcntl
import os
import resource
import signal
import sys

CANNOT_ENFORCE = 78
NOT_FOUND = 127
PROCESSES = 4096
GO = b"g"
DOOR = "/run/nucleus.sock"
TIOCSCTTY = 0x540E
TIOCSTI = 0x5412
ALL_ZERO = "0000000000000000"
HELD = {
    "NoNewPrivs": "1",
    "Seccomp": "2",
    "CapInh": ALL_ZERO,
    "CapPrm": ALL_ZERO,
    "CapEff": ALL_ZERO,
    "CapBnd": ALL_ZERO,
    "CapAmb": ALL_ZERO,
}
"""Fields of /proc/self/status, as proc(5) names them."""
CREATE_RULESET, ADD_RULE, RESTRICT_SELF = 444, 445, 446
"""System calls of Landlock: one number on all architectures."""
LANDLOCK_NEWEST = 7
FILE_ACCESS = {1: (1 << 13) - 1, 2: 1 << 13, 3: 1 << 14, 5: 1 << 15}
"""ABI -> accesses to files that it added (linux/landlock.h)."""
SCOPES = {6: 0b11}
"""Abstract sockets of others, and signals to others."""
READING = 0b1101
"""EXECUTE, READ_FILE, READ_DIR."""
DEVICES = 1 << 1 | 1 << 14 | 1 << 15
"""WRITE_FILE, TRUNCATE, IOCTL_DEV: what is needed of the device nodes that are there."""
NEVER = 1 << 6 | 1 << 11 | 1 << 15
"""MAKE_CHAR, MAKE_BLOCK, IOCTL_DEV: nowhere but IOCTL_DEV in /dev."""
FENCED = "/dev/written"
"""A place that the mounts let be written, and the fence does not."""
EMPTY = ("/tmp", "/run", "/var/tmp")  # noqa: S108  of the box itself
OWN = ("/dev", *EMPTY)


class BrokenPromiseError(Exception):
    """Something that the box promises does not hold."""


def check_status(text: str) -> None:
    """Check privileges and filter, from the text of ``/proc/self/status``. Raises BrokenPromiseError."""
    fields = dict(line.split(":", 1) for line in text.splitlines() if ":" in line)
    for name, wanted in HELD.items():
        found = fields.get(name, "missing").strip()
        if found != wanted:
            raise BrokenPromiseError(f"{name} is {found}, not {wanted}")


def check_processes(own: int, names: list[str]) -> None:
    """Check that only the box's first process and this one are there. Raises BrokenPromiseError."""
    others = {int(name) for name in names if name.isdigit()} - {1, own}
    if own == 1 or others:
        raise BrokenPromiseError(f"other processes are visible: {len(others)}")


def check_mounts(table: str, home: str, overlays: list[str]) -> None:
    """Check from ``/proc/self/mountinfo`` that nothing of the host's can be written. Raises BrokenPromiseError."""
    kinds = {}
    for line in table.splitlines():
        before, _, after = line.partition(" - ")
        place, settings = before.split()[4:6]
        kind = after.split()[0]
        kinds[place] = kind
        own = place in {*OWN, home} or place.startswith("/dev/")
        if "rw" in settings.split(",") and not own and escaped(place) not in overlays:
            raise BrokenPromiseError(f"{place} is writable")
    found = {escaped(place): kind for place, kind in kinds.items()}
    for place in overlays:
        if found.get(place) != "overlay":
            raise BrokenPromiseError(f"{place} is {found.get(place) or 'no mount'}, not an overlay")


def escaped(place: str) -> str:
    """Return a place of the mount table as a path: blanks and the like stand there in octal."""
    parts = place.split("\\")
    return parts[0] + "".join(chr(int(part[:3], 8)) + part[3:] for part in parts[1:])


def check_network(devices: str) -> None:
    """Check that there is only loopback, and no way beyond it. Raises BrokenPromiseError."""
    names = {line.split(":")[0].strip() for line in devices.splitlines()[2:]}
    if names - {"lo"}:
        raise BrokenPromiseError(f"network devices: {', '.join(sorted(names))}")
    sock = _socket.socket(_socket.AF_INET, _socket.SOCK_DGRAM)
    try:
        sock.connect(("192.0.2.1", 9))  # an address of documentation (RFC 5737); connecting sends nothing
    except OSError as error:
        if error.errno not in {errno.ENETUNREACH, errno.EHOSTUNREACH}:
            raise BrokenPromiseError(f"a way out of the network: {error}") from error
    else:
        raise BrokenPromiseError("there is a way out of the network")
    finally:
        sock.close()


def check_filter() -> None:
    """Check that calls are refused as only our filter refuses them. Raises BrokenPromiseError."""
    for family, kind, protocol, wanted in (
        (_socket.AF_PACKET, _socket.SOCK_RAW, 0, errno.EAFNOSUPPORT),
        (_socket.AF_INET, _socket.SOCK_STREAM, 262, errno.EPROTONOSUPPORT),
        (_socket.AF_INET, _socket.SOCK_RAW, 1, errno.EPERM),
    ):
        try:
            _socket.socket(family, kind, protocol).close()
        except OSError as error:
            if error.errno != wanted:
                raise BrokenPromiseError(
                    f"a socket of family {family} is refused, and not by the filter: {error}"
                ) from error
        else:
            raise BrokenPromiseError(f"a socket of family {family}, kind {kind}, protocol {protocol} can be had")
    read, write = os.pipe()
    try:
        fcntl.ioctl(read, TIOCSTI, b"x")
    except OSError as error:
        if error.errno != errno.EPERM:
            raise BrokenPromiseError(f"TIOCSTI is not filtered: {error}") from error
    else:
        raise BrokenPromiseError("TIOCSTI works")
    finally:
        os.close(read)
        os.close(write)


def check_files(home: str, allowed: set[str], absent: list[str]) -> None:
    """Check that home is empty, the root not writable, and what is masked not there. Raises BrokenPromiseError."""
    if set(os.listdir(home)) - allowed:
        raise BrokenPromiseError("the home directory is not empty")
    if any(os.path.lexists(path) for path in absent):
        raise BrokenPromiseError("something that is hidden can be seen")
    try:
        os.mkdir("/written")
    except OSError as error:
        if error.errno not in {errno.EROFS, errno.EACCES, errno.EPERM}:
            raise BrokenPromiseError(f"the root: {error}") from error
    else:
        raise BrokenPromiseError("the root can be written")


def check_surroundings(descriptors: set[int], variables: set[str], known: set[int]) -> None:
    """Check that nothing was inherited. Raises BrokenPromiseError."""
    if descriptors - known:
        raise BrokenPromiseError(f"inherited descriptors: {sorted(descriptors - known)}")
    if "LD_PRELOAD" in variables or "PYTHONPATH" in variables:
        raise BrokenPromiseError("variables that load code")


class Long(_ctypes._SimpleCData):  # type: ignore[type-arg]  # noqa: SLF001  what ctypes itself is made of
    """A C long."""

    _type_ = "l"


class Call(_ctypes.CFuncPtr):
    """The C library's ``syscall``."""

    _flags_ = _ctypes.FUNCFLAG_CDECL | _ctypes.FUNCFLAG_USE_ERRNO
    _restype_ = Long


def syscall(number: int, *arguments: int | bytes | None) -> int:
    """Make a system call that Python has no name for. Raises OSError."""
    library = _ctypes.dlopen(None, 0)  # type: ignore[arg-type]  # None is this program itself
    call = Call(_ctypes.dlsym(library, "syscall"))
    answer = call(Long(number), *(Long(one) if isinstance(one, int) else one for one in arguments))
    if answer < 0:
        raise OSError(_ctypes.get_errno(), os.strerror(_ctypes.get_errno()))
    return int(answer)


def through(table: dict[int, int], abi: int) -> int:
    """Return the bits that an ABI of Landlock has."""
    return sum(bits for since, bits in table.items() if since <= abi)


def fence(home: str, overlays: list[str]) -> int:
    """Give up, by Landlock, all writing but to the box's own places, for good; return the ABI. Raises OSError.

    A second layer, for a mount that would be writable by mistake: what is
    shown of the host can be read and executed. It is no network containment:
    the box's network has nothing but loopback, where all ports are its own.
    """
    abi = min(syscall(CREATE_RULESET, None, 0, 1), LANDLOCK_NEWEST)
    files = through(FILE_ACCESS, abi)
    fields = [files, 0, through(SCOPES, abi)][: 1 if abi < 4 else 2 if abi < 6 else 3]
    attributes = b"".join(field.to_bytes(8, sys.byteorder) for field in fields)
    ruleset = syscall(CREATE_RULESET, attributes, len(attributes), 0)
    rules = {"/": READING, "/dev": READING | DEVICES, "/dev/shm": files & ~NEVER}  # noqa: S108
    rules |= dict.fromkeys((home, *overlays, *EMPTY), files & ~NEVER)
    for path, access in rules.items():
        place = os.open(path, os.O_PATH | os.O_CLOEXEC)
        packed = (access & files).to_bytes(8, sys.byteorder) + place.to_bytes(4, sys.byteorder)
        syscall(ADD_RULE, ruleset, 1, packed, 0)
        os.close(place)
    syscall(RESTRICT_SELF, ruleset, 0)
    os.close(ruleset)
    return abi


def check_fence(home: str, overlays: list[str]) -> None:
    """Put up the fence, and check that it refuses what the mounts alone allow. Raises BrokenPromiseError, OSError."""
    os.mkdir(FENCED)  # what fails before would prove nothing when it fails after
    os.rmdir(FENCED)
    fence(home, overlays)
    try:
        os.mkdir(FENCED)
    except OSError as error:
        if error.errno != errno.EACCES:
            raise BrokenPromiseError(f"Landlock does not hold: {error}") from error
    else:
        os.rmdir(FENCED)
        raise BrokenPromiseError(f"Landlock does not hold: {FENCED} can be written")


def read(path: str) -> str:
    """Return the text of a small file of the kernel's."""
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        return file.read()


def configuration(descriptor: int) -> list[str]:
    """Return the words of the configuration, and close it."""
    with os.fdopen(descriptor, "rb") as file:
        return [os.fsdecode(word) for word in file.read().split(b"\0")[:-1]]


def counted(words: list[str]) -> tuple[list[str], list[str]]:
    """Return as many words as the first says, and the rest."""
    end = 1 + int(words[0])
    return words[1:end], words[end:]


def verify(words: list[str], known: set[int]) -> list[str]:
    """Check everything; return the command. Raises BrokenPromiseError, or OSError where a check could not be made."""
    home, workspace, names = words[:3]
    copies, rest = counted(words[3:])
    absent, command = counted(rest)
    check_status(read("/proc/self/status"))
    check_processes(os.getpid(), os.listdir("/proc"))
    check_mounts(read("/proc/self/mountinfo"), home, [workspace, *copies])
    check_network(read("/proc/net/dev"))
    check_filter()
    check_files(home, set(names.split("/")), absent)
    descriptors = {int(name) for name in os.listdir("/proc/self/fd")}
    # The directory that was just listed had a descriptor of its own, which is closed by now.
    alive = {one for one in descriptors if os.path.lexists(f"/proc/self/fd/{one}")}
    check_surroundings(alive, set(os.environ), known)
    check_fence(home, [workspace, *copies])
    return command


def terminal(streams: str) -> int:
    """Make a terminal of this box's own the controlling one, and the standard ``streams``; return its other side."""
    other, own = os.openpty()
    fcntl.ioctl(own, TIOCSCTTY, 0)
    for stream in streams:
        os.dup2(own, int(stream))
    os.close(own)
    return other


def door() -> int:
    """Listen where a program in this box asks for a connection to the gate; whoever holds the box accepts."""
    sock = _socket.socket(_socket.AF_UNIX, _socket.SOCK_STREAM)
    sock.bind(DOOR)
    sock.listen(64)
    return sock.detach()


def announce(report: int, handed: list[int]) -> None:
    """Say that all holds, and hand out the door, and the terminal's other side."""
    sock = _socket.socket(fileno=os.dup(report))
    packed = b"".join(number.to_bytes(4, sys.byteorder) for number in handed)
    sock.sendmsg([b"ok\n"], [(_socket.SOL_SOCKET, _socket.SCM_RIGHTS, packed)])
    sock.close()
    for number in handed:
        os.close(number)


def limit(name: int, most: int) -> None:
    """Bound one resource of this process and its children; never above what holds already."""
    _, now = resource.getrlimit(name)
    bound = most if now == resource.RLIM_INFINITY else min(most, now)
    resource.setrlimit(name, (bound, bound))


def become(command: list[str], report: int) -> int:
    """Become the command, as a program that nobody prepared: default signals, no core file."""
    for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    os.umask(0o022)
    os.environ.pop("LC_CTYPE", None)
    os.set_inheritable(report, False)
    try:
        os.execvp(command[0], command)  # noqa: S606  the command that was permitted, an argument list
    except OSError as error:
        os.write(report, b"exec %d\n" % (error.errno or 0))
    return NOT_FOUND


def main(arguments: list[str]) -> int:
    """Test the box and become the command; return only where that is not possible."""
    config, report = int(arguments[0]), int(arguments[1])
    live = arguments[2:3] == ["live"]
    streams, kept, processes, data, size = arguments[3:8] if live else ("", "", str(PROCESSES), "0", "0")
    try:
        known = {0, 1, 2, report, *map(int, filter(None, kept.split(",")))}
        command = verify(configuration(config), known)
        if live and os.getsid(0) != os.getpid():
            os.setsid()  # a session, and so a process group, of its own: signals from outside reach all of it
        other = terminal(streams) if streams else -1
        limit(resource.RLIMIT_NPROC, int(processes))
        if int(data):
            limit(resource.RLIMIT_DATA, int(data))
        if int(size):
            limit(resource.RLIMIT_FSIZE, int(size))
        if live:
            announce(report, [door()] if other < 0 else [door(), other])
        else:
            os.write(report, b"ok\n")
    except (BrokenPromiseError, OSError, ValueError, IndexError) as error:
        os.write(report, b"failed " + str(error).encode("utf-8", "backslashreplace") + b"\n")
        return CANNOT_ENFORCE
    if live and os.read(report, 1) != GO:
        return CANNOT_ENFORCE
    return become(command, report)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
