"""Bytes on their way: all of them arrive, and nothing is collected that nobody reads."""

import os
from contextlib import suppress

from nucleus.local.flows import HELD, Flow, Watch


def _pipe() -> tuple[int, int]:
    return os.pipe()


def test_all_bytes_arrive_and_then_the_end_is_told() -> None:
    source, into = _pipe()
    out, target = _pipe()
    ends: list[int] = []
    watch = Watch()
    flow = Flow(watch, source, target, at_end=lambda: ends.append(1))
    data = os.urandom(50_000)
    got = bytearray()
    os.write(into, data)
    os.close(into)
    while not flow.over:
        watch.turn(0.1)
        os.set_blocking(out, False)
        try:
            got += os.read(out, 1 << 16)
        except BlockingIOError:
            continue
    os.close(target)
    os.set_blocking(out, True)
    got += os.read(out, 1 << 20)
    assert (bytes(got), ends) == (data, [1])
    os.close(source)
    os.close(out)


def test_what_is_not_read_is_not_collected_without_bound() -> None:
    source, into = _pipe()
    out, target = _pipe()
    watch = Watch()
    Flow(watch, source, target)
    os.set_blocking(into, False)
    taken = 0
    for _ in range(1000):
        with suppress(BlockingIOError):
            taken += os.write(into, bytes(1 << 16))
        watch.turn(0)
    assert taken <= HELD + 4 * (1 << 16)
    for number in (source, into, out, target):
        os.close(number)


def test_a_paused_flow_moves_nothing_until_it_goes_on() -> None:
    source, into = _pipe()
    out, target = _pipe()
    watch = Watch()
    flow = Flow(watch, source, target)
    flow.pause(on=True)
    os.write(into, b"later")
    watch.turn(0)
    os.set_blocking(out, False)
    try:
        early = os.read(out, 10)
    except BlockingIOError:
        early = b""
    assert early == b""
    flow.pause(on=False)
    watch.turn(0.1)
    watch.turn(0.1)
    assert os.read(out, 10) == b"later"
    for number in (source, into, out, target):
        os.close(number)


def test_a_reader_that_is_gone_ends_the_flow() -> None:
    source, into = _pipe()
    out, target = _pipe()
    watch = Watch()
    flow = Flow(watch, source, target)
    os.close(out)
    os.write(into, b"x")
    for _ in range(5):
        watch.turn(0.01)
    assert flow.over
    for number in (source, into, target):
        os.close(number)
