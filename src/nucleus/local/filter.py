"""Which system calls a box refuses. Pure; ``seal.bpf`` makes it a program.

A deny-list, unlike the filter of a seal: a box runs any program, and what
contains it are the namespaces. The filter takes away what makes holes in
them likely: calls with a long history of faults, calls that make namespaces
or mounts, and what reaches beyond the box by another way than a path.

A call that the table does not know (of a newer kernel) is "not there", the
second ABI and foreign machines end the process.
"""

import errno as errors
from typing import Final

from nucleus.seal.bpf import ALLOW, KILL_PROCESS, Alternative, Condition, Filter, errno

MOUNTS: Final = (
    "mount umount2 pivot_root chroot open_tree open_tree_attr move_mount fsopen fsconfig fsmount fspick "
    "mount_setattr setns unshare"
)
OTHER_PROCESSES: Final = "ptrace process_vm_readv process_vm_writev process_madvise pidfd_getfd kcmp"
KERNEL: Final = (
    "bpf perf_event_open userfaultfd kexec_load kexec_file_load init_module finit_module delete_module "
    "create_module query_module get_kernel_syms reboot swapon swapoff acct quotactl quotactl_fd nfsservctl _sysctl "
    "uselib ustat sysfs lookup_dcookie vhangup syslog iopl ioperm modify_ldt settimeofday clock_settime adjtimex "
    "clock_adjtime sethostname setdomainname move_pages migrate_pages vmsplice"
)
HANDLES: Final = "open_by_handle_at name_to_handle_at fanotify_init fanotify_mark"
"""Ways to a file that no path leads to."""
KEYS: Final = "keyctl add_key request_key"
"""Keyrings belong to the user, not to a namespace."""
RINGS: Final = "io_uring_setup io_uring_enter io_uring_register"
"""Does what other calls do, unseen by any filter."""
ABSENT: Final = f"{RINGS} clone3"
"""Answered "not there", so that programs fall back: the flags of clone3 lie behind a pointer."""
REFUSED: Final = f"{MOUNTS} {OTHER_PROCESSES} {KERNEL} {HANDLES} {KEYS}"

_NEW_NAMESPACES: Final = 0x7E020000
"""CLONE_NEWNS, NEWCGROUP, NEWUTS, NEWIPC, NEWUSER, NEWPID, NEWNET. NEWTIME lies in the byte that clone(2) takes
for a signal: only clone3 and unshare can ask for it."""
_FAMILIES: Final = (1, 2, 10)
"""AF_UNIX, AF_INET, AF_INET6: the box has its own network with nothing but loopback."""
_NETLINK: Final = 16
_RAW: Final = 3
_PACKET: Final = 10
_KIND_MASK: Final = 0xF
_MPTCP: Final = 262
_FAST_OPEN: Final = 0x20000000
_TERMINAL: Final = (0x5412, 0x541C, 0x5423)
"""TIOCSTI, TIOCLINUX, TIOCSETD: typing into a terminal, pasting into a console, changing its line discipline."""
_PERSONALITIES: Final = (0, 0x40000, 0xFFFFFFFF)
"""The usual one, ADDR_NO_RANDOMIZE, and asking."""
_TYPE_MASK: Final = 0o170000
_DEVICES: Final = (0o020000, 0o060000)
"""S_IFCHR, S_IFBLK. A character device 0/0 is a whiteout of overlayfs."""


def boxed() -> Filter:
    """Return the filter of every process in a box."""
    refused = Alternative(errno(errors.EPERM))
    absent = Alternative(errno(errors.ENOSYS))
    calls: dict[str, tuple[Alternative, ...]] = dict.fromkeys(REFUSED.split(), (refused,))
    calls |= dict.fromkeys(ABSENT.split(), (absent,))
    calls["clone"] = (Alternative(errno(errors.EPERM), (Condition(0, 0, mask=_NEW_NAMESPACES, equal=False),)),)
    calls["ioctl"] = tuple(Alternative(errno(errors.EPERM), (Condition(1, request),)) for request in _TERMINAL)
    calls["personality"] = (*(Alternative(ALLOW, (Condition(0, one),)) for one in _PERSONALITIES), refused)
    calls["socket"] = _socket()
    calls["socketpair"] = (
        Alternative(ALLOW, (Condition(0, _FAMILIES[0]),)),
        Alternative(errno(errors.EAFNOSUPPORT)),
    )
    for name, argument in (("sendto", 3), ("sendmsg", 2), ("sendmmsg", 3)):
        fast_open = Condition(argument, _FAST_OPEN, mask=_FAST_OPEN)
        calls[name] = (Alternative(errno(errors.EOPNOTSUPP), (fast_open,)),)
    for name, argument in (("mknod", 1), ("mknodat", 2)):
        calls[name] = tuple(
            Alternative(errno(errors.EPERM), (Condition(argument, kind, mask=_TYPE_MASK),)) for kind in _DEVICES
        )
    return Filter(calls, otherwise=ALLOW, foreign=KILL_PROCESS, unknown=errno(errors.ENOSYS))


def _socket() -> tuple[Alternative, ...]:
    """Local and internet sockets, no raw ones, no MPTCP; of netlink only what lists interfaces."""
    refused = errno(errors.EAFNOSUPPORT)
    return (
        *(
            Alternative(errno(errors.EPERM), (Condition(0, family), Condition(1, kind, mask=_KIND_MASK)))
            for family in _FAMILIES[1:]
            for kind in (_RAW, _PACKET)
        ),
        Alternative(errno(errors.EPROTONOSUPPORT), (Condition(2, _MPTCP),)),
        *(Alternative(ALLOW, (Condition(0, family),)) for family in _FAMILIES),
        # C libraries list interfaces with it, and the network namespace has nothing to configure.
        Alternative(ALLOW, (Condition(0, _NETLINK), Condition(2, 0))),
        Alternative(refused),
    )
