"""Random requests at the door, against the Coq model's table; and the frozen corpus.

The solver covers all ints of 62 bits, the cells all classes of valid inputs.
What is left are larger ints and things that are not ints; and a second
opinion on the whole path from ``unpack`` through ``admit`` to the next state,
whose expected answer comes from the model's table and a few lines of sums.
"""

import json
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from nucleus.kernel.boundary import WORST, admit, pack, unpack
from nucleus.kernel.state import Request, State
from proofs.battery import ODD
from proofs.cells import CELL_BYTES, CELLS, addition_of, index_of
from proofs.oracle import Oracle

CASES: Final = 1_000_000
BLOCK: Final = 25_000
LARGEST: Final = (1 << 53) - 1
LEAST_SHARE: Final = 0.1
CORPUS: Final = Path(__file__).with_name("corpus.jsonl")
LIMITS: Final = (11, None, 1, 31, 31, 7, 2, 2, 1, 1, 1, 1, 1)
"""The largest value of each fact; a cost has none."""
STATE_LIMITS: Final = (0xFFFFFF, 31, LARGEST, LARGEST)
HUGE: Final = (-1, -(1 << 70), 1 << 24, 1 << 60, 1 << 64, 1 << 200, 32, 12, 8, 3, 2)
EXPOSURES: Final = tuple(e for e in range(32) if e < 8 or e & 1)
SESSION, MALFORMED = 1, 2


class Mismatch(Exception):  # noqa: N818  a finding, not an error of the program
    """The kernel and the model disagree."""


def run(oracle: Oracle, cases: int = CASES, seed: int = 20_261_124, workers: int = 2) -> dict[int, int]:
    """Return how many cases fell in each verdict. Raises ``Mismatch`` on a difference or a starved class."""
    _TABLE[:] = [oracle.table]
    blocks = [(seed + number, min(BLOCK, cases - start)) for number, start in enumerate(range(0, cases, BLOCK))]
    counts = {0: 0, 1: 0, 2: 0}
    for found in map(_block, blocks) if workers == 1 else _shared(blocks, workers):
        for verdict, count in found.items():
            counts[verdict] += count
    for verdict, count in counts.items():
        if count < LEAST_SHARE * cases:
            raise Mismatch(f"only {count} of {cases} cases have verdict {verdict}: the generator is lopsided")
    return counts


def _shared(blocks: list[tuple[int, int]], workers: int) -> Iterator[dict[int, int]]:
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        yield from pool.map(_block, blocks)


_TABLE: list[bytes] = []


def _block(job: tuple[int, int]) -> dict[int, int]:
    seed, count = job
    rng = random.Random(seed)  # noqa: S311  cases, not secrets
    counts = {0: 0, 1: 0, 2: 0}
    for _ in range(count):
        state, request = _case(rng)
        verdict = check(_TABLE[0], state, request)
        counts[verdict] += 1
    return counts


def check(table: bytes, state: Any, request: Any) -> int:
    """Return the verdict on one case. Raises ``Mismatch`` if it is not the model's, or the next state is not."""
    found = admit(state, request)
    wanted = expected(table, state, request)
    after = found[2]
    same_object = wanted[2] is None and after is state
    if (found[0], found[1]) != wanted[:2] or not (same_object or after == wanted[2]):
        raise Mismatch(f"{state} {request}: kernel {found}, model {wanted}")
    exact = type(request) is Request and all(type(fact) is int for fact in pack(request))
    if exact and unpack(pack(request)) != request:
        raise Mismatch(f"{request} does not survive pack and unpack")
    return int(found[0])


def expected(table: bytes, state: Any, request: Any) -> tuple[int, int, State | None]:
    """Return what the model says: verdict, rules, and the next state (None: the very same)."""
    if type(state) is not State or any(type(part) is not int for part in _parts(state)):
        return 0, SESSION, None
    if type(request) is not Request or any(type(fact) is not int for fact in pack(request)):
        return 0, MALFORMED, None
    if not _usable(state) or request.live != 1 or not _readable(request):
        return 0, MALFORMED if _usable(state) and request.live == 1 else SESSION, None
    place = index_of(state, request) * CELL_BYTES
    head, _, low, high = table[place : place + CELL_BYTES]
    verdict, rules = head & 3, low | high << 8
    if verdict != 2:
        return verdict, rules, None
    exposure = state.exposure | request.legs | table[CELLS * CELL_BYTES + addition_of(request)]
    if exposure == state.exposure and request.cost == 0:
        return verdict, rules, None
    return verdict, rules, State(state.authority, exposure, state.budget - request.cost, state.version + 1)


def _parts(state: State) -> list[int]:
    return [state.authority, state.exposure, state.budget, state.version]


def _usable(state: State) -> bool:
    in_range = all(0 <= part <= limit for part, limit in zip(_parts(state), STATE_LIMITS, strict=True))
    coded = all(state.authority >> 2 * op & 3 != 2 for op in range(12)) if in_range else False
    return coded and state.exposure in EXPOSURES and state.version < LARGEST


def _readable(request: Request) -> bool:
    facts = pack(request)
    in_range = all(fact >= 0 and (limit is None or fact <= limit) for fact, limit in zip(facts, LIMITS, strict=True))
    return in_range and request.legs in EXPOSURES and request.carried in EXPOSURES


def _case(rng: random.Random) -> tuple[Any, Any]:
    """Return a random case: mostly valid, every tenth one broken in one place."""
    pick: Callable[[Any], Any] = rng.choice
    bits = rng.getrandbits
    authority = sum(pick((0, 1, 3, 3, 3)) << 2 * op for op in range(12))
    budget = pick((0, 1, 5, 1_000, LARGEST))
    state: list[Any] = [authority, pick(EXPOSURES) if bits(1) else 0, budget, pick((0, 7, LARGEST - 1))]
    facts: list[Any] = [
        rng.randrange(12),
        pick((0, 0, 1, 5, budget, budget + 1)),
        1,
        pick(EXPOSURES),
        pick(EXPOSURES) if bits(1) else 0,
        bits(3) if bits(1) else 0,
        pick((0, 1, 2, 2, 2, 2, 2)),
        pick((0, 1, 2, 2)),
        *[bits(1) for _ in range(4)],
        1 if bits(2) == 0 else 0,
    ]
    if bits(4) == 0:
        broken = state if bits(1) else facts
        broken[rng.randrange(len(broken))] = pick(HUGE) if bits(1) else pick(ODD)
    request = Request(*facts)
    if bits(10) == 0:
        request = pick((None, facts, WORST, tuple(facts)))
    return State(*state), request


def check_corpus(oracle: Oracle) -> int:
    """Check the frozen corpus: each line's verdict and rules stay what they were. Return how many lines."""
    lines = CORPUS.read_text(encoding="utf-8").splitlines()
    for number, line in enumerate(lines, 1):
        entry = json.loads(line)
        state, request = State(*entry["state"]), Request(*entry["request"])
        found = admit(state, request)
        if [found[0], found[1], _parts(found[2])] != [entry["verdict"], entry["rules"], entry["after"]]:
            raise Mismatch(f"{CORPUS.name}:{number}: {entry['why']}: now {found}")
        check(oracle.table, state, request)
    return len(lines)
