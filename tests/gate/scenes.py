"""Small scenes for the tests of the gate's core: one principal, calls, and a way to step."""

from dataclasses import replace
from typing import Any

from nucleus.gate import core
from nucleus.gate.core import Gate
from nucleus.gate.events import Effect, Event, Opened, Perform, Record, Reply, Submit
from nucleus.kernel.capability import EVERYTHING, READ_FILES, WEB_FETCH
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.kernel.facts import CONTROL, EGRESS, SCOPE_ALLOW, SCOPE_DENY, TRUSTED_NO
from nucleus.policy.call import Classified

SECOND = 1_000_000_000
DEADLINE = 3600 * SECOND
READ = Classified(READ_FILES, PRIVATE, 0, 0, SCOPE_ALLOW, 0, 0, 0, 0, 0)
HIDDEN = Classified(READ_FILES, PRIVATE, 0, 0, SCOPE_DENY, 0, 0, 0, 0, 0, why="secrets/** is denied")
FETCH = Classified(WEB_FETCH, UNTRUSTED, 0, EGRESS, SCOPE_ALLOW, TRUSTED_NO, 0, 0, 0, 0, "evil.example:443")
STEER = Classified(READ_FILES, PRIVATE, 0, CONTROL, SCOPE_ALLOW, TRUSTED_NO, 0, 0, 0, 0, "CLAUDE.md")


class Scene:
    """A gate with one open principal ``p``, and everything that it ever recorded and did."""

    def __init__(self, *, budget: int = 1000, exposure: int = 0, authority: int = EVERYTHING) -> None:
        self.gate = Gate(recorded=1)
        self.records: list[Record] = []
        self.effects: list[Effect] = []
        self.now = 0
        self.refs = 0
        self.step(Opened("p", authority, exposure, budget, DEADLINE, 10_000, 0))

    def step(self, event: Event) -> tuple[Effect, ...]:
        """Step, keep everything, and return this step's effects."""
        self.gate, effects, records = core.step(self.gate, event)
        self.records += records
        self.effects += effects
        return effects

    def call(self, facts: Classified = READ, **more: Any) -> tuple[Effect, ...]:
        """Submit one call of ``p``."""
        self.refs += 1
        submit = Submit(
            principal="p",
            ref=self.refs,
            id=f"id{self.refs}",
            call="net.fetch" if facts.op == WEB_FETCH else "fs.read",
            args={},
            digest=f"digest of {facts.destination}",
            facts=facts,
            cost=1,
            egress_bytes=0,
            now=self.now,
        )
        return self.step(replace(submit, **more))

    def exposure(self, principal: str = "p") -> int:
        """Return what a principal has seen."""
        return self.gate.principals[principal].state.exposure

    def last(self, kind: str) -> dict[str, Any]:
        """Return the newest record of a type."""
        return next(record.fields for record in reversed(self.records) if record.fields["type"] == kind)


def performs(effects: tuple[Effect, ...]) -> list[Perform]:
    """Return the effects that perform something."""
    return [effect for effect in effects if isinstance(effect, Perform)]


def replies(effects: tuple[Effect, ...]) -> list[tuple[str, str]]:
    """Return what and code of each reply."""
    return [(effect.what, str(effect.fields.get("code", ""))) for effect in effects if isinstance(effect, Reply)]
