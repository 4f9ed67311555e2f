"""Commands, mediated: ``from nucleus.tools import proc``.

A command runs in a box or not at all; without one, CannotEnforce says what is
missing. It is an argument list: no shell reads it.
"""

from collections.abc import Callable, Sequence
from typing import Any, Final, final

from nucleus.gate.client import Client, current
from nucleus.policy import call
from nucleus.tools.handles import CommandOutput, seen_of


@final
class Proc:
    """The commands of one client."""

    def __init__(self, client_of: Callable[[], Client]) -> None:
        self._client_of = client_of

    def run(self, argv: Sequence[str], *, stdin: str | bytes = b"", cwd: str = ".") -> CommandOutput:
        """Run a command in the box and return its output, whatever its status (``.status``, ``.stderr``).

        Raises ValueError for a text in place of a list: nothing splits it.
        """
        if isinstance(argv, str | bytes):
            raise ValueError("argv is a list, such as ['make', 'test']; no shell reads it")  # noqa: TRY004  bad value
        body = stdin.encode() if isinstance(stdin, str) else bytes(stdin)
        args: dict[str, Any] = {"argv": [str(word) for word in argv], "cwd": str(cwd)}
        result = self._client_of().mediate(call.RUN, args, body, seen=seen_of(argv, stdin, cwd))
        return CommandOutput(
            result.body.decode("utf-8", "replace"),
            exposure=result.exposure,
            source=result.source,
            seq=result.seq,
            details={**result.value, "raw": result.body},
        )


_AMBIENT: Final = Proc(current)
run = _AMBIENT.run
