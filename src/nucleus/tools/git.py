"""Git, mediated: ``from nucleus.tools import git``.

``git.push("origin", "topic")`` asks the gate of the ambient session;
``session.git.push(...)`` is its twin. The repository's own configuration is
never consulted: remotes are the policy's, and nothing that a repository names
is run (no hook, filter, editor, pager, helper).
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, final

from nucleus.gate.client import Client, Result, current
from nucleus.policy import call
from nucleus.tools.handles import GitResult, seen_of


@final
class Git:
    """The git operations of one client."""

    def __init__(self, client_of: Callable[[], Client]) -> None:
        self._client_of = client_of

    def status(self, paths: Sequence[str] = ()) -> GitResult:
        """Return the short status; ``details`` has ``branch``, ``head``, ``clean``."""
        return _handle(self._ask(call.GIT_STATUS, {"paths": _list(paths)}, paths))

    def diff(self, paths: Sequence[str] = (), *, staged: bool = False, base: str = "", head: str = "") -> GitResult:
        """Return a diff: work tree against index; ``staged``: index against HEAD; or ``base`` against ``head``."""
        args = {"paths": _list(paths), "staged": staged, "base": str(base), "head": str(head)}
        return _handle(self._ask(call.GIT_DIFF, args, paths, base, head))

    def log(self, rev: str = "HEAD", *, limit: int = 20, paths: Sequence[str] = ()) -> GitResult:
        """Return the last commits, one a line: id, date, author, subject."""
        args = {"rev": str(rev), "limit": limit, "paths": _list(paths)}
        return _handle(self._ask(call.GIT_LOG, args, rev, paths))

    def commit(self, message: str, paths: Sequence[str] = ()) -> GitResult:
        """Commit ``paths``, or all that changed; ``details`` has ``commit`` and ``paths``.

        Raises ValueError where nothing changed, and where a path goes through
        a program that this repository names (a clean filter): it is not run.
        """
        body = str(message).encode()
        return _handle(self._ask(call.COMMIT, {"paths": _list(paths)}, message, paths, body=body))

    def branch(self, name: str, *, switch: bool = True) -> GitResult:
        """Make a topic branch at HEAD, and go on with it. Raises FileExistsError if it is there."""
        return _handle(self._ask(call.BRANCH, {"branch": str(name), "switch": switch}, name))

    def push(self, remote: str, branch: str) -> GitResult:
        """Push a branch to a remote that the policy names. Never forced, never deleting."""
        return _handle(self._ask(call.PUSH, {"remote": str(remote), "branch": str(branch)}, remote, branch))

    def _ask(self, kind: str, args: dict[str, Any], *values: object, body: bytes = b"") -> Result:
        return self._client_of().mediate(kind, args, body, seen=seen_of(*values))


def _list(paths: Sequence[str]) -> list[str]:
    """Return the paths as a list. A lone text is one path, not its letters."""
    return [str(paths)] if isinstance(paths, str) else [str(path) for path in paths]


def _handle(result: Result) -> GitResult:
    text = result.body.decode("utf-8", "replace")
    return GitResult(text, exposure=result.exposure, source=result.source, seq=result.seq, details=result.value)


_AMBIENT: Final = Git(current)
status = _AMBIENT.status
diff = _AMBIENT.diff
log = _AMBIENT.log
commit = _AMBIENT.commit
branch = _AMBIENT.branch
push = _AMBIENT.push
