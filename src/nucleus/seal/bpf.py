"""System call filters: described as data, assembled to classic BPF. Pure.

A ``Filter`` maps names of system calls to alternatives, each an action under
conditions on arguments. What it says of no call is decided by ``otherwise``.
Assembled, the order of questions is fixed:

1. another architecture than the machine's kills the process;
2. a number of the machine's second ABI (x32) gets ``foreign``;
3. a number beyond the known table gets ``unknown``;
4. a named call gets the action of its first alternative whose conditions all
   hold; a call without one, or whose alternatives all fail, ``otherwise``.

What is not seen by a filter, whoever writes it: memory behind a pointer. A
call whose danger lies there (``clone3``, ``sendmsg``, a path) can only be
allowed or refused as a whole. Sources: seccomp(2), linux/filter.h.
"""

import struct
from collections.abc import Mapping
from typing import Final, Literal, final

from nucleus.lean import dataclass
from nucleus.seal.syscalls import MACHINES, Machine

ALLOW: Final = 0x7FFF0000
KILL_PROCESS: Final = 0x80000000
_ERRNO: Final = 0x00050000
_MAX_ERRNO: Final = 4095
"""A larger value would be cut by the kernel to this (MAX_ERRNO)."""

INSTRUCTION: Final = struct.Struct("<HBBI")
"""One ``struct sock_filter``: code, jump if true, jump if false, operand."""
PROGRAM_LIMIT: Final = 4096
"""BPF_MAXINSNS."""
LOAD: Final = 0x20
"""BPF_LD | BPF_W | BPF_ABS."""
AND: Final = 0x54
"""BPF_ALU | BPF_AND | BPF_K."""
JUMP_EQUAL: Final = 0x15
"""BPF_JMP | BPF_JEQ | BPF_K."""
JUMP_AT_LEAST: Final = 0x35
"""BPF_JMP | BPF_JGE | BPF_K."""
RETURN: Final = 0x06
"""BPF_RET | BPF_K."""
AT_NUMBER: Final = 0
AT_ARCH: Final = 4
AT_ARGUMENTS: Final = 16
"""Offsets in ``struct seccomp_data``; six 64-bit arguments, low word first on both machines."""
_JUMP_LIMIT: Final = 255
_WORD: Final = 0xFFFFFFFF


def errno(number: int) -> int:
    """Return the action "fail with this error number". Raises ValueError for what is none."""
    if not 0 < number <= _MAX_ERRNO:
        raise ValueError(f"no error number: {number}")
    return _ERRNO | number


@final
@dataclass(frozen=True, slots=True)
class Condition:
    """``argument & mask == value`` (or ``!=``), on the low 32 or on all 64 bits.

    32 is right where the kernel declares an int: callers leave anything in the
    upper half, and the kernel ignores it. Pointers and longs need 64.
    """

    argument: int
    value: int
    mask: int = _WORD
    equal: bool = True
    width: Literal[32, 64] = 32

    def __post_init__(self) -> None:
        """Refuse a condition that can't be asked. Raises ValueError."""
        whole = (1 << self.width) - 1
        if not 0 <= self.argument <= 5:
            raise ValueError(f"a system call has arguments 0 to 5, not {self.argument}")
        if not (0 <= self.value <= whole and 0 <= self.mask <= whole):
            raise ValueError(f"value and mask must fit {self.width} bits: {self.value:#x}, {self.mask:#x}")
        if self.value & ~self.mask:
            raise ValueError(f"never true: {self.value:#x} has bits outside of the mask {self.mask:#x}")

    def holds(self, arguments: tuple[int, ...]) -> bool:
        """Whether it is true of these six arguments. The meaning that the assembled code must have."""
        return (arguments[self.argument] & self.mask == self.value) is self.equal


@final
@dataclass(frozen=True, slots=True)
class Alternative:
    """One action, taken when all conditions hold."""

    action: int = ALLOW
    conditions: tuple[Condition, ...] = ()


@final
@dataclass(frozen=True, slots=True)
class Filter:
    """What happens to each system call."""

    calls: Mapping[str, tuple[Alternative, ...]]
    otherwise: int
    foreign: int = KILL_PROCESS
    unknown: int | None = None
    """For numbers above the table of ``syscalls``; None = ``otherwise``. A deny-list must set it."""

    def judge(self, machine: Machine, audit: int, number: int, arguments: tuple[int, ...]) -> int:
        """Return the action for one call. The meaning that the assembled code must have."""
        if audit != machine.audit:
            return KILL_PROCESS
        if machine.foreign_bit and number >= machine.foreign_bit:
            return self.foreign
        if self.unknown is not None and number > max(machine.numbers.values()):
            return self.unknown
        for name, alternatives in self.calls.items():
            if machine.numbers.get(name) == number:
                for alternative in alternatives:
                    if all(condition.holds(arguments) for condition in alternative.conditions):
                        return alternative.action
        return self.otherwise


