"""What is looked at in the workspace's repository before a call is judged.

``kept``      whether a commit of before this session keeps what a deletion would take away
``outgoing``  how much a push would send, and what: for the person who is asked, and for the budget

A git worker of its own answers, for no other purpose: the call waits for it,
the gate does not. No answer, in time or at all, is the worse one. The commit
is the one that was checked out when the session began; what the session
commits itself does not count. Names of remotes are those of the session's
start too, and only tell which remote branches were fetched from a URL.
"""

import re
from collections.abc import Callable
from typing import Any, Final, NamedTuple, final

from nucleus.gate.board import Board
from nucleus.gate.effects import Limits, Outcome, Permit
from nucleus.gate.loop import Loop
from nucleus.gate.remotes import commit_of, remotes_of
from nucleus.gate.workers import Workers
from nucleus.policy.routes import over_https

KEPT: Final = "git.kept"
OUTGOING: Final = "git.outgoing"
QUESTIONS: Final = frozenset({KEPT, OUTGOING})
"""What the worker is asked. No client can: these are no calls' kinds."""
WAITING_LIMIT: Final = 256
"""Looks that may be under way at a time; beyond it the worse answer is given at once."""
COUNT_SECONDS: Final = 120.0
"""A large history takes a while to be packed, and the pack is what is counted."""
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class Leaving(NamedTuple):
    """What a push would send."""

    bytes: int
    """Of the pack; -1 where it could not be counted."""
    text: str
    """Commits, files and the difference as far as a person reads; or why it could not be counted."""


@final
class Lookout:
    """Asks the worker. Made when the session begins: then commit and remotes are taken."""

    def __init__(self, loop: Loop, board: Board) -> None:
        settings = board.settings
        self._workspace = board.opening.workspace
        self._commit = commit_of(self._workspace)
        self._urls = remotes_of(self._workspace).urls
        self._workers = Workers(loop, board.now, settings.bootstrap, settings.network, self._answered)
        self._sent: dict[str, set[str]] = {}
        """URL -> commits that this session has pushed there: no fetch has noted them."""
        self._waiting: dict[int, Callable[[Outcome], None]] = {}
        self._numbers = 0

    def kept(self, path: str, then: Callable[[str], None]) -> None:
        """Tell ``then``, now or later, exactly once, the SHA-256 of the content that is kept, "" if it is not."""

        def answered(outcome: Outcome) -> None:
            digest = outcome.value.get("digest")
            kept = outcome.status == "ok" and outcome.value.get("kept") is True
            then(digest if kept and type(digest) is str and _DIGEST.fullmatch(digest) else "")

        if not self._commit or not self._ask(KEPT, {"path": path, "commit": self._commit}, answered):
            then("")

    def outgoing(self, url: str, tip: str, then: Callable[[Leaving], None], pack: bytes = b"") -> None:
        """Tell ``then``, now or later, exactly once, what a push of ``tip`` to ``url`` would send.

        ``pack``: what a box made of it, where the workspace does not have the commit itself.
        """

        def answered(outcome: Outcome) -> None:
            size, text = outcome.value.get("bytes"), outcome.body.decode("utf-8", "replace")
            if outcome.status == "ok" and type(size) is int and size >= 0:
                then(Leaving(size, text))
            else:
                then(Leaving(-1, str(outcome.value.get("message", "no answer"))))

        remotes = [name for name, known in self._urls.items() if url in {known, over_https(known)}]
        args = {"tip": tip, "remotes": remotes, "sent": sorted(self._sent.get(url, ()))}
        if not self._ask(OUTGOING, args, answered, Limits(seconds=COUNT_SECONDS), pack):
            then(Leaving(-1, "too many calls are looked at"))

    def sent(self, url: str, tip: str) -> None:
        """Know that a push of ``tip`` to ``url`` went through."""
        self._sent.setdefault(url, set()).add(tip)

    def end(self) -> None:
        """End the worker. Who waits gets no answer any more: the gate ends."""
        self._waiting.clear()
        self._workers.end()

    def _ask(
        self,
        kind: str,
        args: dict[str, Any],
        then: Callable[[Outcome], None],
        limits: Limits | None = None,
        body: bytes = b"",
    ) -> bool:
        """Ask; return whether that was possible."""
        if len(self._waiting) >= WAITING_LIMIT:
            return False
        number, self._numbers = self._numbers, self._numbers + 1
        self._waiting[number] = then
        self._workers.perform(Permit(number, kind, args, self._workspace, limits or Limits()), body)
        return True

    def _answered(self, number: int, outcome: Outcome) -> None:
        then = self._waiting.pop(number, None)
        if then is not None:
            then(outcome)
