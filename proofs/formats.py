"""The codecs against plain references: trace record, policy file, approver's frame, approval, token.

Random values through our writer and a plain one; random damage through our
reader, which may only accept what it would have written itself, and may only
raise its one error. Approvals are matched against the rule said once more in
other words; tokens have a module of their own (``token_cases``). How often
each answer came is counted: a generator that starves one is a finding.
"""

import json
import random
import struct
import tomllib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from typing import Any, Final

from nucleus.errors import PolicyError, TraceError
from nucleus.gate import approvals, protocol
from nucleus.gate.approvals import Approval
from nucleus.gate.events import Submit
from nucleus.policy.call import Classified
from nucleus.policy.document import read_document
from nucleus.trace import canonical
from proofs import token_cases

FIRST: Final = "prev seq time_ns type principal facts verdict rules state of outcome".split()  # noqa: SIM905
"""The leading fields of a line, from the description of the format."""
TEXTS: Final = ("", "a", "héllo", 'quo"te', "back\\slash", "line\nfeed", "\u2028", "😀", "\x7f", "\x00", "x" * 50)
POLICY: Final = """version = 1
profile = "safe_pr_fixer"
[allow]
write = ["src/**", "docs/**"]
fetch = ["docs.python.org"]
[ask]
branches = ["release/*"]
[deny]
read = ["**/.env*"]
[labels]
untrusted = ["vendor/**"]
[capabilities]
git_push = "never"
"""


Tally = Callable[[str], None]
"""Counts one answer."""
Case = Callable[[random.Random, Tally], list[str]]
LEAST_SHARE: Final = {"read": 0.1, "refused": 0.1, "answered": 0.1, "unanswered": 0.1, "ok": 0.1}
"""Of all answers of a codec; any other (the reasons that a token gives nothing) has ``REASON_SHARE``."""
REASON_SHARE: Final = 0.04


