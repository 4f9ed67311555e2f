"""What this machine offers beside the box itself: each thing tried by use, or read where nothing can be tried.

``examine`` of ``probe`` tells whether a box can be made. Here stands what a
run needs around it, and what it does better with. A ``Row`` is ``ok``, ``no``
(a run needs it, and is refused without it) or ``note`` (a run works, and the
detail says what is weaker). Nothing is changed: what is made for a trial is
gone afterwards.
"""

import os
import re
import select
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Final, Literal, final

from nucleus.errors import CannotEnforce
from nucleus.gate.hardening import clean_environment, not_dumpable
from nucleus.gate.peers import process_of
from nucleus.lean import dataclass
from nucleus.local import probe
from nucleus.local.argv import TMPFS_BYTES
from nucleus.local.filter import boxed
from nucleus.seal import landlock
from nucleus.seal.bpf import KILL_PROCESS
from nucleus.seal.syscalls import MACHINES

Read = Callable[[str], str]
"""Returns the text of a small file of the kernel's, "" if there is none."""
OLDEST_GIT: Final = (2, 32)
"""The first that GIT_CONFIG_GLOBAL keeps from reading the user's configuration."""
_SECONDS: Final = 20
_BOOT: Final = (
    "import sys; sys.path.append(sys.argv[1]); from nucleus.local.machine import attempt; attempt(sys.argv[2])"
)
_DONE: Final = "done"


@final
@dataclass(frozen=True, slots=True)
class Row:
    """What came of looking at one thing."""

    state: Literal["ok", "no", "note"]
    name: str
    detail: str
    fix: str = ""


def container(read: Read, exists: Callable[[str], bool] = os.path.exists) -> Row:
    """Say whether this is a container: there, what a box needs must be allowed from outside."""
    kind = next((name for place, name in _CONTAINERS.items() if exists(place)), "")
    manager = re.search(r"(?:^|\0)container=([^\0]+)", read("/proc/1/environ"))
    kind = kind or (manager[1] if manager else "")
    if not kind:
        return Row("ok", "container", "this is none that we know")
    return Row(
        "note",
        "container",
        f"this is one ({kind}): a box in it needs namespaces and mounts that its manager allows",
        "if a line above says no: docker run --security-opt seccomp=unconfined --security-opt systempaths=unconfined",
    )


_CONTAINERS: Final = {"/.dockerenv": "docker", "/run/.containerenv": "podman", "/run/.toolboxenv": "toolbox"}


def foreign_calls() -> Row:
    """Try a call of another architecture's table under the box's filter: the kernel must end the process."""
    name, machine = "calls of another architecture", MACHINES.get(os.uname().machine)
    if machine is None:
        return Row("no", name, "no table of calls for this machine", f"use one of: {', '.join(MACHINES)}")
    how = "killed" if machine.foreign_bit else "a filter that kills is available; there is no second table to try"
    status, said = _attempted("foreign")
    expected = -signal.SIGSYS if machine.foreign_bit else 0
    if status == expected:
        return Row("ok", name, how)
    return Row("no", name, said or f"not killed: the trial ended with status {status}", "use Linux 4.14 or newer")


def landlock_by_use() -> Row:
    """Enforce a ruleset in a process of its own, and see a file refused."""
    try:
        version = landlock.abi()
    except CannotEnforce as error:
        return Row("no", "Landlock", f"{error.why}: neither boxes nor seals", error.fix)
    status, said = _attempted("landlock")
    if status != 0:
        return Row("no", "Landlock", said or f"it does not hold: status {status}", "use a newer kernel")
    newest = "" if version == landlock.NEWEST else f"; {landlock.NEWEST} is the newest that is used"
    return Row("ok", "Landlock", f"ABI {version}{newest}")


def pidfds() -> Row:
    """Name a child by a descriptor, end it by that, and see it gone."""
    name = "processes by descriptor (pidfd)"
    try:
        child = subprocess.Popen([sys.executable, "-I", "-S", "-c", "input()"], stdin=subprocess.PIPE, env={}, cwd="/")
        with child:
            number = os.pidfd_open(child.pid)
            try:
                signal.pidfd_send_signal(number, signal.SIGKILL)
                poll = select.poll()
                poll.register(number, select.POLLIN)
                gone = poll.poll(_SECONDS * 1000)
            finally:
                os.close(number)
    except OSError as error:
        return Row("no", name, str(error), "use Linux 5.3 or newer; in a container, allow pidfd_open(2)")
    return Row("ok", name, "works") if gone else Row("no", name, "an ended process is not seen", "use a newer kernel")


def terminals() -> Row:
    """Open a pair of pseudo-terminals, and carry a line over it."""
    name = "pseudo-terminals"
    try:
        ours, its = os.openpty()
        try:
            os.write(ours, b"line\n")
            line = os.read(its, 100)
        finally:
            os.close(ours)
            os.close(its)
    except OSError as error:
        return Row("no", name, str(error), "mount -t devpts devpts /dev/pts; see kernel.pty.max")
    return Row("ok", name, "works") if line == b"line\n" else Row("no", name, f"a line came as {line!r}", "report it")


