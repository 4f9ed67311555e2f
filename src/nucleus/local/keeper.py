"""The process that keeps a command of the backend ``ll``: restricts it, waits for it, and ends all that it left.

``python -I -S -B -c BOOT ROOT PLAN CONTROL REPORT``. PLAN is JSON on a
descriptor: the rules, the folders, the command. The command begins
after a first letter came by CONTROL. The keeper adopts whatever
the command's processes leave behind (PR_SET_CHILD_SUBREAPER), so that none of
them can get away; it ends them when the command has ended, or when CONTROL is
closed, whichever is first. The command can't signal it: Landlock scopes that.

The report is ``ok``, or ``failed`` and a sentence, then ``exec ERRNO`` where
the command could not be started; it is written by the process that becomes
the command, under its own restrictions, after it tried what must not work.
"""

import errno
import json
import os
import resource
import select
import signal
import socket
from collections.abc import Iterator, Mapping
from typing import Any, Final

from nucleus.local import inside
from nucleus.local.tight import tight
from nucleus.seal import landlock, native
from nucleus.seal.bpf import assemble
from nucleus.seal.syscalls import MACHINES

PR_SET_CHILD_SUBREAPER: Final = 36
PR_SET_PDEATHSIG: Final = 1
READING: Final = landlock.EXECUTE | landlock.READ_FILE | landlock.READ_DIR
WRITING: Final = landlock.handled(landlock.NEWEST).files & ~inside.NEVER
FORWARDED: Final = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGQUIT, signal.SIGUSR1, signal.SIGUSR2)
DEVICES: Final = landlock.READ_FILE | landlock.WRITE_FILE
ACCESS: Final = {"read": READING, "write": WRITING, "device": DEVICES}


class OpenError(Exception):
    """Something that must be refused is not."""


def main(plan: str, control: str, report: str) -> int:
    """Keep one command; return its status as a shell gives it."""
    with os.fdopen(int(plan), encoding="utf-8") as file:
        wanted = json.load(file)
    native.prctl(PR_SET_CHILD_SUBREAPER, 1)
    if not os.read(int(control), 1):
        return inside.CANNOT_ENFORCE
    keeper = os.getpid()
    child = os.fork()
    if child == 0:
        os.close(int(control))
        os._exit(_become(wanted, int(report), keeper))
    os.close(int(report))
    for number in range(3):
        os.close(number)
    for number in FORWARDED:
        signal.signal(number, lambda which, _: _forward(child, which))
    _await(child, int(control))
    return _ended(child)


def _forward(child: int, number: int) -> None:
    """Pass a signal on to the command's process group. It leads one of its own number."""
    try:
        os.killpg(child, number)
    except ProcessLookupError:
        return


def _await(child: int, control: int) -> None:
    """Return when the child has ended, or nobody holds the other end of ``control`` any more."""
    number = os.pidfd_open(child)
    poll = select.poll()
    for one in (number, control):
        poll.register(one, select.POLLIN | select.POLLHUP)
    poll.poll()
    os.close(number)


def _ended(child: int) -> int:
    """End every process that is left, however deep it lies, and return the status of ``child``."""
    status = 128 + signal.SIGKILL
    while True:
        for number in _children():
            _kill(number)
        try:
            found, how = os.waitpid(-1, 0)
        except ChildProcessError:
            return status
        if found == child:
            code = os.waitstatus_to_exitcode(how)
            status = code if code >= 0 else 128 - code


def _children() -> Iterator[int]:
    """Yield the processes whose parent is this one: what is left over comes here when its own parent ends."""
    mine = os.getpid()
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                with open(f"/proc/{name}/stat", "rb") as file:
                    if int(file.read().rpartition(b")")[2].split()[1]) == mine:
                        yield int(name)
            except (FileNotFoundError, ProcessLookupError):
                continue


def _kill(number: int) -> None:
    try:
        os.kill(number, signal.SIGKILL)
    except ProcessLookupError:
        return


def _become(wanted: Mapping[str, Any], report: int, keeper: int) -> int:
    """Restrict this process, see that it holds, and become the command."""
    try:
        native.prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
        _there(keeper)
        os.setsid()
        resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
        rules = [landlock.PathRule(path, ACCESS[how]) for path, how in wanted["rules"]]
        machine = MACHINES[os.uname().machine]
        native.no_new_privileges()
        landlock.enforce(landlock.handled(landlock.abi(), rules))
        native.install_filter(machine, assemble(tight(), machine))
        _try(wanted["refused"], keeper)
        os.chdir(wanted["cwd"])
    except Exception as error:  # noqa: BLE001  whatever keeps the restriction from holding keeps the command from running
        os.write(report, b"failed " + str(error).encode("utf-8", "backslashreplace") + b"\n")
        return inside.CANNOT_ENFORCE
    os.environ.clear()
    os.environ.update(wanted["variables"])
    return inside.become(wanted["argv"], report) if os.write(report, b"ok\n") else inside.CANNOT_ENFORCE


def _there(keeper: int) -> None:
    """Raise OpenError if the keeper ended before it could be noticed."""
    if os.getppid() != keeper:
        raise OpenError("the keeper is gone")


def _try(places: list[str], keeper: int) -> None:
    """Try what must be refused. Raises OpenError if something works, OSError if it is refused in another way."""
    for place in places:
        _refused(lambda place=place: os.listdir(place), f"{place} can be read", errno.EACCES)
        _refused(lambda place=place: os.mkdir(f"{place}/nucleus-trial"), f"{place} can be written", errno.EACCES)
    _refused(lambda: os.kill(keeper, 0), "other processes can be signalled", errno.EPERM)
    for family in (socket.AF_UNIX, socket.AF_INET, socket.AF_NETLINK):
        _refused(lambda family=family: socket.socket(family), "a socket can be had", errno.EPERM)


def _refused(act: Any, otherwise: str, expected: int) -> None:
    try:
        act()
    except OSError as error:
        if error.errno not in {expected, errno.ENOENT}:
            raise
    else:
        raise OpenError(otherwise)
