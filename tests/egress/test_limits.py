"""A pace is kept over time, with a second's worth at once."""

import asyncio

import pytest

from nucleus.egress.limits import Pace


def test_a_pace_lets_a_second_pass_at_once_and_then_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    now, slept = [100.0], []

    async def sleep(seconds: float) -> None:
        slept.append(round(seconds, 6))
        now[0] += seconds

    monkeypatch.setattr(asyncio, "sleep", sleep)

    async def take() -> None:
        pace = Pace(1000, lambda: now[0])
        now[0] += 5.0
        for size in (1000, 500, 500):
            await pace.take(size)

    asyncio.run(take())
    assert slept == [0.5, 0.5]


def test_no_pace_is_no_wait() -> None:
    asyncio.run(Pace(0, lambda: 0.0).take(1 << 40))