def assemble(plan: Filter, machine: Machine) -> bytes:
    """Return the BPF program that does what ``plan.judge`` says, for one machine.

    A name that this machine lacks is skipped (aarch64 has no ``poll``); one
    that no machine has is a mistake. Raises ValueError for that, for a name
    without alternatives, and for a program that the kernel would refuse.
    """
    known = frozenset[str]().union(*(one.numbers for one in MACHINES.values()))
    code = _prologue(plan, machine)
    for name, alternatives in plan.calls.items():
        if name not in known:
            raise ValueError(f"no machine has a system call {name!r}")
        if not alternatives:
            raise ValueError(f"the call {name!r} has no alternative; leave it out to get the default action")
        if name in machine.numbers:
            code += _block(machine.numbers[name], alternatives, plan.otherwise)
    code.append((RETURN, 0, 0, plan.otherwise))
    if len(code) > PROGRAM_LIMIT:
        raise ValueError(f"the filter has {len(code)} instructions, the kernel takes {PROGRAM_LIMIT}")
    return b"".join(INSTRUCTION.pack(*line) for line in code)


_Line = tuple[int, int, int, int]


def _prologue(plan: Filter, machine: Machine) -> list[_Line]:
    """Questions 1 to 3, then the number in the accumulator."""
    code = [
        (LOAD, 0, 0, AT_ARCH),
        (JUMP_EQUAL, 1, 0, machine.audit),
        (RETURN, 0, 0, KILL_PROCESS),
        (LOAD, 0, 0, AT_NUMBER),
    ]
    if machine.foreign_bit:
        code += [(JUMP_AT_LEAST, 0, 1, machine.foreign_bit), (RETURN, 0, 0, plan.foreign)]
    if plan.unknown is not None:
        code += [(JUMP_AT_LEAST, 0, 1, max(machine.numbers.values()) + 1), (RETURN, 0, 0, plan.unknown)]
    return code


def _block(number: int, alternatives: tuple[Alternative, ...], otherwise: int) -> list[_Line]:
    """Code for one call: skipped with the number still loaded, or left through a return."""
    body: list[_Line] = []
    for alternative in alternatives:
        body += _alternative(alternative)
    if alternatives[-1].conditions:
        # INVARIANT: the accumulator no longer holds the number here, so a block never falls through.
        body.append((RETURN, 0, 0, otherwise))
    return [(JUMP_EQUAL, 0, _near(len(body)), number), *body]


def _alternative(alternative: Alternative) -> list[_Line]:
    """Code that returns the action, or jumps behind itself when a condition fails."""
    code: list[_Line] = [(RETURN, 0, 0, alternative.action)]
    for condition in reversed(alternative.conditions):
        code = _condition(condition, beyond=len(code)) + code
    return code


def _condition(condition: Condition, beyond: int) -> list[_Line]:
    """Code that goes on if ``condition`` holds, and else jumps over ``beyond`` more instructions."""
    at = AT_ARGUMENTS + 8 * condition.argument
    words = [(at, condition.mask & _WORD, condition.value & _WORD)]
    if condition.width == 64:
        words.append((at + 4, condition.mask >> 32, condition.value >> 32))
    if condition.equal:
        return _all_equal(words, beyond)
    return _any_differs(words, beyond)


def _all_equal(words: list[tuple[int, int, int]], beyond: int) -> list[_Line]:
    code: list[_Line] = []
    for at, mask, value in reversed(words):
        code = [(LOAD, 0, 0, at), (AND, 0, 0, mask), (JUMP_EQUAL, 0, _near(beyond + len(code)), value), *code]
    return code


def _any_differs(words: list[tuple[int, int, int]], beyond: int) -> list[_Line]:
    """One word that differs is enough: jump to the end of this condition; the last word decides."""
    code: list[_Line] = []
    for at, mask, value in reversed(words):
        hit = (0, _near(len(code))) if code else (_near(beyond), 0)
        code = [(LOAD, 0, 0, at), (AND, 0, 0, mask), (JUMP_EQUAL, *hit, value), *code]
    return code


def _near(distance: int) -> int:
    """Return ``distance`` if a conditional jump reaches so far. Raises ValueError."""
    if distance > _JUMP_LIMIT:
        raise ValueError("too many conditions on one system call: a jump in BPF spans 255 instructions")
    return distance