def run(seed: int = 7) -> tuple[dict[str, int], list[str]]:
    """Return how many cases each codec had, and what is wrong."""
    counts = {name: cases for name, (_, cases) in JOBS.items()}
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        # The slow ones first, each in two halves: both processes end at about the same time.
        halves = [(name, half) for name in sorted(counts, key=COSTLY.index) for half in (0, 1)]
        done = {
            (name, half): pool.submit(_many, JOBS[name][0], counts[name] // 2, seed + half) for name, half in halves
        }
        problems, tallies = [], {name: Counter[str]() for name in counts}
        for (name, _), future in done.items():
            found, tally = future.result()
            problems += [f"{name}: {problem}" for problem in found]
            tallies[name] += tally
    return counts, problems + [f"{name}: {lack}" for name, tally in tallies.items() for lack in starved(tally)]


def starved(tally: Counter[str]) -> list[str]:
    """Return a line for each answer that came too seldom."""
    total = sum(tally.values())
    return [
        f"only {count} of {total} answers are {answer!r}: the generator is lopsided"
        for answer, count in tally.items()
        if count < LEAST_SHARE.get(answer, REASON_SHARE) * total
    ]


def _many(case: Case, count: int, seed: int) -> tuple[list[str], Counter[str]]:
    rng, tally = random.Random(seed), Counter[str]()  # noqa: S311  cases, not secrets
    problems = [problem for _ in range(count) for problem in case(rng, lambda answer: tally.update((answer,)))]
    return problems[:20], tally


def _text(rng: random.Random) -> str:
    return rng.choice(TEXTS) + (chr(rng.randrange(32, 0x3000)) if rng.random() < 0.3 else "")


def _int(rng: random.Random) -> int:
    return rng.choice((0, 1, 7, 255, (1 << 53) - 1, rng.getrandbits(40)))


def _value(rng: random.Random, depth: int = 0) -> Any:
    kinds = 4 if depth > 2 else 6
    match rng.randrange(kinds):
        case 0:
            return _text(rng)
        case 1:
            return rng.choice((-1, 1)) * _int(rng)
        case 2:
            return None
        case 3:
            return rng.random() < 0.5
        case 4:
            return [_value(rng, depth + 1) for _ in range(rng.randrange(3))]
        case _:
            return {_text(rng): _value(rng, depth + 1) for _ in range(rng.randrange(3))}


# Trace records ---------------------------------------------------------------------------------------


def _record(rng: random.Random, tally: Tally) -> list[str]:
    body = _decision(rng) if rng.random() < 0.6 else _result(rng)
    chained: dict[str, Any] = {"prev": f"{rng.getrandbits(256):064x}", "seq": _int(rng), "time_ns": _int(rng)}
    line = (canonical.prefix(chained["prev"], chained["seq"], chained["time_ns"]) + canonical.body(body)).encode()
    if line != reference_line(chained | body):
        return [f"the writer's line is not the plain one: {body}"]
    if canonical.parse(line) != chained | body:
        return [f"the reader does not read what the writer wrote: {body}"]
    tally("read")
    return _damaged_line(rng, line, tally)


def _decision(rng: random.Random) -> dict[str, Any]:
    return {
        "type": "decision",
        "principal": _text(rng),
        "kind": _text(rng),
        "args": {_text(rng): _value(rng) for _ in range(rng.randrange(4))},
        "digest": _text(rng),
        "destination": _text(rng),
        "facts": [_int(rng) for _ in range(13)],
        "verdict": rng.choice(("deny", "ask", "allow")),
        "rules": rng.sample(("scope", "secret", "budget"), rng.randrange(3)),
        "state": [_int(rng) for _ in range(4)],
        "approval": rng.choice((None, _text(rng))),
        "id": _text(rng),
    }


def _result(rng: random.Random) -> dict[str, Any]:
    return {
        "type": "result",
        "principal": _text(rng),
        "of": _int(rng),
        "outcome": rng.choice(("ok", "failed", "unknown")),
        "bytes": _int(rng),
        "digest": _text(rng),
        "error": rng.choice((None, _text(rng))),
    }


def reference_line(record: dict[str, Any]) -> bytes:
    """Return the canonical line of a record, by ``json`` alone."""
    ordered = {name: record[name] for name in FIRST if name in record}
    ordered |= {name: _sorted(record[name]) for name in sorted(record) if name not in FIRST}
    return json.dumps(ordered, ensure_ascii=True, separators=(",", ":")).encode()


def _sorted(value: Any) -> Any:
    if type(value) is dict:
        return {name: _sorted(value[name]) for name in sorted(value)}
    return [_sorted(item) for item in value] if type(value) is list else value


def _damaged_line(rng: random.Random, line: bytes, tally: Tally) -> list[str]:
    bad = _damage(rng, line)
    try:
        read = canonical.parse(bad)
    except TraceError:
        tally("refused")
        return []
    except Exception as error:  # noqa: BLE001  any other error is the finding
        return [f"{error!r} on {bad!r}"]
    tally("read")
    return [] if canonical.encode(read) == bad else [f"a line was read that nobody writes: {bad!r}"]


def _damage(rng: random.Random, data: bytes) -> bytes:
    place = rng.randrange(len(data) + 1)
    match rng.randrange(5):
        case 0:
            return data[:place] + data[place + 1 :]
        case 1:
            return data[:place] + bytes((rng.randrange(256),)) + data[place:]
        case 2:
            return (
                data[:place] + rng.choice((b" ", b'"', b"{", b"}", b",", b"\\", b"\n", b"1", b"[")) + data[place + 1 :]
            )
        case 3:
            return data[:place]
        case _:
            other = rng.randrange(len(data) + 1)
            return data[: min(place, other)] + data[max(place, other) :]


# Policy files -----------------------------------------------------------------------------------------


def _policy(rng: random.Random, tally: Tally) -> list[str]:
    lines = POLICY.splitlines(keepends=True)
    match rng.randrange(5):
        case 0:
            text = _damage(rng, POLICY.encode())
            return _read_policy(text, tally, must_fail=False)
        case 4:
            return _read_policy(_well_formed(rng).encode(), tally, must_fail=False)
        case 1:
            lines.insert(rng.choice((1, 3, 6, 8, 10, 12)), f'zq{rng.randrange(10**6)} = ["x"]\n')
        case 2:
            place = rng.randrange(1, len(lines))
            if lines[place].startswith("["):
                lines.append(lines[place])
            else:
                lines.insert(place, lines[place])
        case _:
            place = rng.choice([i for i, line in enumerate(lines) if '= ["' in line])
            lines[place] = lines[place].split("=")[0] + rng.choice(
                ("= []\n", "= [1]\n", "= {}\n", "= true\n", "= nan\n")
            )
    return _read_policy("".join(lines).encode(), tally, must_fail=True)


def _well_formed(rng: random.Random) -> str:
    """Return a policy that is one: tables in any order, some left out, with comments, blanks and other values."""
    head, *tables = POLICY.split("\n[")
    kept = rng.sample(tables, rng.randrange(len(tables) + 1))
    extra = rng.choice(("", "\n# a comment", "\n\n", "\n   "))
    names = ", ".join(f'"{name}"' for name in rng.sample(("a/**", "b.txt", "c", "d/*.py", "é"), rng.randrange(1, 4)))
    text = head + extra + "".join(extra + "\n[" + table.rstrip("\n") for table in kept) + "\n"
    return text.replace('"src/**", "docs/**"', names).replace("python.org", rng.choice(("python.org", "example.com")))


def _read_policy(data: bytes, tally: Tally, *, must_fail: bool) -> list[str]:
    try:
        read = read_document(data, "nucleus.toml")
    except PolicyError:
        tally("refused")
        return []
    except Exception as error:  # noqa: BLE001  any other error is the finding
        return [f"{error!r} on {data!r}"]
    if must_fail:
        return [f"read what must be an error: {data!r}"]
    tally("read")
    plain = tomllib.loads(data.decode())
    return [] if dict(read.content) == plain else [f"not what TOML says: {data!r}"]


# Frames ------------------------------------------------------------------------------------------------


def _frame(rng: random.Random, tally: Tally) -> list[str]:
    fields = {"do": "answer", "ids": [_text(rng)], "allow": rng.random() < 0.5, "more": _value(rng)}
    body = rng.randbytes(rng.randrange(20))
    frame = protocol.encode(fields, body)
    text = json.dumps(fields, separators=(",", ":")).encode()
    if frame != struct.pack(">II", len(text), len(body)) + text + body:
        return [f"not the plain frame: {fields}"]
    cut = rng.randrange(len(frame) + 1)
    splitter = protocol.Splitter()
    got = [*splitter.feed(frame[:cut]), *splitter.feed(frame[cut:])]
    if got != [(fields, body)] or splitter.unfinished:
        return [f"cut at {cut}: {got}"]
    tally("read")
    damaged = protocol.Splitter()
    try:
        for read, _ in damaged.feed(_damage(rng, frame)):
            protocol.encode(read)
        # What waits for more bytes than will ever come is not read either.
        tally("refused" if damaged.unfinished else "read")
    except protocol.ProtocolError:
        tally("refused")
    except Exception as error:  # noqa: BLE001  any other error is the finding
        return [f"{error!r} on a damaged frame of {fields}"]
    return []


# Approvals ---------------------------------------------------------------------------------------------


def _approval(rng: random.Random, tally: Tally) -> list[str]:
    pick = rng.choice
    close = rng.random() < 0.4
    """Whether most of it fits: else hardly any call would be answered."""

    def some(fits: Any, *others: Any) -> Any:
        return fits if close and rng.random() < 0.9 else pick((fits, *others))

    given = {
        f"a{i}": Approval(
            question=f"a{i}",
            principal=some("p", "q"),
            digest=some("x", "y", "z"),
            call=some("push", "post"),
            op=some(9, 10),
            destination=some("r", "", "s"),
            rules=some(1008, 64, 96, 352),
            exposure=some(31, 4, 5, 7, 15),
            expires=some(150, 50),
            uses=pick((1, 2, 3)),
            egress_bytes=some(100, 0, 10),
            bounded=rng.random() < 0.4,
        )
        for i in range(rng.randrange(3))
    }
    sink, destination = some(1, 3, 4, 7), some("r", "", "s")
    facts = Classified(some(9, 10), 0, 0, sink, 2, 0, 0, 0, 0, 0, destination=destination)
    digest, size = some("x", "y", "z"), some(5, 0, 50)
    event = Submit(some("p", "q"), 1, "id", some("push", "post"), {}, digest, facts, 1, size, 100)
    rules, exposure = pick((64, 96, 352)), pick((0, 1, 3, 7, 15))
    found = approvals.match(given, event, rules, exposure)
    good = [approval for approval in given.values() if answers(approval, event, rules, exposure)]
    if (found is None) != (not good) or (found is not None and found not in good):
        return [f"{found} matched, expected one of {good}: {event}, {rules}, {exposure}"]
    tally("unanswered" if found is None else "answered")
    return [] if found is None else _spent(given, found, event)


def answers(a: Approval, call: Submit, rules: int, exposure: int) -> bool:
    """Say in other words whether an approval answers a call: same person, in time, nothing unseen, same thing."""
    unseen = [*(set(_ones(rules)) - set(_ones(a.rules))), *(set(_ones(exposure)) - set(_ones(a.exposure)))]
    if a.principal != call.principal or call.now >= a.expires or unseen:
        return False
    if not a.bounded:
        return a.digest == call.digest
    same = a.call == call.call and a.op == call.facts.op and a.destination == call.facts.destination != ""
    return same and not call.facts.sink & 4 and call.egress_bytes <= a.egress_bytes


def _ones(value: int) -> list[int]:
    return [place for place in range(value.bit_length()) if value >> place & 1]


def _spent(given: dict[str, Approval], used: Approval, event: Submit) -> list[str]:
    left = approvals.spend(given, used, event)
    others = {name: approval for name, approval in given.items() if name != used.question}
    if {name: approval for name, approval in left.items() if name != used.question} != others:
        return ["spending one approval changed another"]
    rest = left.get(used.question)
    if used.uses == 1:
        return [] if rest is None else ["a spent approval is still there"]
    if rest is None or rest.uses != used.uses - 1 or rest.egress_bytes != used.egress_bytes - event.egress_bytes:
        return [f"not one use less: {used}, {rest}"]
    return []


JOBS: Final[dict[str, tuple[Case, int]]] = {
    "records": (_record, 40_000),
    "policies": (_policy, 12_000),
    "frames": (_frame, 40_000),
    "approvals": (_approval, 150_000),
    "tokens": (token_cases.case, 40_000),
}
"""Each codec's case, and how many there are of it."""
COSTLY: Final = ["tokens", "approvals", "policies", "records", "frames"]
