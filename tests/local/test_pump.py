"""Streams of a child: fed, collected, bounded in size and time; what stays behind ends with it."""

import os
import subprocess
import time

import pytest

from nucleus.local.pump import Pump, TooMuchError


def pumped(
    argv: list[str], stdin: bytes = b"", limit: int = 1 << 20, seconds: float = 20
) -> tuple["subprocess.Popen[bytes]", bytes]:
    """Run a child through a pump and return it with its output."""
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as child:
        assert child.stdin
        assert child.stdout
        pump = Pump(child, stdin, limit)
        pump.feed(child.stdin)
        out = pump.collect(child.stdout)
        try:
            pump.run(time.monotonic() + seconds)
        finally:
            pump.stop()
        return child, bytes(out)


def test_more_than_a_pipe_holds_goes_through_both_ways() -> None:
    data = os.urandom(1 << 18)
    child, out = pumped(["cat"], data)
    assert out == data
    assert child.returncode == 0


def test_a_child_that_does_not_read_is_no_failure() -> None:
    child, out = pumped(["sh", "-c", "exec <&-; echo done; exit 3"], b"x" * (1 << 20))
    assert (child.returncode, out) == (3, b"done\n")


def test_too_much_output_is_an_error_and_the_child_is_dead() -> None:
    with pytest.raises(TooMuchError):
        pumped(["yes"], limit=100_000)


def test_too_long_is_an_error() -> None:
    with pytest.raises(TimeoutError):
        pumped(["sleep", "60"], seconds=0.2)


def test_the_watched_process_is_ended_when_the_child_ends() -> None:
    """In a box it is process 1; here it is any process that keeps the output open."""
    with (
        subprocess.Popen(["sleep", "60"], stdout=subprocess.PIPE) as first,
        subprocess.Popen(["sleep", "0.1"], stdout=first.stdout) as child,
    ):
        assert first.stdout
        descriptor = os.pidfd_open(first.pid)
        pump = Pump(child, b"", 100)
        pump.watch(descriptor)
        out = pump.collect(first.stdout)
        pump.run(time.monotonic() + 30)
        pump.stop()
        os.close(descriptor)
        assert (bytes(out), first.wait(5), child.returncode) == (b"", -9, 0)
