"""The filter of the backend ``ll``: it refuses all that a box's does, and what only namespaces made harmless."""

import errno

import pytest

from nucleus.local.filter import REFUSED as BOXED
from nucleus.local.filter import boxed
from nucleus.local.tight import REFUSED, tight
from nucleus.seal.bpf import ALLOW, INSTRUCTION, PROGRAM_LIMIT, assemble
from nucleus.seal.bpf import errno as answer
from nucleus.seal.syscalls import MACHINES

REFUSAL = answer(errno.EPERM)


@pytest.fixture(params=sorted(MACHINES))
def machine(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def judged(machine: str, name: str, *arguments: int) -> int:
    found = MACHINES[machine]
    padded = (*arguments, 0, 0, 0, 0, 0, 0)[:6]
    return tight().judge(found, found.audit, found.numbers[name], padded)


def test_it_assembles_for_every_machine(machine: str) -> None:
    program = assemble(tight(), MACHINES[machine])
    assert len(program) // INSTRUCTION.size <= PROGRAM_LIMIT


def test_what_is_refused_is_refused_with_any_arguments(machine: str) -> None:
    for name in (*REFUSED.split(), *BOXED.split()):
        if name in MACHINES[machine].numbers:
            assert judged(machine, name, 1, 2, 3, 4, 5, 6) == judged(machine, name) == REFUSAL, name


def test_nothing_that_a_box_refuses_is_allowed(machine: str) -> None:
    found = MACHINES[machine]
    for name, number in found.numbers.items():
        for arguments in ((0,) * 6, (1, 2, 3, 4, 5, 6), (16, 3, 0, 0, 0, 0)):
            if boxed().judge(found, found.audit, number, arguments) != ALLOW:
                assert tight().judge(found, found.audit, number, arguments) != ALLOW, name


def test_pairs_of_streams_are_had_and_pairs_of_datagrams_are_not(machine: str) -> None:
    assert judged(machine, "socketpair", 1, 1) == judged(machine, "socketpair", 1, 5 | 0o2000000) == ALLOW
    assert judged(machine, "socketpair", 1, 2) == judged(machine, "socketpair", 2, 1) == REFUSAL


def test_an_open_file_can_be_touched_and_a_path_can_not(machine: str) -> None:
    assert judged(machine, "utimensat", 3, 0) == ALLOW
    assert judged(machine, "utimensat", 3, 1 << 40) == REFUSAL


def test_only_what_is_one_s_own_is_limited_and_ranked(machine: str) -> None:
    assert judged(machine, "prlimit64", 0, 7, 1) == judged(machine, "setpriority", 0, 0, 5) == ALLOW
    assert judged(machine, "prlimit64", 77, 7, 1) == judged(machine, "setpriority", 0, 77, 5) == REFUSAL
    assert judged(machine, "sched_setaffinity", 77) == REFUSAL
    assert judged(machine, "sendto", 3, 1, 1, 0, 1 << 35) == REFUSAL


def test_files_processes_and_time_go_on(machine: str) -> None:
    for name in (
        "openat",
        "read",
        "write",
        "execve",
        "wait4",
        "futex",
        "unlinkat",
        "renameat2",
        "fchmod",
        "clock_gettime",
    ):
        assert judged(machine, name, 3) == ALLOW
