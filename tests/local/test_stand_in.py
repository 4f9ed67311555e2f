"""A box whose supervisor is stopped stays bounded."""

import os
import select
import signal
import subprocess
import sys
from collections.abc import Iterator

import pytest

from nucleus.local.stand_in import stand_in

SECONDS = 20


@pytest.fixture
def first() -> Iterator[int]:
    """Make what stands for a box's process 1."""
    with subprocess.Popen(["sleep", "60"]) as child:
        number = os.pidfd_open(child.pid)
        yield number
        os.close(number)
        child.kill()


def _children() -> set[str]:
    with open("/proc/thread-self/children", encoding="ascii") as file:
        return set(file.read().split())


def dead(first: int, seconds: float) -> bool:
    return bool(select.select([first], [], [], seconds)[0])


def test_a_box_that_is_over_is_killed_meanwhile(first: int) -> None:
    with stand_in(first, lambda: True):
        assert dead(first, SECONDS)


def test_without_anybody_who_watches_it_goes_on(first: int) -> None:
    with stand_in(-1, lambda: True):
        assert not dead(first, 1.5)


def test_a_box_that_is_not_over_goes_on_and_nobody_is_left(first: int) -> None:
    before = _children()
    with stand_in(first, lambda: False):
        assert not dead(first, 1.5)
        (watching,) = _children() - before
    assert watching not in _children()
    assert not dead(first, 0)
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == set()


def test_who_can_not_look_ends_the_box(first: int) -> None:
    with stand_in(first, lambda: bool(1 // 0)):
        assert dead(first, SECONDS)


def test_a_supervisor_that_is_killed_takes_the_box_with_it(first: int) -> None:
    script = (
        "import os, signal, sys; from nucleus.local.stand_in import stand_in\n"
        f"with stand_in({first}, lambda: False): os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", script], pass_fds=[first], check=False)
    assert done.returncode == -signal.SIGKILL
    assert dead(first, SECONDS)
