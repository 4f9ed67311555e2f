"""Changes of a run that has just ended, judged by its gate, which still lives.

Only what would be applied without a word is asked for: a plain or flagged
change. Each is a decision of the principal that made it, with a record before
and a result after. What the gate asks about, or denies, is held; it waits for
a person's ``nucleus apply``.
"""

from collections.abc import Sequence
from typing import Any, Final, final

from nucleus.apply import Applied, Change, Ruling, apply, load
from nucleus.apply.hands import Hands
from nucleus.errors import StateBlocked
from nucleus.gate.connection import Connection
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.policy import call as kinds

UNASKED: Final = "waits for your yes"


@final
class GateJudge:
    """Asks the gate about each change. ``settle`` tells it what came of those that it allowed."""

    def __init__(self, gate: Connection) -> None:
        self._gate = gate
        self._open: list[int] = []

    def __call__(self, found: tuple[Change, ...]) -> Sequence[Ruling]:
        """Return one ruling for each change. Raises StateBlocked if the gate is gone."""
        return [self._ruling(change) for change in found]

    def _ruling(self, change: Change) -> Ruling:
        if not change.silent:
            return Ruling(allow=False, why=change.why or UNASKED)
        request: dict[str, Any] = {
            "do": "call",
            "kind": kinds.APPLY,
            "args": {"path": change.path, "change": change.effect, "digest": change.digest, "size": change.size},
        }
        reply, _ = self._gate.request(request)
        if reply["what"] == "perform":
            self._open.append(reply["number"])
            return Ruling(allow=True)
        return Ruling(allow=False, why=_why(reply))

    def settle(self, *, applied: bool) -> None:
        """Have the outcome recorded: of all, since all or none were applied."""
        for number in self._open:
            self._gate.request({"do": "done", "number": number, "ok": applied, "error": "" if applied else "OSError"})
        self._open.clear()


def bring(folder: str, gate: Connection, hands: Hands | None = None) -> Applied:
    """Apply what the gate allows of the run in ``folder``, all of it or nothing, and have that recorded.

    ``hands``: git, a packer and a signer; without them what the run's git did stays in the run.
    Raises what ``nucleus.apply.apply`` raises; then nothing was applied.
    """
    judge = GateJudge(gate)
    try:
        found = apply(load(folder), judge, hands=hands)
    except BaseException:
        judge.settle(applied=False)
        raise
    judge.settle(applied=not found.conflicts)
    return found


def seen(gate: Connection) -> int:
    """Return the exposure of the gate's principal, everything if it can't be asked any more."""
    try:
        reply, _ = gate.request({"do": "status"})
        return int(reply["state"][1])
    except (StateBlocked, KeyError):
        return ALL_SEEN


def _why(reply: dict[str, Any]) -> str:
    rules = ", ".join(reply.get("rules") or [])
    said = reply.get("why") or reply.get("next_step") or ""
    verdict = "asks" if reply["what"] == "pending" else "denied"
    return f"{verdict} ({rules}): {said}" if said and rules else f"{verdict} ({rules or reply.get('code', '')})"
