"""The core's state, and the one way to change it: step, record, then perform.

INVARIANT: ``step`` returns effects only after every record of the step is in
the trace, and on disk where the step says so. If a record can't be written
the state stays what it was, and nothing is performed any more.
"""

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, final

from nucleus.errors import NucleusError
from nucleus.gate import core
from nucleus.gate.events import Declassified, Delegated, Done, Effect, Event, Reply, Submit
from nucleus.gate.opening import Opening
from nucleus.gate.records import ints
from nucleus.gate.spawn import BOOTSTRAP
from nucleus.lean import dataclass, field, replace


def boot_ns() -> int:
    """Return nanoseconds of CLOCK_BOOTTIME: it goes on while the machine sleeps, and nobody sets it."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME)


@final
@dataclass(frozen=True, slots=True)
class Settings:
    """What the gate's constructor takes. The product uses the defaults; no variable, file or flag sets the rest."""

    bootstrap: Path = BOOTSTRAP
    network: dict[str, Any] = field(default_factory=dict)
    """``addresses`` {name:port -> [address, port]} and ``authority`` (PEM): a resolver and a CA of one's own."""
    approver: Callable[[dict[str, Any]], bool | None] | None = None
    """Answers questions at once; None for "no answer yet"."""
    clock: Callable[[], int] = boot_ns


@final
class Board:
    """The state of one opened gate."""

    def __init__(self, opening: Opening, settings: Settings) -> None:
        self.opening = opening
        self.settings = settings
        self.core = core.Gate()
        self.broken = ""
        """Why nothing can be recorded any more; empty while all is well."""
        self.step(opening.event)

    def now(self) -> int:
        """Return the gate's clock."""
        return self.settings.clock()

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Change the state by ``event`` and return what is to be performed, all of it on record."""
        if self.broken:
            return self._refused(event)
        writer, held = self.opening.writer, self.core
        if held.recorded != writer.next_seq:
            held = replace(held, recorded=writer.next_seq)
        gate, effects, records = core.step(held, event)
        try:
            writer.append_all([record.fields for record in records])
            for record in records:
                if record.sync:
                    writer.sync()
                    break
            self.core = gate
            if writer.due:
                writer.checkpoint()
        except (NucleusError, OSError) as error:
            self.broken = f"the trace can't be written: {error}"
            return self._refused(event)
        return effects

    def _refused(self, event: Event) -> tuple[Effect, ...]:
        """Return the refusals owed to whoever waits on ``event``."""
        fields = {"code": "trace", "rules": ["session"], "why": self.broken, "next_step": self.broken}
        if isinstance(event, Submit | Delegated | Declassified):
            return (Reply(event.ref, "denied", fields),)
        if isinstance(event, Done) and event.number in self.core.in_flight:
            # The effect happened, but its result can't be recorded: it is not released.
            return (Reply(self.core.in_flight[event.number].ref, "denied", fields),)
        return ()

    def keep(self, of: int, what: str, content: bytes) -> bool:
        """Store a content if the owner asked for that; False if it can't be stored, and then nothing goes on."""
        contents = self.opening.contents
        if contents is None or not content:
            return True
        try:
            contents.keep(of, what, content)
        except (NucleusError, OSError) as error:
            self.broken = f"contents can't be kept: {error}"
            return False
        return True

    def root_state(self) -> list[int]:
        """Return the kernel state of the first principal: it has joined what its children saw."""
        return ints(self.core.principals[self.opening.principal].state)

    def state_of(self, principal: str) -> dict[str, Any]:
        """Return what a client may know of its principal."""
        known = self.core.principals[principal]
        return {
            "what": "status",
            "principal": principal,
            "state": ints(known.state),
            "closed": known.closed or self.core.locked or bool(self.broken),
            "pending": sorted(q.id for q in self.core.questions.values() if q.principal == principal),
            "answers": self.settings.approver is not None,
        }
