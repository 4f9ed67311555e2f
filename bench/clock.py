"""How anything here is timed: next to the calibration, in the same rounds, in the same kind of loop.

A machine that is shared, throttled or warming up changes speed from one
second to the next. So no figure stands alone: in each round every candidate
and the calibration run one after the other, and what is reported is the median
over the rounds of their ratio, with its quartiles.

``U``  one Python call of a function that looks a key up in a dict
``B``  one whole process ``python -c pass``

Both, like every candidate, are one turn of the same ``for`` loop: the cost of
the loop is in the figure and in the calibration. Processor time of the thread
is used where nothing waits, the clock on the wall where something does.
"""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

UNIT: Final = "U"
_TABLE: Final = {number: number for number in range(12)}


@dataclass(frozen=True, slots=True)
class Figure:
    """A measured ratio: its median over the rounds, and the quartiles."""

    median: float
    low: float
    high: float

    def __str__(self) -> str:
        return f"{shown(self.median)} ({shown(self.low)} to {shown(self.high)})"


@dataclass(frozen=True, slots=True)
class Candidate:
    """Something to time: ``act(n)`` does it n times, ``turns`` is the n of one round."""

    name: str
    act: Callable[[int], object]
    turns: int = 1


def look_up(table: Mapping[int, int], key: int) -> int:
    """Be the unit: a call, a lookup, a return."""
    return table[key]


def units(turns: int) -> None:
    """Spend ``turns`` units."""
    for _ in range(turns):
        look_up(_TABLE, 5)


def unit(turns: int = 2000) -> Candidate:
    """Return the calibration for work without waiting."""
    return Candidate(UNIT, units, turns)


def seconds(candidate: Candidate, clock: Callable[[], float] = time.thread_time) -> float:
    """Return the seconds of one turn, measured once."""
    begin = clock()
    candidate.act(candidate.turns)
    return (clock() - begin) / candidate.turns


def interleaved(
    candidates: Sequence[Candidate], rounds: int, clock: Callable[[], float] = time.thread_time
) -> dict[str, list[float]]:
    """Return name -> seconds of one turn, one figure for each round. One round before that is thrown away.

    The order is reversed in every other round, so that no candidate always runs on what another one warmed.
    """
    found: dict[str, list[float]] = {candidate.name: [] for candidate in candidates}
    for turn in range(rounds + 1):
        order = candidates if turn % 2 else tuple(reversed(candidates))
        for candidate in order:
            taken = seconds(candidate, clock)
            if turn:
                found[candidate.name].append(taken)
    return found


def ratio(times: Mapping[str, Sequence[float]], over: str, under: str = UNIT, turns: int = 1) -> Figure:
    """Return ``over`` divided by ``turns`` of ``under``, round by round."""
    return figure([a / (b * turns) for a, b in zip(times[over], times[under], strict=True)])


def figure(values: Sequence[float]) -> Figure:
    """Return the median and the quartiles of ``values``."""
    if len(values) < 2:
        return Figure(values[0], values[0], values[0])
    low, middle, high = statistics.quantiles(values, n=4, method="inclusive")
    return Figure(middle, low, high)


def shown(value: float) -> str:
    """Return three significant figures, without an exponent."""
    if value >= 100_000:
        return f"{value / 1000:,.0f}k"
    if value >= 100:
        return f"{value:,.0f}"
    return f"{value:.1f}" if value >= 10 else f"{value:.2f}"
