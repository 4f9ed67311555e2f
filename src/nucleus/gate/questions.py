"""Questions on their way to a person, and answers on their way back."""

from collections.abc import Callable
from typing import Any, Final, final

from nucleus.gate.board import Board
from nucleus.gate.calls import Calls
from nucleus.gate.desk import Desk
from nucleus.gate.events import Answered, LockedDown
from nucleus.policy import call as kinds
from nucleus.trace.record import rule_names

OBSERVER: Final = "nobody: this session only observes (--observe)"
BOUNDS: Final = ("uses", "egress_bytes", "seconds")


@final
class Questions:
    """What one gate asks. ``handle`` answers the frames of approvers."""

    def __init__(self, board: Board) -> None:
        self._board = board
        self.calls: Calls | None = None
        self.desk: Desk | None = None
        self.observes = False
        """This session only observes: what would be asked is allowed, and on record as that."""
        self.retire: Callable[[], None] = lambda: None
        """Makes room for the client's next session, once this one is locked."""

    def raised(self, id_: str) -> None:
        """Show a new question to whoever watches, and to the gate's own approver if it has one."""
        if id_ not in self._board.core.questions:
            return
        shown = self._shown(id_)
        if self.desk is not None:
            self.desk.announce(shown)
        if self.observes:
            self._answer(Answered((id_,), allow=True, by=OBSERVER, now=self._board.now()))
            return
        approver = self._board.settings.approver
        answer = approver(shown) if approver is not None else None
        if answer is not None:
            self._answer(Answered((id_,), answer, "the gate's own approver", self._board.now()))

    def handle(self, fields: dict[str, Any], by: str) -> dict[str, Any]:
        """Return the answer to one frame of an approver."""
        what = fields.get("do")
        if what in {"list", "watch"}:
            return {"questions": [self._shown(id_) for id_ in self._board.core.questions]}
        if what == "status":
            principals = [self._board.state_of(id_) for id_ in self._board.core.principals]
            opening = self._board.opening
            who = {} if self.desk is None else self.desk.told
            return {"principals": principals, "level": opening.level, "trace": str(opening.writer.path), **who}
        if what == "lockdown":
            self._apply(self._board.step(LockedDown(by, self._board.now())))
            if fields.get("retire") is True:
                self.retire()
            return {"locked": True}
        if what == "answer":
            return self._answered(fields, by)
        return {"error": "not a request of an approver"}

    def _answered(self, fields: dict[str, Any], by: str) -> dict[str, Any]:
        ids, allow = fields.get("ids"), fields.get("allow")
        bounds = {name: fields[name] for name in BOUNDS if name in fields}
        proper = all(type(value) is int and value >= 0 for value in bounds.values())
        if type(ids) is not list or type(allow) is not bool or not proper:
            return {"error": "an answer has ids, allow, and bounds that are whole numbers"}
        known = tuple(id_ for id_ in ids if type(id_) is str and id_ in self._board.core.questions)
        rest = fields.get("rest_of_session") is True
        self._answer(Answered(known, allow, by, self._board.now(), rest_of_session=rest, **bounds))
        return {"answered": list(known)}

    def _answer(self, event: Answered) -> None:
        self._apply(self._board.step(event))

    def _apply(self, effects: Any) -> None:
        if self.calls is not None:
            self.calls.apply(effects)

    def _shown(self, id_: str) -> dict[str, Any]:
        """Return everything a person must see of a question: the whole bytes, and all reasons."""
        question = self._board.core.questions[id_]
        submit = question.submit
        call = self.calls.shown(submit.ref) if self.calls is not None else None
        body = b"" if call is None else call.body
        return {
            "id": id_,
            "principal": question.principal,
            "kind": submit.call if call is None else call.kind,
            "args": dict(submit.args if call is None else call.args),
            # Nobody reads a pack: what is shown of one are its refs, its commit and its size.
            "body": "" if submit.call == kinds.DELIVER else body.decode("utf-8", "backslashreplace"),
            "bytes": len(body),
            "leaving": "" if self.calls is None else self.calls.leaving(submit.ref),
            "destination": submit.facts.destination,
            "reasons": rule_names(question.rules),
            "exposure": question.exposure,
            "why": submit.facts.why,
            "where": submit.facts.where,
            "seconds_left": max(0, (question.expires - self._board.now()) // 1_000_000_000),
        }
