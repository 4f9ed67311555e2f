"""The tables are the kernel's: checked against the headers of this machine where they are installed."""

import re
from pathlib import Path

import pytest

from nucleus.seal.syscalls import AARCH64, MACHINES, X86_64

HEADERS = {
    "x86_64": [Path("/usr/include/x86_64-linux-gnu/asm/unistd_64.h"), Path("/usr/include/asm/unistd_64.h")],
    "aarch64": [Path("/usr/include/asm-generic/unistd.h")],
}


def test_no_number_stands_for_two_calls() -> None:
    for one in (X86_64, AARCH64):
        assert len(set(one.numbers.values())) == len(one.numbers)


@pytest.mark.parametrize("name", list(MACHINES))
def test_every_number_of_the_kernel_header_is_in_the_table(name: str) -> None:
    header = next((path for path in HEADERS[name] if path.exists()), None)
    if header is None:
        pytest.skip("no kernel headers (linux-libc-dev) here")
    pairs = re.findall(r"#define __NR_(\w+) (\d+)\s", header.read_text(encoding="ascii"))
    known = MACHINES[name].numbers
    wrong = {call: number for call, number in pairs if call in known and known[call] != int(number)}
    assert wrong == {}
    assert len({call for call, _ in pairs} & set(known)) > 250


def test_both_machines_agree_on_the_calls_that_came_after_the_tables_were_joined() -> None:
    for name, number in X86_64.numbers.items():
        if number >= 424 and name in AARCH64.numbers:
            assert AARCH64.numbers[name] == number
