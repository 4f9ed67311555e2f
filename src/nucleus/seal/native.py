"""The few system calls that the standard library has no name for, through ctypes.

Imported when something is about to be enforced, not before: ctypes and these
calls exist on Linux only. Each function is true afterwards or raises OSError.
"""

import ctypes
import os
from typing import Final

from nucleus.seal.syscalls import Machine

PR_GET_DUMPABLE: Final = 3
PR_SET_DUMPABLE: Final = 4
PR_GET_SECCOMP: Final = 21
PR_SET_NO_NEW_PRIVS: Final = 38
SECCOMP_SET_MODE_FILTER: Final = 1
SECCOMP_GET_ACTION_AVAIL: Final = 2
LANDLOCK_CREATE_RULESET: Final = 444
LANDLOCK_ADD_RULE: Final = 445
LANDLOCK_RESTRICT_SELF: Final = 446
"""One number on all architectures."""

_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long
_libc.prctl.argtypes = (ctypes.c_int, *[ctypes.c_ulong] * 4)


class _Program(ctypes.Structure):
    """``struct sock_fprog``."""

    _fields_ = (("length", ctypes.c_ushort), ("filter", ctypes.c_char_p))


def syscall(number: int, *arguments: int | bytes | None) -> int:
    """Return what the kernel answers. Bytes are passed by address. Raises OSError."""
    answer = _libc.syscall(ctypes.c_long(number), *(_word(argument) for argument in arguments))
    if answer == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(answer)


def _word(argument: int | bytes | None) -> object:
    return ctypes.c_long(argument) if isinstance(argument, int) else ctypes.c_char_p(argument)


def prctl(option: int, value: int = 0) -> int:
    """Ask prctl and return its answer. Raises OSError."""
    answer = _libc.prctl(option, value, 0, 0, 0)
    if answer == -1:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
    return int(answer)


def no_new_privileges() -> None:
    """Make this thread and all it starts unable to gain privileges by exec, for good. Raises OSError."""
    prctl(PR_SET_NO_NEW_PRIVS, 1)


def undumpable() -> None:
    """Keep the kernel from writing a core file of this process, and others from reading it. Raises OSError."""
    prctl(PR_SET_DUMPABLE, 0)


def filter_available(machine: Machine, *actions: int) -> None:
    """Return if the kernel has seccomp filters with all of these actions. Raises OSError."""
    for action in actions:
        kind = (action & 0xFFFF0000).to_bytes(4, "little")
        syscall(machine.numbers["seccomp"], SECCOMP_GET_ACTION_AVAIL, 0, kind)


def install_filter(machine: Machine, program: bytes) -> None:
    """Filter the system calls of this thread and all it starts by ``program``, for good. Raises OSError."""
    head = _Program(len(program) // 8, program)
    syscall(machine.numbers["seccomp"], SECCOMP_SET_MODE_FILTER, 0, ctypes.addressof(head))
