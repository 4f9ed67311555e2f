"""Changes of a run that has just ended, judged by its gate, which still lives.

Only what would be applied without a word is asked for: a plain or flagged
change. Each is a decision of the principal that made it, with a record before
and a result after. What the gate asks about, or denies, is held; it waits for
a person's ``nucleus apply``.
"""

from collections.abc import Sequence
from typing import Any, Final, final

from nucleus.apply import Applied, Change, Ruling, apply, finished, load
from nucleus.apply.hands import Hands
from nucleus.gate.connection import Connection
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
        asked = [change for change in found if change.silent]
        # About a deletion the gate has to find something out first; all else is asked in one go.
        replies = dict(zip(*self._replies([change for change in asked if change.effect != "delete"]), strict=True))
        replies |= {
            id(change): self._gate.request(_request(change))[0] for change in asked if id(change) not in replies
        }
        return [
            self._ruling(replies[id(change)]) if change.silent else Ruling(allow=False, why=change.why or UNASKED)
            for change in found
        ]

    def _replies(self, changes: Sequence[Change]) -> tuple[list[int], list[dict[str, Any]]]:
        return [id(change) for change in changes], self._gate.several([_request(change) for change in changes])

    def _ruling(self, reply: dict[str, Any]) -> Ruling:
        if reply["what"] == "perform":
            self._open.append(reply["number"])
            return Ruling(allow=True)
        return Ruling(allow=False, why=_why(reply))

    def settle(self, *, applied: bool) -> None:
        """Have the outcome recorded: of all, since all or none were applied."""
        error = "" if applied else "OSError"
        self._gate.several([{"do": "done", "number": n, "ok": applied, "error": error} for n in self._open])
        self._open.clear()


def _request(change: Change) -> dict[str, Any]:
    args = {"path": change.path, "change": change.effect, "digest": change.digest, "size": change.size}
    return {"do": "call", "kind": kinds.APPLY, "args": args}


def bring(folder: str, gate: Connection, hands: Hands | None = None) -> Applied:
    """Apply what the gate allows of the run in ``folder``, all of it or nothing, and have that recorded.

    ``hands``: git, a packer and a signer; without them what the run's git did stays in the run.
    Raises what ``nucleus.apply.apply`` raises; then nothing was applied.
    """
    judge = GateJudge(gate)
    try:
        found = apply(load(folder), judge, hands=hands)
    except BaseException:
        # Interrupted when all was done, it is done.
        judge.settle(applied=finished(load(folder)))
        raise
    judge.settle(applied=not found.conflicts)
    return found


def _why(reply: dict[str, Any]) -> str:
    rules = ", ".join(reply.get("rules") or [])
    said = reply.get("why") or reply.get("next_step") or ""
    verdict = "asks" if reply["what"] == "pending" else "denied"
    return f"{verdict} ({rules}): {said}" if said and rules else f"{verdict} ({rules or reply.get('code', '')})"
