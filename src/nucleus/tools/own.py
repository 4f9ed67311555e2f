"""Files of a box, for the SDK inside of it: they are the box's own, so no gate is asked.

The same functions as outside (``fs.read`` and the rest), on the copy of the
workspace that the box shows. What leaves the box is judged where it leaves it:
at the network, and when changes are applied. Handles carry what the principal
has seen, since everything that is visible there counts as seen.
"""

import os
from collections.abc import Mapping
from typing import Any, Final, final

from nucleus.gate.client import Result
from nucleus.gate.connection import Connection, failure
from nucleus.gate.effects import Permit
from nucleus.policy import call as kinds
from nucleus.tools.perform.fs import FsPerformer

FILES: Final = frozenset(
    {kinds.READ, kinds.WRITE, kinds.EDIT, kinds.DELETE, kinds.LIST, kinds.GLOB, kinds.GREP},
)


@final
class OwnFiles:
    """Performs calls on files for one connection in a box."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace
        self._performer = FsPerformer()

    def __call__(self, kind: str, args: Mapping[str, Any], body: bytes) -> Result | None:
        """Return the result of a call on files, None for any other. Raises what the plain call would have raised."""
        if kind not in FILES:
            return None
        path = os.path.normpath(os.path.join(self._workspace, str(args.get("path", "."))))
        relative = os.path.relpath(path, self._workspace)
        inside = relative != ".." and not relative.startswith("../")
        permit = Permit(0, kind, {**args, "path": relative if inside else path, "hidden": []}, self._workspace)
        outcome = self._performer.perform(permit, body)
        if outcome.status != "ok":
            raise failure(outcome.value)
        reply, _ = self._connection.request({"do": "status"})
        return Result(outcome.value, outcome.body, int(reply["state"][1]), relative, -1)
