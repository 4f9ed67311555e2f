"""Which system calls a command is refused where nothing but Landlock and this filter contains it. Pure.

``filter.boxed`` rests on namespaces; here there are none, so whatever reaches
beyond the process by another way than opening a file is refused:

- every socket: Landlock does not see UDP, nor a connection to a path socket,
  and behind those are the message bus, agents, container engines;
- mode, owner, time and attributes of a *path*: Landlock does not see those,
  and the owner's files are all of the same user. On an open file they work;
- queues, memory and semaphores that are found by a number;
- limits, priority and affinity of other processes; watching a directory.

Signals and abstract sockets are Landlock's (ABI 6), files and TCP too.
"""

import errno as errors
from typing import Final

from nucleus.lean import replace
from nucleus.local.filter import boxed
from nucleus.seal.bpf import ALLOW, Alternative, Condition, Filter, errno

SOCKETS: Final = "socket bind connect listen accept accept4 sendmmsg recvmmsg"
BY_PATH: Final = (
    "chmod fchmodat fchmodat2 chown lchown fchownat utime utimes futimesat setxattr lsetxattr setxattrat "
    "removexattr lremovexattr removexattrat file_setattr mknod mknodat chroot"
)
BY_NUMBER: Final = "shmget shmat shmctl msgget msgsnd msgrcv msgctl semget semop semtimedop semctl mq_open mq_unlink"
OF_OTHERS: Final = "ioprio_set sched_setscheduler sched_setparam sched_setattr process_mrelease pidfd_getfd"
WATCHING: Final = "inotify_add_watch fanotify_mark"
REFUSED: Final = f"{SOCKETS} {BY_PATH} {BY_NUMBER} {OF_OTHERS} {WATCHING}"
_AF_UNIX: Final = 1
_KINDS: Final = (1, 5)
"""SOCK_STREAM, SOCK_SEQPACKET: a pair of datagram sockets could send to any path."""
_LONG: Final = (1 << 64) - 1


def tight() -> Filter:
    """Return the filter: all that a box refuses, and what only its namespaces made harmless there."""
    refused = Alternative(errno(errors.EPERM))
    calls = dict(boxed().calls) | dict.fromkeys(REFUSED.split(), (refused,))
    calls["socketpair"] = (
        *(Alternative(ALLOW, (Condition(0, _AF_UNIX), Condition(1, kind, mask=0xF))) for kind in _KINDS),
        refused,
    )
    calls["sendto"] = (Alternative(ALLOW, (Condition(4, 0, mask=_LONG, width=64),)), refused)
    calls["utimensat"] = (Alternative(ALLOW, (Condition(1, 0, mask=_LONG, width=64),)), refused)
    calls["prlimit64"] = (Alternative(ALLOW, (Condition(0, 0),)), refused)
    calls["sched_setaffinity"] = (Alternative(ALLOW, (Condition(0, 0),)), refused)
    calls["setpriority"] = (Alternative(ALLOW, (Condition(0, 0), Condition(1, 0))), refused)
    return replace(boxed(), calls=calls)
