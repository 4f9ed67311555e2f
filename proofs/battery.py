"""Concrete inputs on which a kernel has to be its specification.

The battery is for speed and for honesty: it replays, on real ints, what the
solver found (one input for each path of each function), adds the edges of
every range, and tries the mutants of the kernel before the solver is asked.
It also holds what the symbolic executor can't run: the door, ``admit``.
"""

import random
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, Final

from proofs.contracts import BY_NAME, CONTRACTS, KINDS, Contract, concrete, flat, plain_of
from proofs.kernels import Kernel, production
from proofs.names import wrong_names
from proofs.spec.words import LARGEST

Values = dict[str, Any]
AUTHORITIES: Final = (0, 0xFFFFFF, 0x555555, 1, 3, 0xC, 0x4, 0xC00000, 0x400000, 0x5D7C5F)
EXPOSURES: Final = (0, 1, 2, 3, 4, 7, 9, 11, 17, 19, 25, 31)
EDGES: Final = (-1, 0, 1, 2, 3, 4, 5, 7, 8, 9, 11, 12, 16, 24, 31, 32, 1 << 24, (1 << 24) - 1, 0x800000, 2 << 22)
LARGE: Final = (LARGEST - 1, LARGEST, LARGEST + 1, 1 << 60, -(1 << 60))
GOOD: Final = {
    "state.authority": 0xFFFFFF,
    "state.exposure": 0,
    "state.budget": 100,
    "state.version": 5,
    "request.op": 7,
    "request.cost": 3,
    "request.live": 1,
    "request.legs": 2,
    "request.carried": 0,
    "request.sink": 1,
    "request.scope": 2,
    "request.trusted": 2,
    "request.home": 0,
    "request.attested": 0,
    "request.public": 0,
    "request.fixed": 0,
    "request.approved": 0,
}
"""A request that is allowed; the sweeps leave it in one field at a time."""


@dataclass(frozen=True)
class Item:
    """One input of one function, and what the specification gives for it."""

    contract: Contract
    values: Values
    expected: list[Any]


def items(witnesses: dict[str, list[Values]], seed: int = 1, count: int = 400) -> list[Item]:
    """Return the battery: witnesses of paths, edges, random inputs; each within its function's precondition."""
    rng = random.Random(seed)  # noqa: S311  cases, not secrets
    found = []
    for contract in CONTRACTS:
        sources = [witnesses.get(contract.function, []), _edges(contract), _random(contract, rng, count)]
        seen = set()
        for values in (values for source in sources for values in source):
            key = tuple(values.items())
            if key not in seen:
                seen.add(key)
                item = _item(contract, values)
                found += [item] if item is not None else []
    return found


def _item(contract: Contract, values: Values) -> Item | None:
    plain = [plain_of(argument) for argument in concrete(production(), contract, values)]
    if not contract.needs(*plain):
        return None
    return Item(contract, values, flat(contract.gives(*plain)))


def _parameters(contract: Contract) -> list[str]:
    names: list[str] = []
    for parameter in contract.parameters:
        names += [f"{parameter}.{f}" for f in KINDS[parameter]._fields] if parameter in KINDS else [parameter]
    return names


def _edges(contract: Contract) -> Iterator[Values]:
    names = _parameters(contract)
    base = {name: GOOD.get(name, 0) for name in names}
    for name in names:
        for edge in (*EDGES, *LARGE, *AUTHORITIES):
            yield base | {name: edge}


def _random(contract: Contract, rng: random.Random, count: int) -> Iterator[Values]:
    names = _parameters(contract)
    for _ in range(count):
        values = {name: _pick(name, rng) for name in names}
        if "state.budget" in values and rng.random() < 0.3:
            values["state.budget"] = values.get("request.cost", values.get("budget", 0)) + rng.choice((-1, 0, 1))
        yield values


def _pick(name: str, rng: random.Random) -> int:
    """Return a value for a parameter, by its name: mostly in range."""
    last = name.rsplit(".", maxsplit=1)[-1]
    ranges: dict[str, Callable[[], int]] = {
        "op": lambda: rng.randrange(12),
        "cost": lambda: rng.choice((0, 1, 3, 100)),
        "live": lambda: 1,
        "sink": lambda: rng.randrange(8),
        "scope": lambda: rng.choice((0, 1, 2, 2)),
        "trusted": lambda: rng.randrange(3),
        "budget": lambda: rng.choice((0, 1, 100, LARGEST)),
        "version": lambda: rng.choice((0, 5, LARGEST - 1)),
    }
    if last in ranges:
        return ranges[last]()
    if last in {"legs", "carried", "exposure", "e", "f", "seen"}:
        return exposure(rng)
    if last in {"authority", "a", "b"}:
        return authority(rng)
    if name.startswith("table."):
        mask = rng.getrandbits(12)
        return sum(3 << 2 * k for k in range(12) if mask >> k & 1)
    return rng.randrange(2)


def authority(rng: random.Random) -> int:
    """Return a random authority."""
    return sum(rng.choice((0, 1, 3, 3)) << 2 * k for k in range(12))


def exposure(rng: random.Random) -> int:
    """Return a random exposure."""
    found = rng.getrandbits(5)
    return found | 1 if found & 24 else found


