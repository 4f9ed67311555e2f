"""The codecs against plain references: trace record, policy file, approver's frame, approval.

Random values through our writer and a plain one; random damage through our
reader, which may only accept what it would have written itself, and may only
raise its one error. Approvals are matched against the rule said once more in
other words. Tokens have no codec yet; the claims page says so.
"""

import json
import random
import struct
import tomllib
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


def run(seed: int = 7) -> tuple[dict[str, int], list[str]]:
    """Return how many cases each codec had, and what is wrong."""
    jobs: dict[str, tuple[Callable[[random.Random], list[str]], int]] = {
        "records": (_record, 40_000),
        "policies": (_policy, 12_000),
        "frames": (_frame, 40_000),
        "approvals": (_approval, 150_000),
    }
    with ProcessPoolExecutor(2, mp_context=get_context("fork")) as pool:
        done = {name: pool.submit(_many, case, count, seed) for name, (case, count) in jobs.items()}
        problems = [f"{name}: {problem}" for name, future in done.items() for problem in future.result()]
    return {name: count for name, (_, count) in jobs.items()}, problems


def _many(case: Callable[[random.Random], list[str]], count: int, seed: int) -> list[str]:
    rng = random.Random(seed)  # noqa: S311  cases, not secrets
    return [problem for _ in range(count) for problem in case(rng)][:20]


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


def _record(rng: random.Random) -> list[str]:
    body = _decision(rng) if rng.random() < 0.6 else _result(rng)
    chained: dict[str, Any] = {"prev": f"{rng.getrandbits(256):064x}", "seq": _int(rng), "time_ns": _int(rng)}
    line = (canonical.prefix(chained["prev"], chained["seq"], chained["time_ns"]) + canonical.body(body)).encode()
    if line != reference_line(chained | body):
        return [f"the writer's line is not the plain one: {body}"]
    if canonical.parse(line) != chained | body:
        return [f"the reader does not read what the writer wrote: {body}"]
    return _damaged_line(rng, line)


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


def _damaged_line(rng: random.Random, line: bytes) -> list[str]:
    bad = _damage(rng, line)
    try:
        read = canonical.parse(bad)
    except TraceError:
        return []
    except Exception as error:  # noqa: BLE001  any other error is the finding
        return [f"{error!r} on {bad!r}"]
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


def _policy(rng: random.Random) -> list[str]:
    lines = POLICY.splitlines(keepends=True)
    match rng.randrange(4):
        case 0:
            text = _damage(rng, POLICY.encode())
            return _read_policy(text, must_fail=False)
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
    return _read_policy("".join(lines).encode(), must_fail=True)


def _read_policy(data: bytes, *, must_fail: bool) -> list[str]:
    try:
        read = read_document(data, "nucleus.toml")
    except PolicyError:
        return []
    except Exception as error:  # noqa: BLE001  any other error is the finding
        return [f"{error!r} on {data!r}"]
    if must_fail:
        return [f"read what must be an error: {data!r}"]
    plain = tomllib.loads(data.decode())
    return [] if dict(read.content) == plain else [f"not what TOML says: {data!r}"]


# Frames ------------------------------------------------------------------------------------------------


def _frame(rng: random.Random) -> list[str]:
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
    try:
        for read, _ in protocol.Splitter().feed(_damage(rng, frame)):
            protocol.encode(read)
    except protocol.ProtocolError:
        pass
    except Exception as error:  # noqa: BLE001  any other error is the finding
        return [f"{error!r} on a damaged frame of {fields}"]
    return []


# Approvals ---------------------------------------------------------------------------------------------


def _approval(rng: random.Random) -> list[str]:
    pick = rng.choice
    given = {
        f"a{i}": Approval(
            question=f"a{i}",
            principal=pick("pq"),
            digest=pick("xyz"),
            call=pick(("push", "post")),
            op=pick((9, 10)),
            destination=pick(("", "r", "s")),
            rules=pick((64, 96, 352, 1008)),
            exposure=pick((4, 5, 7, 15, 31)),
            expires=pick((50, 150)),
            uses=pick((1, 2, 3)),
            egress_bytes=pick((0, 10, 100)),
            bounded=rng.random() < 0.4,
        )
        for i in range(rng.randrange(3))
    }
    facts = Classified(pick((9, 10)), 0, 0, pick((1, 3, 4, 7)), 2, 0, 0, 0, 0, 0, destination=pick(("", "r", "s")))
    event = Submit(pick("pq"), 1, "id", pick(("push", "post")), {}, pick("xyz"), facts, 1, pick((0, 5, 50)), 100)
    rules, exposure = pick((64, 96, 352)), pick((0, 1, 3, 7, 15))
    found = approvals.match(given, event, rules, exposure)
    good = [approval for approval in given.values() if answers(approval, event, rules, exposure)]
    if (found is None) != (not good) or (found is not None and found not in good):
        return [f"{found} matched, expected one of {good}: {event}, {rules}, {exposure}"]
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
