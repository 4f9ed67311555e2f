"""The gate's workers: one process for each effect class, started when first needed.

A worker does one thing at a time; permits for it wait in order. If it dies,
what it was doing is "outcome unknown" and what waits is failed; the next
call starts a new one.
"""

import signal
from collections import deque
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Outcome, Permit
from nucleus.gate.loop import Link, Loop
from nucleus.gate.spawn import Spawned, start
from nucleus.lean import dataclass

CLASSES: Final = {"fs": "fs", "net": "net", "git": "git", "proc": "proc", "publish": "publish"}
"""First part of a call's kind -> effect class."""
GRACE_SECONDS: Final = 5.0
"""What a worker gets beyond its permit's limit before it is killed."""

OnOutcome = Callable[[int, Outcome], None]


@final
@dataclass(slots=True)
class _Worker:
    spawned: Spawned
    link: Link
    busy: int
    """Number of the permit at work, -1 for none."""
    waiting: deque[tuple[Permit, bytes]]


@final
class Workers:
    """All workers of one gate. ``on_outcome`` gets each permit's outcome exactly once."""

    def __init__(
        self,
        loop: Loop,
        clock: Callable[[], int],
        bootstrap: Path,
        network: dict[str, Any],
        on_outcome: OnOutcome,
        state: str = "",
    ) -> None:
        """Start nothing yet. ``state`` is where boxes keep their layers; without it commands are refused."""
        self._loop = loop
        self._clock = clock
        self._bootstrap = bootstrap
        self._network = network
        self._on_outcome = on_outcome
        self._state = state
        self._workers: dict[str, _Worker] = {}

    def perform(self, permit: Permit, body: bytes) -> None:
        """Hand a permit to the worker of its class; the outcome comes through ``on_outcome``."""
        name = CLASSES[permit.kind.partition(".")[0]]
        try:
            worker = self._workers.get(name) or self._start(name)
        except CannotEnforce as error:
            self._on_outcome(permit.number, failed("OSError", str(error)))
            return
        worker.waiting.append((permit, body))
        self._next(worker)

    def end(self) -> None:
        """End every worker. What is at work stays without a result: "outcome unknown"."""
        for worker in list(self._workers.values()):
            worker.link.end("the gate ends")
        self._workers.clear()

    def _start(self, name: str) -> _Worker:
        spawned = start(["worker", name], self._bootstrap)
        link = self._loop.add(
            spawned.sock,
            lambda _, fields, body: self._finished(name, fields, body),
            lambda _, why: self._died(name, why),
        )
        worker = _Worker(spawned, link, -1, deque())
        self._workers[name] = worker
        link.send({"network": self._network, "state": self._state})
        return worker

    def _next(self, worker: _Worker) -> None:
        if worker.busy >= 0 or not worker.waiting:
            return
        permit, body = worker.waiting.popleft()
        worker.busy = permit.number
        deadline = self._clock() + int((permit.limits.seconds + GRACE_SECONDS) * 1e9)
        self._loop.at(deadline, lambda: self._late(worker, permit.number))
        worker.link.send(
            {
                "number": permit.number,
                "kind": permit.kind,
                "args": dict(permit.args),
                "workspace": permit.workspace,
                "bytes": permit.limits.bytes,
                "seconds": permit.limits.seconds,
                "credential": permit.credential.decode("ascii"),
            },
            body,
        )

    def _finished(self, name: str, fields: dict[str, Any], body: bytes) -> None:
        worker = self._workers[name]
        if fields.get("number") != worker.busy or fields.get("status") not in {"ok", "failed", "redirect"}:
            worker.link.end("it answered what it was not asked")
            return
        number, worker.busy = worker.busy, -1
        value = fields.get("value")
        self._next(worker)
        self._on_outcome(number, Outcome(fields["status"], value if type(value) is dict else {}, body))

    def _late(self, worker: _Worker, number: int) -> None:
        if worker.busy == number and worker.link.open:
            worker.link.end("it took longer than its permit allows")

    def _died(self, name: str, why: str) -> None:
        worker = self._workers.pop(name, None)
        if worker is None:
            return
        worker.spawned.process.send_signal(signal.SIGKILL)
        worker.spawned.process.wait()
        if worker.busy >= 0:
            self._on_outcome(worker.busy, lost(f"the {name} worker ended ({why}); the outcome is unknown"))
        for permit, _ in worker.waiting:
            self._on_outcome(permit.number, failed("OSError", f"the {name} worker ended before this was tried"))


def failed(kind: str, message: str) -> Outcome:
    """Return the outcome of an effect that failed for a reason of ours."""
    return Outcome("failed", {"type": kind, "message": message, "errno": 0})


def lost(message: str) -> Outcome:
    """Return the outcome of an effect of which nobody knows whether it happened."""
    return Outcome("failed", {"type": "OSError", "message": message, "errno": 0, "unknown": True})
