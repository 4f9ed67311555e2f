"""Traces of known content: a story told by the kernel itself, and ways to damage its lines."""

from collections.abc import Callable, Sequence
from hashlib import sha256
from pathlib import Path
from typing import Any

from nucleus.kernel.boundary import admit, pack
from nucleus.kernel.delegate import absorb, delegate, tighten
from nucleus.kernel.state import Request, State
from nucleus.trace.chain import GENESIS
from nucleus.trace.record import VERDICTS, rule_names
from nucleus.trace.steps import ints
from nucleus.trace.writer import TraceWriter

BEGIN = State(0xFFFFFF, 0, 1_000_000, 0)
HEADER: dict[str, Any] = {
    "kernel": "5" * 64,
    "policy": {"digest": "6" * 64, "layers": [{"name": "user", "path": "~/nucleus.toml", "digest": "7" * 64}]},
    "level": "mediated",
    "containment": None,
    "principal": "main",
    "state": ints(BEGIN),
}
READ = Request(0, 1, 1, 1, 0, 0, 2, 2, 0, 0, 0, 0, 0)
FETCH = Request(7, 2, 1, 2, 0, 1, 2, 2, 0, 0, 0, 0, 0)
PUSH = Request(9, 3, 1, 0, 1, 3, 2, 0, 0, 0, 0, 0, 0)
APPROVED_PUSH = Request(9, 3, 1, 0, 1, 3, 2, 0, 0, 0, 0, 0, 1)
NOT_LIVE = Request(0, 1, 0, 1, 0, 0, 2, 2, 0, 0, 0, 0, 0)


class Clock:
    """A clock that only goes on when it is asked."""

    def __init__(self) -> None:
        self.now = 1_790_000_000_000_000_000

    def __call__(self) -> int:
        self.now += 1_000_000
        return self.now


class Story:
    """Tells a writer what a gate would tell it, each state computed by the kernel."""

    def __init__(self, writer: TraceWriter) -> None:
        self.writer = writer
        self.states = {"main": BEGIN}

    def decide(self, request: Request = READ, principal: str = "main", **more: Any) -> int:
        """Record a decision and return its number."""
        verdict, rules, after = admit(self.states[principal], request)
        self.states[principal] = after
        record = {
            "type": "decision",
            "principal": principal,
            "kind": "fs.read",
            "args": {"path": "src/a.py"},
            "digest": "d" * 64,
            "destination": "",
            "facts": pack(request),
            "verdict": VERDICTS[verdict],
            "rules": rule_names(rules),
            "state": ints(after),
            "approval": None,
            "id": "n-1",
        }
        return self.writer.append(record | more).seq

    def result(self, of: int, principal: str = "main", outcome: str = "ok") -> None:
        """Record what came of a decision."""
        fields = {"principal": principal, "of": of, "outcome": outcome, "bytes": 10, "digest": "e" * 64, "error": None}
        self.writer.append({"type": "result", **fields})

    def change(self, what: str, args: list[int], principal: str = "main", **more: Any) -> None:
        """Record a change of state."""
        before = self.states[principal]
        if what == "absorb":
            self.states[principal] = absorb(before, args[0])
        elif what == "tighten":
            self.states[principal] = tighten(before, args[0], args[1])
        elif what == "delegate":
            given = delegate(before, args[0], args[1])
            self.states[principal], self.states[more["child"]] = given.parent, given.child
            more["child_state"] = ints(given.child)
        state = ints(self.states[principal])
        record = {"type": "change", "principal": principal, "what": what, "args": args, "state": state}
        self.writer.append(record | more)

    def ask(self, id_: str, principal: str = "main", digest: str = "d" * 64) -> None:
        """Record a question."""
        fields = {"id": id_, "digest": digest, "reasons": ["destination"], "destination": "r", "expires_ns": 5}
        self.writer.append({"type": "question", "principal": principal, **fields})

    def answer(self, id_: str, answer: str = "allow", uses: int = 1) -> None:
        """Record its answer."""
        fields = {"id": id_, "by": "terminal", "answer": answer, "uses": uses, "digest_list": ["d" * 64]}
        self.writer.append({"type": "answer", **fields})

    def tell(self, rounds: int = 3, *, checkpoints: bool = True) -> "Story":
        """Tell a whole session: reads, a fetch, a push that asks, is approved and done, a child."""
        for _ in range(rounds):
            self.result(self.decide())
        self.result(self.decide(FETCH, kind="net.fetch", destination="docs.example:443"))
        if checkpoints:
            self.writer.checkpoint()
        self.decide(PUSH, kind="git.push", destination="r")
        self.ask("q1")
        self.answer("q1")
        self.result(self.decide(APPROVED_PUSH, kind="git.push", destination="r", approval="q1"))
        self.change("delegate", [0xFF, 100], child="main.1")
        self.result(self.decide(READ, "main.1"), "main.1")
        self.change("absorb", [9])
        self.decide(NOT_LIVE)
        self.change("tighten", [0xFFFF, 500])
        self.writer.append({"type": "declassify", "principal": "main", "schema_digest": "s", "bits": 3})
        if checkpoints:
            self.writer.checkpoint()
        self.result(self.decide(), outcome="failed")
        return self


def in_memory(rounds: int = 3, *, close: bool = True) -> bytes:
    """Return the bytes of a whole trace."""
    writer = TraceWriter.in_memory(HEADER, clock=Clock())
    Story(writer).tell(rounds)
    if close:
        writer.close("done")
    return writer.lines()


def on_disk(directory: Path, rounds: int = 3, *, close: bool = True, **more: Any) -> TraceWriter:
    """Return a writer that has written a whole trace into ``directory``."""
    writer = TraceWriter.create(directory, HEADER, clock=Clock(), **more)
    Story(writer).tell(rounds)
    if close:
        writer.close("done")
    else:
        writer.abandon()
    return writer


def rechained(lines: Sequence[bytes], change: Callable[[bytes], bytes] = lambda line: line) -> bytes:
    """Return the lines with numbers and links made to fit again: what a forger without keys can do."""
    prev, out = GENESIS, []
    for number, line in enumerate(lines):
        tail = line[line.index(b',"time_ns":') :]
        fresh = change(b'{"prev":"%b","seq":%d' % (prev.encode(), number) + tail)
        prev = sha256(fresh).hexdigest()
        out.append(fresh)
    return b"\n".join(out) + b"\n"
