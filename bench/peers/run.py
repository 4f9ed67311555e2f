"""Peers against the kernel: in one process, on the same cells, every answer checked before any is timed.

``python -m bench.peers.run ROUNDS`` prints JSON. It runs with the peers on its
path, which are installed from ``locks/bench.txt`` into a folder of their own.
"""

import importlib
import json
import sys
from collections.abc import Mapping, Sequence
from typing import Any, Final

from bench.cells import Cell, mixed, oracle
from bench.clock import Candidate, interleaved, unit
from bench.peers.rules import Judge, facts_of
from nucleus.kernel.boundary import admit
from nucleus.kernel.state import Request

PEERS: Final = ("rego", "toolkit", "cedar", "pycasbin", "datalog")
OURS: Final = "nucleus"


class WrongError(Exception):
    """A peer's answer is not the kernel's: it did other work, and its time means nothing."""


def verify(name: str, judge: Judge, cells: Sequence[Cell], inputs: Sequence[Mapping[str, Any]]) -> None:
    """Know that ``judge`` answers every cell as the kernel does. Raises ``WrongError`` that names the first other."""
    for cell, facts in zip(cells, inputs, strict=True):
        expected, said = oracle(cell)[0], judge(facts)
        if said != expected:
            raise WrongError(f"{name} says {said} where the kernel says {expected}: {cell}")


def over(judge: Judge, inputs: Sequence[Mapping[str, Any]]) -> Candidate:
    """Return a candidate that judges all inputs in turn."""

    def act(turns: int) -> None:
        for turn in range(turns):
            judge(inputs[turn])

    return Candidate("", act, len(inputs))


def ours(cells: Sequence[Cell]) -> Candidate:
    """Return our own candidate: builds the request, admits it, and gets rules and the next state as well."""

    def act(turns: int) -> None:
        for turn in range(turns):
            state, facts = cells[turn]
            admit(state, Request(*facts))

    return Candidate(OURS, act, len(cells))


def measure(rounds: int) -> dict[str, Any]:
    """Return seconds of a decision for each peer and for us, by round; and what each peer can't say."""
    cells = mixed()
    candidates = [unit(), ours(cells)]
    about = {}
    for name in PEERS:
        module = importlib.import_module(f"bench.peers.{name}")
        judge = module.judge()
        inputs = [module.prepare(facts_of(cell)) for cell in cells]
        verify(module.NAME, judge, cells, inputs)
        timed = over(judge, inputs)
        candidates.append(Candidate(name, timed.act, timed.turns))
        about[name] = {"name": module.NAME, "limits": module.LIMITS}
    return {"cells": len(cells), "about": about, "seconds": interleaved(candidates, rounds)}


if __name__ == "__main__":
    print(json.dumps(measure(int(sys.argv[1]))))
