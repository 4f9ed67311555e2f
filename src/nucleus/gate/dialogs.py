"""What a front end may know and do about a question of its own principal: whether it is open, and its client's yes.

INVARIANT: only a question that ``low_risk`` alone asks, of a session at level ``mediated``, is answered by the client's
own dialog: a client can press its own buttons, and above that level its yes is nobody's (tests/gate/test_dialogs.py).
"""

from typing import Any, Final

from nucleus.gate.board import Board
from nucleus.gate.calls import Calls
from nucleus.gate.events import Answered
from nucleus.gate.opening import MEDIATED
from nucleus.trace.record import rule_names

BY: Final = "the client's own dialog"
ANSWERABLE: Final = ["low_risk"]


def asked(board: Board, calls: Calls, principal: str, fields: dict[str, Any], *, watched: bool) -> dict[str, Any]:
    """Return whether the question ``id`` waits still; with ``accept`` it is answered first, if it may be.

    ``watched``: whether a person sees questions as they come.
    """
    id_ = str(fields.get("id", ""))
    question = board.core.questions.get(id_)
    if question is None or question.principal != principal:
        return {"what": "asked", "open": False, "ok": False, "watched": watched}
    own = board.opening.level == MEDIATED and rule_names(question.rules) == ANSWERABLE
    ok = fields.get("accept") is True and own
    if ok:
        calls.apply(board.step(Answered((id_,), allow=True, by=BY, now=board.now())))
    return {"what": "asked", "open": id_ in board.core.questions, "ok": ok, "watched": watched}