def failure(kernel: Kernel, battery: Iterable[Item]) -> str | None:
    """Return the first input on which ``kernel`` is not its specification, None if there is none."""
    wrong = wrong_names(kernel)
    if wrong:
        return f"names: {wrong[0]}"
    broken = door_failure(kernel)
    if broken is not None:
        return broken
    for item in battery:
        if not _holds(kernel, item):
            return f"code = spec: {item.contract.function} on {item.values}"
    return None


def _holds(kernel: Kernel, item: Item) -> bool:
    contract = item.contract
    arguments = concrete(kernel, contract, item.values)
    try:
        outcome = contract.of(kernel)(*arguments)
        found = flat(outcome)
    except Exception:  # noqa: BLE001  a mutant may raise anything
        return False
    if len(found) != len(item.expected):
        return False
    for a, b in zip(found, item.expected, strict=True):
        if (type(a) is bool) != (type(b) is bool) or a != b:
            return False
    unchanged = [part for argument in arguments for part in flat(argument)] == list(item.values.values())
    return unchanged and (contract.keeps is None or contract.keeps(kernel, tuple(arguments), outcome))


class Odd(int):
    """An int that lies: whatever it is masked with, it is nothing."""

    def __and__(self, other: int) -> int:
        del other
        return 0


ODD: Final[tuple[Any, ...]] = (True, False, None, "1", 1.0, Odd(1), [1], (1,), {})
"""What Python lets stand where an int is expected."""


def door_failure(kernel: Kernel) -> str | None:
    """Return what is wrong with ``admit``, ``pack`` and ``unpack``, None if nothing is."""
    try:
        return _door(kernel)
    except Exception as error:  # noqa: BLE001  a mutant may raise anything
        return f"door: raises {error!r}"


def _door(kernel: Kernel) -> str | None:  # noqa: C901, PLR0911  one check after the other
    door, make, ask = kernel.boundary, kernel.state.State, kernel.state.Request
    facts = {name.split(".")[1]: value for name, value in GOOD.items() if name.startswith("request.")}
    state, request = make(0xFFFFFF, 0, 100, 5), ask(**facts)
    for kind in (make, ask, kernel.delegate.Delegation, kernel.exposure.LegTable):
        if not getattr(kind, "__slots__", ()) or "__dict__" in dir(kind):
            return f"door: {kind.__name__} has no slots"
    if door.admit(state, request) != kernel.decide.decide(state, request) or door.admit(state, request)[0] != 2:
        return "door: admit is not decide on what is exact"
    for bad, rule, parts in _inexact(kernel, state, facts):
        verdict, rules, after = door.admit(*parts)
        if (verdict, rules) != (0, rule) or after is not parts[0]:
            return f"door: admit lets {bad} in"
    if door.pack(request) != list(facts.values()) or door.unpack(door.pack(request)) != request:
        return "door: unpack is not the inverse of pack"
    for fields in _unreadable(list(facts.values())):
        if door.unpack(fields) is not door.WORST:
            return f"door: unpack reads {fields!r}"
    for s in (state, make(0xFFFFFF, 31, LARGEST, 0), make(0, 0, 0, 0)):
        if door.admit(s, door.WORST)[0] != 0:
            return "door: WORST is admitted"
    return None if flat(door.WORST) == [11, 0, 0, 31, 31, 7, 0, 0, 0, 0, 0, 0, 0] else "door: WORST is not the worst"


def _inexact(kernel: Kernel, state: Any, facts: dict[str, int]) -> Iterator[tuple[str, int, tuple[Any, Any]]]:
    make, ask = kernel.state.State, kernel.state.Request
    good = ask(**facts)
    for odd in ODD:
        for place in range(4):
            parts: list[Any] = [0xFFFFFF, 0, 100, 5]
            parts[place] = odd
            yield f"a state with {odd!r}", 1, (make(*parts), good)
        for name in facts:
            yield f"a request with {name}={odd!r}", 2, (state, ask(**facts | {name: odd}))
    heir = type("Heir", (make,), {})
    other = type("Heir", (ask,), {})
    yield "a subclass of State", 1, (heir(0xFFFFFF, 0, 100, 5), good)
    yield "a subclass of Request", 2, (state, other(**facts))
    yield "no state", 1, (None, good)
    yield "no request", 2, (state, None)
    yield "a state for a request", 2, (state, state)
    yield "a request for a state", 1, (good, good)


def _unreadable(fields: list[int]) -> Iterator[object]:
    yield from ((), None, {}, "", tuple(fields), fields[:-1], [*fields, 0], type("L", (list,), {})(fields))
    for place in range(len(fields)):
        for odd in ODD:
            yield [*fields[:place], odd, *fields[place + 1 :]]


def replay(kernel: Kernel, function: str, witnesses: list[Values]) -> list[Values]:
    """Return the witnesses of paths on which the real function is not its specification."""
    found = [_item(BY_NAME[function], values) for values in witnesses]
    return [item.values for item in found if item is not None and not _holds(kernel, item)] + [
        values for item, values in zip(found, witnesses, strict=True) if item is None
    ]
