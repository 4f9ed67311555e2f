"""The Python kernel equals the Coq model, on every cell of the quotient.

Both sides have the lemma that verdict, rules and additions depend on a finite
part of state and request (``properties.quotient`` for Python, ``quotient`` in
Theorems.v for the model). Here each class's representative is given to
``admit``, the function that production calls, and compared with the model's
answer; and nu is compared on all 3^12 authorities.
"""

import itertools
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Final

from nucleus.kernel.boundary import admit
from nucleus.kernel.exposure import LegTable, nu
from nucleus.kernel.state import Request, State
from proofs.oracle import Oracle

OPS: Final = 12
LEVELS: Final = (0, 1, 3)
SEEN: Final = (0, 2, *[1 | u << 1 | f << 3 | s << 4 for s in (0, 1) for f in (0, 1) for u in (0, 1)])
CELLS_OF_OP: Final = 2 * 3 * 3 * 3 * len(SEEN) * 8 * 3 * 2**5
CELLS: Final = OPS * CELLS_OF_OP
ADDITIONS: Final = OPS * 8 * 2**3
AUTHORITIES: Final = 3**OPS
CELL_BYTES: Final = 4
CODES: Final = {0: 0, 1: 1, 3: 2}
EGRESS: Final = (3, 6, 7, 9, 10, 11)
TABLE: Final = LegTable(
    private=sum(3 << 2 * op for op in (0, 3, 4, 5)),
    untrusted=sum(3 << 2 * op for op in (3, 6, 7)),
    exfil=sum(3 << 2 * op for op in EGRESS),
)
"""The model's ``legs_of``, as masks."""


def compare(oracle: Oracle, workers: int = 2) -> list[str]:
    """Return where kernel and model differ; nothing, if all is well."""
    expected = CELLS * CELL_BYTES + ADDITIONS + AUTHORITIES * 3
    if len(oracle.table) != expected:
        return [f"the oracle's table has {len(oracle.table)} bytes, expected {expected}"]
    size = CELLS_OF_OP * CELL_BYTES
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        jobs = [(op, oracle.table[op * size : (op + 1) * size]) for op in range(OPS)]
        wrong = [found for found in pool.map(_compare_op, jobs) if found]
    wrong += _first_difference("addition", additions(), oracle.table[CELLS * CELL_BYTES :][:ADDITIONS], 1)
    wrong += _first_difference("nu", all_nu(), oracle.table[CELLS * CELL_BYTES + ADDITIONS :], 3)
    return wrong


def _compare_op(job: tuple[int, bytes]) -> str:
    op, expected = job
    return "".join(_first_difference(f"op {op}", cells_of(op), expected, CELL_BYTES))


def _first_difference(what: str, found: bytes, expected: bytes, size: int) -> list[str]:
    if found == expected:
        return []
    place = next(i for i, (a, b) in enumerate(itertools.zip_longest(found, expected)) if a != b) // size
    mine, theirs = (part[place * size :][:size].hex() for part in (found, expected))
    return [f"{what}, number {place}: kernel {mine}, model {theirs}"]


def cells_of(op: int) -> bytes:
    """Return the kernel's answers for one operation, in the order of the model's table."""
    out = bytearray()
    for live, level, cost, scope, seen in itertools.product((0, 1), LEVELS, (0, 1, 2), (0, 1, 2), SEEN):
        state = State(level << 2 * op, seen, 1, 0)
        for sink, trusted, home, attested, public, fixed, approved in itertools.product(
            range(8), (0, 1, 2), (0, 1), (0, 1), (0, 1), (0, 1), (0, 1)
        ):
            request = Request(op, cost, live, 0, 0, sink, scope, trusted, home, attested, public, fixed, approved)
            verdict, rules, after = admit(state, request)
            head = verdict + (after.version << 2) + (after.budget << 3)
            out += bytes((head, after.exposure, rules & 255, rules >> 8))
    return bytes(out)


def additions() -> bytes:
    """Return what an allowed call adds to a clean exposure, for each operation, sink and trusted fact."""
    out = bytearray()
    for op, sink, attested, public, fixed in itertools.product(range(OPS), range(8), (0, 1), (0, 1), (0, 1)):
        state = State(3 << 2 * op, 0, 1, 0)
        out.append(admit(state, Request(op, 0, 1, 0, 0, sink, 2, 2, 0, attested, public, fixed, 1))[2].exposure)
    return bytes(out)


def all_nu() -> bytes:
    """Return nu of every authority, the first capability turning slowest."""
    return b"".join(nu(TABLE, authority).to_bytes(3, "little") for authority in authorities())


def authorities() -> Iterator[int]:
    """Yield all 3^12 authorities, the first capability turning slowest."""
    for levels in itertools.product(LEVELS, repeat=OPS):
        yield sum(level << 2 * op for op, level in enumerate(levels))


def index_of(s: State, r: Request) -> int:
    """Return the number of the cell of a valid state and request."""
    level = CODES[s.authority >> 2 * r.op & 3]
    cost = 0 if r.cost == 0 else 1 if r.cost <= s.budget else 2
    seen = (s.exposure | r.carried | (r.legs if r.op == 3 else 0)) & 27
    number = r.op * 2 + r.live
    for value, size in (
        (level, 3),
        (cost, 3),
        (r.scope, 3),
        (SEEN.index(seen), len(SEEN)),
        (r.sink, 8),
        (r.trusted, 3),
        (r.home, 2),
        (r.attested, 2),
        (r.public, 2),
        (r.fixed, 2),
        (r.approved, 2),
    ):
        number = number * size + value
    return number


def addition_of(r: Request) -> int:
    """Return the number of the addition of a well-formed request, from the start of the additions."""
    return (((r.op * 8 + r.sink) * 2 + r.attested) * 2 + r.public) * 2 + r.fixed
