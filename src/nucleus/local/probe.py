"""Whether this machine can make a box: each mechanism tried by use, with the cause and the exact fix.

A version or a file that exists says little: a user namespace can be made and
have no rights in it, an overlay module can be there and refuse this file
system. So each step starts bubblewrap with what the steps before proved and
one thing more. The first that fails is the cause.
"""

import os
import subprocess
from collections.abc import Callable, Iterator
from typing import Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.boxed import DOOR, VARIABLE
from nucleus.lean import dataclass
from nucleus.local import apparmor, inside
from nucleus.local.filter import boxed
from nucleus.seal.bpf import assemble
from nucleus.seal.syscalls import MACHINES

_SECONDS: Final = 10
_SWITCHES: Final = {
    "/proc/sys/user/max_user_namespaces": (
        "0",
        "user namespaces are limited to none",
        "sysctl user.max_user_namespaces=10000",
    ),
    "/proc/sys/kernel/unprivileged_userns_clone": (
        "0",
        "this kernel keeps user namespaces for root",
        "sysctl kernel.unprivileged_userns_clone=1",
    ),
}
"""File of the kernel's -> the value that forbids, why, and the fix."""
Read = Callable[[str], str]
"""Returns the text of a small file, "" if there is none."""


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """What came of trying one mechanism. ``why`` is empty where it works."""

    mechanism: str
    why: str = ""
    fix: str = ""


@final
@dataclass(frozen=True, slots=True)
class _Step:
    mechanism: str
    words: tuple[str, ...]
    fix: str


def program() -> bytes:
    """Return the filter's program for this machine. Raises CannotEnforce for one without a table of calls."""
    name = os.uname().machine
    if name not in MACHINES:
        raise CannotEnforce(
            f"no system call filter for {name}",
            why="the numbers of its calls are not known here",
            fix=f"use one of: {', '.join(MACHINES)}",
        )
    return assemble(boxed(), MACHINES[name])


def examine(bubblewrap: str, scratch: str) -> Iterator[Finding]:
    """Try each mechanism in turn and yield what came of it; stop at the first that does not work.

    ``scratch`` is an empty directory of this user, on the file system that
    will hold the layers; it is not empty afterwards.
    """
    seen: tuple[str, ...] = ("--ro-bind", "/", "/")
    for step in _steps(scratch):
        seen = (*seen, *step.words)
        why = _attempt([bubblewrap, *seen, "--", bubblewrap, "--version"])
        if why and step.mechanism == "user namespace":
            yield Finding(step.mechanism, *no_user_namespace(why, bubblewrap, _read))
            return
        yield Finding(step.mechanism, why, step.fix if why else "")
        if why:
            return
    why = _filtered([bubblewrap, *seen], scratch)
    yield Finding("seccomp", why, "use a kernel with CONFIG_SECCOMP_FILTER=y" if why else "")
    if not why:
        yield no_landlock()


def explain(bubblewrap: str, scratch: str, otherwise: str) -> CannotEnforce:
    """Return what keeps this machine from making a box; ``otherwise`` where each mechanism works by itself."""
    for finding in examine(bubblewrap, scratch):
        if finding.why:
            return CannotEnforce(f"no box: the {finding.mechanism} is missing", why=finding.why, fix=finding.fix)
    return CannotEnforce(
        "no box: it does not hold what it promises", why=otherwise, fix="report it with the output of bwrap --version"
    )


def no_landlock(ask: Callable[..., int] = inside.syscall) -> Finding:
    """Ask the kernel for the ABI of Landlock that it has."""
    try:
        ask(inside.CREATE_RULESET, None, 0, 1)
    except OSError as error:
        return Finding(
            "Landlock",
            str(error),
            "use Linux 5.13 or newer with CONFIG_SECURITY_LANDLOCK=y and landlock in the lsm= boot parameter; "
            "in a container, allow landlock_create_ruleset(2), landlock_add_rule(2) and landlock_restrict_self(2)",
        )
    return Finding("Landlock")


def no_user_namespace(why: str, bubblewrap: str, read: Read) -> tuple[str, str]:
    """Return the cause of a user namespace that can't be had, and the fix."""
    if os.environ.get(VARIABLE) == DOOR:
        return "this is inside of a box of nucleus run already, and there is none in it", "leave nucleus run out here"
    for path, (forbids, cause, fix) in _SWITCHES.items():
        if read(path).strip() == forbids:
            return cause, f"as root: {fix}"
    if read(apparmor.SWITCH).strip() == "1":
        why = "AppArmor keeps user namespaces for programs that have a profile"
        return why, f"nucleus doctor --fix; or {apparmor.by_hand(bubblewrap)}"
    return why, (
        "use a kernel with CONFIG_USER_NS=y; in a container, allow unshare(2), clone(2) and mount(2) "
        "in its seccomp profile (docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined)"
    )


def _steps(scratch: str) -> Iterator[_Step]:
    yield _Step("user namespace", ("--unshare-user",), "")
    yield _Step(
        "namespaces for processes, network, IPC, names and cgroups",
        ("--unshare-pid", "--unshare-net", "--unshare-ipc", "--unshare-uts", "--unshare-cgroup"),
        "use a kernel with CONFIG_PID_NS, CONFIG_NET_NS, CONFIG_IPC_NS, CONFIG_UTS_NS and CONFIG_CGROUPS",
    )
    yield _Step(
        "bar on further user namespaces",
        ("--disable-userns", "--cap-drop", "ALL"),
        "use bubblewrap 0.11 or newer that is not set-uid",
    )
    yield _Step(
        "own view of processes (/proc)",
        ("--proc", "/proc", "--dev", "/dev"),
        "in a container, /proc must not be masked (docker run --security-opt systempaths=unconfined)",
    )
    folders = {name: os.path.join(scratch, name) for name in ("lower", "upper", "work", "masks")}
    for folder in folders.values():
        os.makedirs(folder, exist_ok=True)
    layers = ("--overlay-src", folders["lower"], "--overlay-src", folders["masks"])
    yield _Step(
        "overlay file system",
        (*layers, "--overlay", folders["upper"], folders["work"], "/mnt"),
        "use Linux 5.11 or newer with overlayfs (modprobe overlay), and a state directory on a local file system "
        "that is no overlay itself (--state DIR)",
    )


def _attempt(command: list[str], descriptors: tuple[int, ...] = ()) -> str:
    """Return why a command does not work, "" if it does."""
    try:
        done = subprocess.run(
            command,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_SECONDS,
            check=False,
            env={},
            cwd="/",
            pass_fds=descriptors,
        )
    except (OSError, subprocess.SubprocessError) as error:
        return str(error)
    text = done.stderr.decode("utf-8", "backslashreplace").strip()
    return "" if done.returncode == 0 else text or f"it ended with status {done.returncode}"


def _filtered(command: list[str], scratch: str) -> str:
    """Return why a program under our filter does not start, "" if it does."""
    path = os.path.join(scratch, "filter")
    with open(path, "wb") as file:
        file.write(program())
    with open(path, "rb") as file:
        number = file.fileno()
        return _attempt([*command, "--seccomp", str(number), "--", command[0], "--version"], (number,))


def _read(path: str) -> str:
    try:
        with open(path, encoding="utf-8") as file:
            return file.read()
    except OSError:
        return ""
