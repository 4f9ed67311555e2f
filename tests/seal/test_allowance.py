"""The allow-list says what its page says: every other call of either machine fails, and arguments decide exactly."""

import errno as errors

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.seal.allowance import PLAIN, sealed
from nucleus.seal.bpf import ALLOW, assemble, errno
from nucleus.seal.syscalls import MACHINES, Machine
from tests.seal.test_bpf import run

PID = 4711
REFUSED = errno(errors.EPERM)
CONDITIONAL = {
    "sendto", "getsockopt", "socketpair", "fcntl", "ioctl", "prctl", "clone", "kill", "tgkill", "prlimit64",
    "sched_getaffinity",
}  # fmt: skip
DANGEROUS = (
    "openat open openat2 creat stat lstat newfstatat statx access faccessat faccessat2 readlink readlinkat getdents64 "
    "chdir fchdir chroot mkdir mkdirat rename renameat renameat2 unlink unlinkat rmdir link linkat symlink symlinkat "
    "mknod mknodat chmod fchmod fchmodat fchmodat2 chown fchown lchown fchownat truncate ftruncate fallocate utime "
    "utimes utimensat futimesat setxattr lsetxattr fsetxattr setxattrat removexattr getxattr listxattr umask "
    "socket connect bind listen accept accept4 setsockopt sendmmsg execve execveat fork vfork waitid ptrace "
    "process_vm_readv process_vm_writev kcmp pidfd_open pidfd_send_signal pidfd_getfd tkill rt_sigqueueinfo "
    "rt_tgsigqueueinfo setpriority sched_setaffinity sched_setscheduler sched_setparam sched_setattr ioprio_set "
    "memfd_create memfd_secret userfaultfd io_uring_setup io_uring_enter io_uring_register bpf perf_event_open "
    "keyctl add_key request_key seccomp landlock_create_ruleset landlock_add_rule landlock_restrict_self unshare "
    "setns mount umount2 pivot_root open_by_handle_at name_to_handle_at splice tee vmsplice sendfile copy_file_range "
    "shmget shmat msgget semget mq_open timer_create inotify_init1 fanotify_init signalfd4 setuid setgid setresuid "
    "setgroups capset personality quotactl swapon reboot init_module finit_module delete_module kexec_load "
    "process_madvise process_mrelease mbind migrate_pages move_pages modify_ldt ioperm iopl setsid setpgid acct"
)

machines = pytest.mark.parametrize("machine", list(MACHINES.values()), ids=list(MACHINES))


@machines
def test_every_number_gets_the_verdict_that_the_page_says(machine: Machine) -> None:
    program = assemble(sealed(PID), machine)
    names = {number: name for name, number in machine.numbers.items()}
    for number in range(1024):
        name = names.get(number, "")
        verdict = run(program, machine.audit, number, (0xDEAD,) * 6)
        if name in PLAIN:
            assert verdict == ALLOW, name
        elif name == "clone3":
            assert verdict == errno(errors.ENOSYS)
        else:
            assert verdict == REFUSED, name


@machines
def test_no_dangerous_call_is_allowed_whatever_its_arguments(machine: Machine) -> None:
    plan = sealed(PID)
    for name in DANGEROUS.split():
        assert any(name in one.numbers for one in MACHINES.values()), f"misspelt: {name}"
        assert name not in plan.calls
    assert set(plan.calls) == {*PLAIN, *CONDITIONAL, "clone3"}


def test_no_call_is_listed_twice() -> None:
    assert len(set(PLAIN)) == len(PLAIN)


