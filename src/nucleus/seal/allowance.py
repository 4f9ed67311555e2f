"""What a sealed process may still call, each group with its reason. Pure.

An allow-list: what is not named here fails with EPERM, calls of future
kernels included. It holds without Landlock, which can't see stat, chmod,
utime, xattr, kill, ptrace, prlimit or a datagram to a path socket.

Three dangers that are easily missed, and where they are closed:

- a signal without kill(2): F_SETOWN with O_ASYNC makes the kernel send one to
  any process of this user. Only plain fcntl and ioctl requests are listed;
- a file without open(2): a datagram socket pair can send to any path socket.
  Pairs are stream or seqpacket, and these ignore or refuse an address;
- stat of any path through the fstat of older C libraries (``newfstatat`` with
  an empty path): the path lies behind a pointer, so the call is refused, and
  ``os.fstat`` with it where the C library has no other way.
"""

import errno as errors
from collections.abc import Iterator
from typing import Final

from nucleus.seal.bpf import ALLOW, Alternative, Condition, Filter, errno

DATA: Final = "read write readv writev close close_range dup dup2 dup3 lseek fstat pipe pipe2 eventfd2"
"""Work on descriptors that are already there, or lead nowhere but into this process."""
MESSAGES: Final = "recvfrom sendmsg recvmsg shutdown getsockname getpeername"
"""Talk over kept sockets and own pairs. No socket, bind, connect, listen, accept, setsockopt."""
WAITING: Final = (
    "epoll_create1 epoll_ctl epoll_wait epoll_pwait epoll_pwait2 poll ppoll select pselect6 "
    "nanosleep clock_nanosleep pause alarm setitimer getitimer restart_syscall"
)
TIME: Final = "clock_gettime clock_getres gettimeofday time times getrusage"
MEMORY: Final = "mmap munmap mremap mprotect madvise brk"
"""No descriptor that is left can be mapped; executable memory gives native code no other system calls."""
THREADS: Final = "futex set_robust_list set_tid_address rseq gettid sched_yield membarrier getcpu exit exit_group"
SIGNALS: Final = "rt_sigaction rt_sigprocmask rt_sigreturn rt_sigsuspend rt_sigpending rt_sigtimedwait sigaltstack"
CHILDREN: Final = "wait4"
"""Learn that the gate or the relay ended, and let go of it. No child can be started."""
SELF: Final = "getpid getppid getuid geteuid getgid getegid getcwd uname getrandom"
PLAIN: Final = tuple(f"{DATA} {WAITING} {TIME} {MEMORY} {THREADS} {SIGNALS} {CHILDREN} {SELF} {MESSAGES}".split())
"""Allowed whatever the arguments are. The order is that of the questions: the most frequent first."""

_THREAD_FLAGS: Final = 0x3D0F00
"""What pthread_create of glibc and musl passes to clone(2): VM, FS, FILES, SIGHAND, THREAD, SYSVSEM, SETTLS,
PARENT_SETTID, CHILD_CLEARTID. No namespace, no new process."""
_DETACHED: Final = 0x400000
"""CLONE_DETACHED: musl sets it, the kernel ignores it."""
_FCNTL: Final = (0, 1, 2, 3, 1030)
"""F_DUPFD, F_GETFD, F_SETFD, F_GETFL, F_DUPFD_CLOEXEC."""
_SETFL: Final = 4
_ASYNC: Final = 0x2000
_IOCTL: Final = (0x5421, 0x5451, 0x5450, 0x541B)
"""FIONBIO, FIOCLEX, FIONCLEX, FIONREAD. No terminal request (TIOCSTI), no FIOASYNC, no FIOSETOWN."""
_AF_UNIX: Final = 1
_KINDS: Final = (1, 5)
"""SOCK_STREAM, SOCK_SEQPACKET."""
_KIND_MASK: Final = 0xF
_SOL_SOCKET: Final = 1
_SOCKET_FACTS: Final = (3, 4, 7, 8, 17, 38, 39)
"""SO_TYPE, SO_ERROR, SO_SNDBUF, SO_RCVBUF, SO_PEERCRED, SO_PROTOCOL, SO_DOMAIN."""
_THREAD_NAME: Final = (15, 16)
"""PR_SET_NAME, PR_GET_NAME."""
_LONG: Final = (1 << 64) - 1


def sealed(pid: int) -> Filter:
    """Return the filter of the sealed process ``pid``: only signals to itself, only its own limits."""
    calls: dict[str, tuple[Alternative, ...]] = dict.fromkeys(PLAIN, (Alternative(),))
    calls["sendto"] = _when(_null(4))
    calls["getsockopt"] = tuple(
        Alternative(ALLOW, (Condition(1, _SOL_SOCKET), Condition(2, fact))) for fact in _SOCKET_FACTS
    )
    calls["socketpair"] = tuple(
        Alternative(ALLOW, (Condition(0, _AF_UNIX), Condition(1, kind, mask=_KIND_MASK))) for kind in _KINDS
    )
    calls["fcntl"] = (*_any(1, _FCNTL), Alternative(ALLOW, (Condition(1, _SETFL), Condition(2, 0, mask=_ASYNC))))
    calls["ioctl"] = tuple(_any(1, _IOCTL))
    calls["prctl"] = tuple(_any(0, _THREAD_NAME))
    calls["clone"] = _when(Condition(0, _THREAD_FLAGS, mask=_LONG ^ _DETACHED, width=64))
    # The arguments lie behind a pointer; "not there" makes the C library fall back on clone(2).
    calls["clone3"] = (Alternative(errno(errors.ENOSYS)),)
    calls["kill"] = calls["tgkill"] = _when(Condition(0, pid))
    calls["prlimit64"] = _when(Condition(0, 0), _null(2))
    calls["sched_getaffinity"] = _when(Condition(0, 0))
    return Filter(calls, otherwise=errno(errors.EPERM))


def _when(*conditions: Condition) -> tuple[Alternative, ...]:
    return (Alternative(ALLOW, conditions),)


def _any(argument: int, values: tuple[int, ...]) -> Iterator[Alternative]:
    return (Alternative(ALLOW, (Condition(argument, value),)) for value in values)


def _null(argument: int) -> Condition:
    """Return "the pointer is null": nothing is sent to an address, no limit is set."""
    return Condition(argument, 0, mask=_LONG, width=64)