def unseen_processes(read: Read) -> Row:
    """Look up a process that its own user can't read, as every gate is one: /proc may hide it."""
    name = "gate in /proc"
    hit = _find(r"^\S+ \S+ \S+ \S+ /proc [^\n]* - proc [^\n]*?hidepid=(\w+)", read("/proc/self/mountinfo"))
    how = f"/proc is mounted with hidepid={hit[1]}" if hit else "/proc shows all processes"
    child = _trial("unseen")
    try:
        assert child.stdout is not None  # noqa: S101  by PIPE
        if child.stdout.readline().strip() != _DONE.encode():
            return Row("no", name, "a process can't make itself unreadable", "allow prctl(2) in this sandbox")
        process_of(child.pid)
    except (CannotEnforce, ProcessLookupError, OSError) as error:
        fix = "mount -o remount,hidepid=0 /proc, or add your user to the group that its gid= option names"
        return Row("no", name, f"{how}: {error}", fix)
    finally:
        child.kill()
        child.communicate()
    return Row("ok", name, how)


def git() -> Row:
    """Ask git for its version."""
    need = f"git {OLDEST_GIT[0]}.{OLDEST_GIT[1]} or newer"
    why = "tools for git are refused, and a box's commits can't be brought back"
    try:
        done = subprocess.run(
            ["git", "--version"],  # noqa: S607  found in directories that only root can write
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env=clean_environment(),
            cwd="/",
        )
    except (OSError, subprocess.SubprocessError) as error:
        return Row("note", "git", f"{error}: {why}", f"install {need}")
    hit = re.match(r"git version (\d+)\.(\d+)", done.stdout)
    if hit is None or (int(hit[1]), int(hit[2])) < OLDEST_GIT:
        return Row("note", "git", f"{done.stdout.strip() or 'it says no version'}: {why}", f"install {need}")
    return Row("ok", "git", f"{hit[1]}.{hit[2]}")


def memory(read: Read) -> Row:
    """Compare what a box may keep in memory (/tmp, /var/tmp, /run, home) with what is free."""
    name, most = "memory of /tmp", TMPFS_BYTES >> 20
    hit = _find(r"^MemAvailable: +(\d+) kB", read("/proc/meminfo"))
    free = int(hit[1]) >> 10 if hit else 0
    detail = f"a box keeps its /tmp in memory, up to {most} MiB; {free} MiB are available"
    if free >= 2 * most:
        return Row("ok", name, detail)
    return Row("note", name, detail, "have commands keep large files in the workspace, or add memory or swap")


def cgroups(read: Read, make: Callable[[str], None] = os.mkdir) -> Row:
    """Make a group of processes below our own, and see which of its resources could be bounded."""
    name = "groups of processes (cgroup v2)"
    fix = "start it as: systemd-run --user --scope --property=Delegate=yes nucleus run ..."
    own = _find(r"^0::(/.*)$", read("/proc/self/cgroup"))
    mount = _find(r"^\S+ \S+ \S+ \S+ (\S+) [^\n]* - cgroup2 ", read("/proc/self/mountinfo"))
    if own is None or mount is None:
        detail = "not there: memory and processes of a run are bounded one by one, not as a whole"
        return Row("note", name, detail, "boot with systemd.unified_cgroup_hierarchy=1")
    folder = os.path.normpath(mount[1] + own[1])
    bounded = set(read(os.path.join(folder, "cgroup.controllers")).split()) & {"memory", "pids"}
    trial = os.path.join(folder, f"nucleus-doctor-{os.getpid()}")
    try:
        make(trial)
        os.rmdir(trial)
    except OSError as error:
        return Row(
            "note",
            name,
            f"none can be made: {error.strerror}: memory and processes are bounded one by one, not as a whole",
            fix,
        )
    if bounded != {"memory", "pids"}:
        lacks = ", ".join(sorted({"memory", "pids"} - bounded))
        return Row("note", name, f"without a controller for {lacks}: bounded one by one, not as a whole", fix)
    return Row("ok", name, "delegated, with memory and pids")


def _find(pattern: str, text: str) -> "re.Match[str] | None":
    return re.search(pattern, text, re.MULTILINE)


def _attempted(what: str) -> tuple[int, str]:
    """Run one trial to its end and return its status and the last line that it said."""
    child = _trial(what)
    try:
        _, said = child.communicate(timeout=_SECONDS)
    except subprocess.TimeoutExpired:
        child.kill()
        child.communicate()
        return 1, "it took too long"
    lines = said.decode("utf-8", "backslashreplace").strip().splitlines()
    return child.returncode, lines[-1] if lines else ""


def _trial(what: str) -> "subprocess.Popen[bytes]":
    """Start a process of ours that does to itself what can't be undone."""
    root = str(Path(__file__).resolve().parents[2])
    return subprocess.Popen(
        [sys.executable, "-I", "-S", "-B", "-c", _BOOT, root, what],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(),
        cwd="/",
    )


def attempt(what: str) -> None:
    """Be the process of a trial; end as it is told to the one that started it. Raises OSError and CannotEnforce."""
    from nucleus.seal import native

    if what == "unseen":
        not_dumpable()
        print(_DONE, flush=True)  # noqa: T201  to the process that waits for it
        sys.stdin.read()
        return
    native.no_new_privileges()
    if what == "landlock":
        landlock.enforce(landlock.handled(landlock.abi()))
        try:
            os.close(os.open("/", os.O_RDONLY))
        except PermissionError:
            return
        sys.exit("a directory that no rule names could be opened")
    machine = MACHINES[os.uname().machine]
    native.filter_available(machine, KILL_PROCESS, boxed().otherwise)
    native.install_filter(machine, probe.program())
    if machine.foreign_bit:
        native.syscall(machine.foreign_bit | machine.numbers["getpid"])
