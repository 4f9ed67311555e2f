"""Which calls a box refuses, on both machines; and that the assembled program says the same."""

import errno as errors

import pytest

from nucleus.local.filter import ABSENT, REFUSED, boxed
from nucleus.seal.bpf import ALLOW, KILL_PROCESS, assemble, errno
from nucleus.seal.syscalls import AARCH64, MACHINES, X86_64, Machine
from tests.seal.test_bpf import run

EPERM, ENOSYS = errno(errors.EPERM), errno(errors.ENOSYS)
NO_FAMILY = errno(errors.EAFNOSUPPORT)
machines = pytest.mark.parametrize("machine", [X86_64, AARCH64], ids=lambda machine: machine.name)


def judged(machine: Machine, name: str, *arguments: int) -> int:
    """Return the action for one call: that of the program, which is that of the description."""
    six = (*arguments, *[0] * (6 - len(arguments)))
    number = machine.numbers[name]
    answer = run(assemble(boxed(), machine), machine.audit, number, six)
    assert answer == boxed().judge(machine, machine.audit, number, six)
    return answer


@machines
def test_what_is_dangerous_is_refused_and_what_programs_need_is_not(machine: Machine) -> None:
    for name in REFUSED.split():
        if name in machine.numbers:
            assert judged(machine, name) == EPERM, name
    for name in ABSENT.split():
        assert judged(machine, name) == ENOSYS, name
    usual = "openat read write execve futex mmap clone wait4 kill prctl seccomp setsockopt renameat2"
    for name in usual.split():
        assert judged(machine, name) == ALLOW, name


def test_each_refused_name_is_a_call_of_some_machine() -> None:
    known = {name for machine in MACHINES.values() for name in machine.numbers}
    assert set(f"{REFUSED} {ABSENT}".split()) <= known


@machines
@pytest.mark.parametrize(
    ("name", "arguments", "wanted"),
    [
        ("socket", (1, 1, 0), ALLOW),
        ("socket", (2, 1, 6), ALLOW),
        ("socket", (10, 2 | 0o2000000, 17), ALLOW),
        ("socket", (2, 3, 1), EPERM),
        ("socket", (10, 3 | 0o2000000, 255), EPERM),
        ("socket", (2, 10, 0), EPERM),
        ("socket", (2, 1, 262), errno(errors.EPROTONOSUPPORT)),
        ("socket", (16, 3, 0), ALLOW),
        ("socket", (16, 3, 9), NO_FAMILY),
        ("socket", (17, 3, 0), NO_FAMILY),
        ("socket", (38, 5, 0), NO_FAMILY),
        ("socket", (40, 1, 0), NO_FAMILY),
        ("socketpair", (1, 1, 0), ALLOW),
        ("socketpair", (30, 1, 0), NO_FAMILY),
        ("ioctl", (0, 0x5412), EPERM),
        ("ioctl", (0, (1 << 32) | 0x5412), EPERM),
        ("ioctl", (0, 0x541C), EPERM),
        ("ioctl", (0, 0x5413), ALLOW),
        ("clone", (0x3D0F00,), ALLOW),
        ("clone", (17,), ALLOW),
        ("clone", (0x10000000 | 17,), EPERM),
        ("clone", (0x00020000,), EPERM),
        ("clone", (0x40000000,), EPERM),
        ("personality", (0,), ALLOW),
        ("personality", (0xFFFFFFFF,), ALLOW),
        ("personality", (0x40000,), ALLOW),
        ("personality", (0x0400000,), EPERM),
        ("sendto", (3, 0, 0, 0x20000000), errno(errors.EOPNOTSUPP)),
        ("sendto", (3, 0, 0, 0x4000), ALLOW),
        ("sendmsg", (3, 0, 0x20004000), errno(errors.EOPNOTSUPP)),
        ("mknodat", (0, 0, 0o020644), EPERM),
        ("mknodat", (0, 0, 0o060644), EPERM),
        ("mknodat", (0, 0, 0o010644), ALLOW),
    ],
)
def test_arguments_decide(machine: Machine, name: str, arguments: tuple[int, ...], wanted: int) -> None:
    assert judged(machine, name, *arguments) == wanted


@machines
def test_foreign_machines_and_the_second_abi_end_the_process(machine: Machine) -> None:
    program = assemble(boxed(), machine)
    for other in (0x40000003, 0x40000028, AARCH64.audit if machine is X86_64 else X86_64.audit):
        assert run(program, other, 0, (0,) * 6) == KILL_PROCESS
    if machine is X86_64:
        assert run(program, machine.audit, 0x40000000 | machine.numbers["ptrace"], (0,) * 6) == KILL_PROCESS


@machines
def test_a_call_of_a_newer_kernel_is_not_there(machine: Machine) -> None:
    beyond = max(machine.numbers.values()) + 1
    assert run(assemble(boxed(), machine), machine.audit, beyond, (0,) * 6) == ENOSYS
