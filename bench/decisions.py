"""The decision: its median over the mixed cells, what the exposure join takes of it, and how it grows."""

import json
import statistics
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from bench.cells import Cell, mixed
from bench.clock import Candidate, Figure, figure, interleaved, ratio, seconds, unit
from bench.table import Row, Section
from nucleus.kernel.boundary import admit
from nucleus.kernel.capability import EVERYTHING, READ_FILES
from nucleus.kernel.decide import decide
from nucleus.kernel.exposure import PRIVATE, join
from nucleus.kernel.state import Request, State
from nucleus.policy.call import READ, WRITE, Call
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.load import LayerFile, load_policy
from nucleus.policy.model import Policy

TURNS = 150
"""Of one cell in one round: long against the clock's own cost, short against the machine's moods."""
FEW_RULES, MANY_RULES = 10, 10_000
PROCESSES: Final = 7
ROOT: Final = Path(__file__).resolve().parents[1]
Timed = Callable[[State, Request, tuple[int, ...]], Callable[[int], object]]


def whole(state: State, _: Request, facts: tuple[int, ...]) -> Callable[[int], object]:
    """Build the request and put it to the only door: what every caller pays for verdict, rules and next state."""

    def act(turns: int) -> None:
        for _ in range(turns):
            admit(state, Request(*facts))

    return act


def alone(state: State, request: Request, _: tuple[int, ...]) -> Callable[[int], object]:
    """Decide on a request that is there already."""

    def act(turns: int) -> None:
        for _ in range(turns):
            decide(state, request)

    return act


def per_cell(cells: Sequence[Cell], timed: Timed, rounds: int) -> list[float]:
    """Return the median over the cells, in units, of each round. The unit is timed next to each cell."""
    pairs = [(unit(TURNS), Candidate("", timed(state, Request(*facts), facts), TURNS)) for state, facts in cells]
    medians = []
    for turn in range(rounds + 1):
        units = [(seconds(one), seconds(candidate)) for one, candidate in pairs]
        if turn:
            medians.append(statistics.median(taken / one for one, taken in units))
    return medians


def in_processes(rounds: int) -> tuple[Figure, Figure]:
    """Return the whole decision and decide alone, over several processes.

    Where code and objects happen to lie in memory is drawn once for each process, and moves both by a tenth.
    """
    command = [sys.executable, "-m", "bench.decisions", str(max(3, rounds // PROCESSES))]
    found = [
        json.loads(subprocess.run(command, cwd=ROOT, stdout=subprocess.PIPE, check=True).stdout)
        for _ in range(PROCESSES)
    ]
    return figure([value for one in found for value in one[0]]), figure([value for one in found for value in one[1]])


def joins(turns: int) -> None:
    """Join what a call shows and what it could send to an exposure. A call each: the kernel writes them as ``|``."""
    for _ in range(turns):
        join(PRIVATE, PRIVATE)
        join(PRIVATE, 0)


def reads(turns: int) -> None:
    """Decide on an allowed read from a state that it changes."""
    state, facts = State(EVERYTHING, 0, 10**12, 0), (READ_FILES, 1, 1, 1, 0, 0, 2, 2, 0, 0, 0, 0, 0)
    for _ in range(turns):
        admit(state, Request(*facts))


def policy_of(rules: int) -> Policy:
    """Return a policy with ``rules`` path rules of the usual shapes, all of them the owner's."""
    kinds = ('"src/module{0}/**"', '"docs/page{0}.md"', '"**/*.gen{0}"', '"data/set{0}/*.json"')
    listed = ",\n".join(kinds[number % len(kinds)].format(number) for number in range(rules))
    text = f'version = 1\nprofile = "local_dev"\n[allow]\nwrite = ["src/**",\n{listed}]\n[deny]\nread = [{listed}]\n'
    return load_policy([LayerFile("--policy", "nucleus.toml", text.encode(), trusted=True, why="named")])


def classified(policy: Policy) -> Callable[[int], object]:
    """Return a loop that classifies and decides on calls that meet rules of every shape, and on ones that meet none."""
    context = Context("/w", "/h")
    paths = ["src/module0/a.py", "docs/page1.md", "b/c.gen2", "data/set3/x.json", "src/app.py", "README.md"]
    calls = [Call(kind, {"path": path, "text": ""}) for kind in (READ, WRITE) for path in paths]
    state = State(EVERYTHING, 0, 10**12, 0)

    def act(turns: int) -> None:
        for turn in range(turns):
            f = classify(policy, calls[turn % len(calls)], context)
            facts = (
                f.op,
                1,
                1,
                f.legs,
                f.carried,
                f.sink,
                f.scope,
                f.trusted,
                f.home,
                f.attested,
                f.public,
                f.fixed,
                0,
            )
            admit(state, Request(*facts))

    return act


def measure(rounds: int) -> Section:
    """Return the rows of the decision."""
    decided, by_itself = in_processes(rounds)
    times = interleaved([unit(1000), Candidate("join", joins, 1000), Candidate("read", reads, 1000)], rounds * 3)
    few, many = (policy_of(count) for count in (FEW_RULES, MANY_RULES))
    paths = [Candidate("few", classified(few), 600), Candidate("many", classified(many), 600)]
    by_rules = interleaved([unit(600), *paths], rounds * 3)
    share = ratio(times, "join", "read")
    return Section(
        "Decision",
        (
            Row(
                "decision p50: build the request, verdict, rules, next state",
                decided,
                "U",
                40,
                25,
                note="through the door (`boundary.admit`), which checks the type of each of the 17 fields",
            ),
            Row("decision p50: decide alone", by_itself, "U", 30, 20),
            Row(
                "exposure join's share of a decision",
                replace(share, median=share.median * 100, low=share.low * 100, high=share.high * 100),
                "%",
                10,
                5,
                note="two calls of `exposure.join`; the kernel writes them as operators, which costs less",
            ),
            Row("classify a path and decide, 10k rules against 10", ratio(by_rules, "many", "few"), "x", 1.2, 1.0),
            Row("classify a path and decide, 10 rules", ratio(by_rules, "few"), "U"),
        ),
        (f"{len(mixed())} cells: twelve capabilities, five states, every verdict, nine of the ten rules",),
    )


if __name__ == "__main__":
    print(json.dumps([per_cell(mixed(), timed, int(sys.argv[1])) for timed in (whole, alone)]))
