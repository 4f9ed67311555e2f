"""Which deletions lose nothing: those of content that a commit of before this session keeps.

A git worker of its own answers, for no other purpose: it is asked before the
call is classified, so the call waits and the gate does not. No answer, in time
or at all, is no. The commit is the one that was checked out when the session
began; what the session commits itself does not count.
"""

import re
from collections.abc import Callable
from typing import Final, final

from nucleus.gate.board import Board
from nucleus.gate.effects import Outcome, Permit
from nucleus.gate.loop import Loop
from nucleus.gate.remotes import commit_of
from nucleus.gate.workers import Workers

LOOK: Final = "git.kept"
"""What the worker is asked. No client can: it is no call's kind."""
WAITING_LIMIT: Final = 256
"""Deletions that may wait at a time; beyond it each asks a person."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")

Then = Callable[[str], None]
"""Takes the SHA-256 of the content that is kept, "" if it is not."""


@final
class Keeper:
    """Asks whether a path's content is kept. Made when the session begins: then the commit is taken."""

    def __init__(self, loop: Loop, board: Board) -> None:
        settings = board.settings
        self._workspace = board.opening.workspace
        self._commit = commit_of(self._workspace)
        self._workers = Workers(loop, board.now, settings.bootstrap, settings.network, self._answered)
        self._waiting: dict[int, Then] = {}
        self._numbers = 0

    def look(self, path: str, then: Then) -> None:
        """Let ``then`` know, now or later, exactly once."""
        if not self._commit or len(self._waiting) >= WAITING_LIMIT:
            then("")
            return
        number, self._numbers = self._numbers, self._numbers + 1
        self._waiting[number] = then
        self._workers.perform(Permit(number, LOOK, {"path": path, "commit": self._commit}, self._workspace), b"")

    def end(self) -> None:
        """End the worker. Whoever waits still gets no answer any more: the gate ends."""
        self._waiting.clear()
        self._workers.end()

    def _answered(self, number: int, outcome: Outcome) -> None:
        then = self._waiting.pop(number, None)
        if then is None:
            return
        digest = outcome.value.get("digest")
        kept = outcome.status == "ok" and outcome.value.get("kept") is True
        then(digest if kept and type(digest) is str and _DIGEST.fullmatch(digest) else "")
