"""The assembled program gives every call the action that the description gives it."""

import errno as errors
import struct

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from nucleus.seal.bpf import (
    ALLOW,
    AND,
    AT_ARGUMENTS,
    INSTRUCTION,
    JUMP_AT_LEAST,
    JUMP_EQUAL,
    KILL_PROCESS,
    LOAD,
    RETURN,
    Alternative,
    Condition,
    Filter,
    assemble,
    errno,
)
from nucleus.seal.syscalls import AARCH64, MACHINES, X86_64, Machine

ARGUMENTS = (0,) * 6
machines = st.sampled_from([X86_64, AARCH64])
actions = st.sampled_from([ALLOW, KILL_PROCESS, errno(errors.EPERM), errno(errors.ENOSYS)])
small = st.sampled_from([0, 1, 2, 3, 0x80000000, 0xFFFFFFFF, 1 << 32, (1 << 32) + 1, (1 << 64) - 1])
arguments = st.tuples(*[small] * 6)


def run(program: bytes, audit: int, number: int, args: tuple[int, ...]) -> int:
    """Run classic BPF as net/core/filter.c describes it, on one ``struct seccomp_data``."""
    data = struct.pack("<IIQ6Q", number, audit, 0, *args)
    code = list(INSTRUCTION.iter_unpack(program))
    accumulator = at = 0
    while True:
        operation, jump_true, jump_false, operand = code[at]
        at += 1
        if operation == LOAD:
            (accumulator,) = struct.unpack_from("<I", data, operand)
        elif operation == AND:
            accumulator &= operand
        elif operation == JUMP_EQUAL:
            at += jump_true if accumulator == operand else jump_false
        elif operation == JUMP_AT_LEAST:
            at += jump_true if accumulator >= operand else jump_false
        else:
            assert operation == RETURN
            return int(operand)


@st.composite
def conditions(draw: st.DrawFn) -> Condition:
    width = draw(st.sampled_from([32, 64]))
    whole = (1 << width) - 1
    mask = draw(st.sampled_from([1, 3, 0xFFFFFFFF, 0x80000000, whole, whole ^ 1]))
    return Condition(draw(st.integers(0, 5)), draw(small) & mask, mask, draw(st.booleans()), 64 if width == 64 else 32)


alternatives = st.builds(Alternative, actions, st.lists(conditions(), max_size=4).map(tuple))
names = st.sampled_from(sorted(X86_64.numbers) + sorted(AARCH64.numbers))
filters = st.builds(
    Filter,
    st.dictionaries(names, st.lists(alternatives, min_size=1, max_size=4).map(tuple), max_size=6),
    otherwise=actions,
    foreign=actions,
    unknown=st.none() | actions,
)


@given(filters, machines, arguments, st.data())
@settings(max_examples=300, deadline=None)
def test_the_program_means_what_the_description_means(
    plan: Filter, machine: Machine, args: tuple[int, ...], data: st.DataObject
) -> None:
    program = assemble(plan, machine)
    named = [machine.numbers[name] for name in plan.calls if name in machine.numbers]
    numbers = [0, 1, 500, 0x40000000, 0x40000001, 0xFFFFFFFF, *named]
    for number in numbers:
        expected = plan.judge(machine, machine.audit, number, args)
        assert run(program, machine.audit, number, args) == expected
    audit = data.draw(st.integers(0, 0xFFFFFFFF).filter(lambda value: value != machine.audit))
    assert run(program, audit, data.draw(st.sampled_from(numbers)), args) == KILL_PROCESS


@given(conditions(), arguments)
@example(Condition(0, 5, equal=False, width=64, mask=(1 << 64) - 1), (5 + (1 << 32), 0, 0, 0, 0, 0))
@settings(max_examples=300, deadline=None)
def test_one_condition_decides_on_exactly_its_bits(condition: Condition, args: tuple[int, ...]) -> None:
    plan = Filter({"read": (Alternative(ALLOW, (condition,)),)}, otherwise=errno(1))
    expected = ALLOW if condition.holds(args) else errno(1)
    assert run(assemble(plan, X86_64), X86_64.audit, X86_64.numbers["read"], args) == expected


def test_a_number_of_the_second_abi_is_never_taken_for_the_first() -> None:
    plan = Filter({"read": (Alternative(),)}, otherwise=ALLOW)
    program = assemble(plan, X86_64)
    assert run(program, X86_64.audit, 0, ARGUMENTS) == ALLOW
    assert run(program, X86_64.audit, 0x40000000, ARGUMENTS) == KILL_PROCESS


def test_without_the_check_of_the_second_abi_a_deny_list_would_let_its_numbers_pass() -> None:
    """The defence switched off: what a deny-list on x86_64 is without question 2."""
    naive = Machine("x86_64", X86_64.audit, X86_64.numbers, 0)
    plan = Filter({"ptrace": (Alternative(errno(1)),)}, otherwise=ALLOW)
    number = 0x40000000 + X86_64.numbers["ptrace"]
    assert run(assemble(plan, naive), X86_64.audit, number, ARGUMENTS) == ALLOW
    assert run(assemble(plan, X86_64), X86_64.audit, number, ARGUMENTS) == KILL_PROCESS


def test_a_deny_list_refuses_calls_that_did_not_exist_when_it_was_written() -> None:
    plan = Filter({"ptrace": (Alternative(errno(1)),)}, otherwise=ALLOW, unknown=errno(errors.ENOSYS))
    for machine in MACHINES.values():
        beyond = max(machine.numbers.values()) + 1
        assert run(assemble(plan, machine), machine.audit, beyond, ARGUMENTS) == errno(errors.ENOSYS)
        assert run(assemble(plan, machine), machine.audit, beyond - 1, ARGUMENTS) == ALLOW


def test_an_argument_is_read_at_its_own_place() -> None:
    for place in range(6):
        plan = Filter({"read": (Alternative(ALLOW, (Condition(place, 7),)),)}, otherwise=errno(1))
        args = tuple(7 if i == place else 0 for i in range(6))
        assert run(assemble(plan, X86_64), X86_64.audit, 0, args) == ALLOW
        assert AT_ARGUMENTS + 8 * place == struct.calcsize(f"<IIQ{place}Q")


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: assemble(Filter({"opne": (Alternative(),)}, otherwise=ALLOW), X86_64),
        lambda: assemble(Filter({"open": ()}, otherwise=ALLOW), X86_64),
        lambda: assemble(Filter({"open": (Alternative(ALLOW, (Condition(0, 1),) * 90),)}, otherwise=ALLOW), X86_64),
        lambda: assemble(
            Filter({name: (Alternative(ALLOW, (Condition(0, 1),) * 60),) for name in X86_64.numbers}, otherwise=ALLOW),
            X86_64,
        ),
        lambda: Condition(6, 0),
        lambda: Condition(0, 1 << 32),
        lambda: Condition(0, 4, mask=3),
        lambda: errno(0),
        lambda: errno(5000),
    ],
)
def test_what_can_not_be_meant_is_refused_when_it_is_built(wrong: object) -> None:
    assert callable(wrong)
    with pytest.raises(ValueError, match=r".+"):
        wrong()