@pytest.mark.parametrize(
    ("name", "arguments", "verdict"),
    [
        ("sendto", (3, 99, 5, 0, 0, 0), ALLOW),
        ("sendto", (3, 99, 5, 0, 1 << 40, 0), REFUSED),
        ("sendto", (3, 99, 5, 0, 1, 110), REFUSED),
        ("socketpair", (1, 1, 0, 9, 0, 0), ALLOW),
        ("socketpair", (1, 1 | 0x80000 | 0x800, 0, 9, 0, 0), ALLOW),
        ("socketpair", (1, 5, 0, 9, 0, 0), ALLOW),
        ("socketpair", (1, 2, 0, 9, 0, 0), REFUSED),
        ("socketpair", (1, 3, 0, 9, 0, 0), REFUSED),
        ("socketpair", (16, 1, 0, 9, 0, 0), REFUSED),
        ("fcntl", (3, 4, 0x802, 0, 0, 0), ALLOW),
        ("fcntl", (3, 4, 0x2000, 0, 0, 0), REFUSED),
        ("fcntl", (3, 8, 1, 0, 0, 0), REFUSED),
        ("fcntl", (3, 10, 9, 0, 0, 0), REFUSED),
        ("fcntl", (3, 15, 9, 0, 0, 0), REFUSED),
        ("ioctl", (3, 0x5421, 9, 0, 0, 0), ALLOW),
        ("ioctl", (3, 0x5412, 9, 0, 0, 0), REFUSED),
        ("ioctl", (3, 0x5452, 9, 0, 0, 0), REFUSED),
        ("ioctl", (3, 0x8901, 9, 0, 0, 0), REFUSED),
        ("prctl", (15, 9, 0, 0, 0, 0), ALLOW),
        ("prctl", (4, 1, 0, 0, 0, 0), REFUSED),
        ("clone", (0x3D0F00, 9, 9, 9, 9, 0), ALLOW),
        ("clone", (0x7D0F00, 9, 9, 9, 9, 0), ALLOW),
        ("clone", (0x3D0F00 | 0x10000000, 9, 9, 9, 9, 0), REFUSED),
        ("clone", (0x3D0F11, 9, 9, 9, 9, 0), REFUSED),
        ("clone", (17, 0, 0, 0, 0, 0), REFUSED),
        ("clone", (0x4111, 0, 0, 0, 0, 0), REFUSED),
        ("clone", (0x3D0F00 | 1 << 33, 9, 9, 9, 9, 0), REFUSED),
        ("kill", (PID, 10, 0, 0, 0, 0), ALLOW),
        ("kill", (PID + 1, 9, 0, 0, 0, 0), REFUSED),
        ("kill", (0, 9, 0, 0, 0, 0), REFUSED),
        ("kill", ((1 << 32) - PID, 9, 0, 0, 0, 0), REFUSED),
        ("tgkill", (PID, 5000, 6, 0, 0, 0), ALLOW),
        ("tgkill", (PID + 1, 5000, 6, 0, 0, 0), REFUSED),
        ("prlimit64", (0, 7, 0, 9, 0, 0), ALLOW),
        ("prlimit64", (PID + 1, 7, 0, 9, 0, 0), REFUSED),
        ("prlimit64", (0, 7, 1 << 35, 0, 0, 0), REFUSED),
        ("getsockopt", (3, 1, 4, 9, 9, 0), ALLOW),
        ("getsockopt", (3, 1, 77, 9, 9, 0), REFUSED),
        ("getsockopt", (3, 6, 4, 9, 9, 0), REFUSED),
    ],
)
def test_arguments_decide(name: str, arguments: tuple[int, ...], verdict: int) -> None:
    for machine in MACHINES.values():
        assert run(assemble(sealed(PID), machine), machine.audit, machine.numbers[name], arguments) == verdict


@given(st.integers(0, (1 << 64) - 1))
def test_clone_makes_threads_and_nothing_else(flags: int) -> None:
    for machine in MACHINES.values():
        verdict = run(assemble(sealed(PID), machine), machine.audit, machine.numbers["clone"], (flags, 0, 0, 0, 0, 0))
        assert (verdict == ALLOW) == (flags in (0x3D0F00, 0x7D0F00))
