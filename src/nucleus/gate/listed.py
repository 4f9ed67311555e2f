"""What the mediated servers of a session list: names that two of them share, and tools that no call will ever be.

A tool of a name that another server here has too may get the call that was
meant for the other. A tool that the policy never allows only costs its
client's tokens. Neither decides anything: each call is decided when it is made.
"""

from typing import Any, Final, final

from nucleus.gate.board import Board
from nucleus.gate.loop import Link
from nucleus.kernel.capability import NEVER, level
from nucleus.kernel.facts import SCOPE_DENY
from nucleus.policy.legs import CAPABILITY_NAMES, UNREVIEWED
from nucleus.policy.model import UNKNOWN_SERVER

TOOLS_LIMIT: Final = 65_536
"""Tools of one server that are remembered."""


@final
class Listed:
    """The tools of each connection that mediates a server."""

    def __init__(self) -> None:
        self._tools: dict[Link, tuple[str, set[str]]] = {}
        """Connection -> identity of its server, names of its tools."""

    def told(self, board: Board, principal: str, link: Link, fields: dict[str, Any]) -> dict[str, Any]:
        """Take one page of a server's tools; return those that others have too, and those that are never allowed.

        ``tools`` maps each name to the capabilities that a call may be of, none where nobody reviewed it. ``first``:
        the page begins a list. A frame of another shape is answered as a list without tools.
        """
        server, name, tools = fields.get("server"), fields.get("name"), fields.get("tools")
        if type(server) is not str or type(name) is not str or type(tools) is not dict or not _proper(tools):
            return {"what": "tools", "equal": [], "never": []}
        _, known = self._tools.get(link, ("", set()))
        names: set[str] = {*tools} if fields.get("first") is True else {*known, *tools}
        self._tools[link] = (server, names if len(names) <= TOOLS_LIMIT else known)
        others = {one for at, (who, had) in self._tools.items() if at is not link and who != server for one in had}
        authority = board.core.principals[principal].state.authority
        rule = board.opening.tree.policy_of(principal).mcp.get(name, UNKNOWN_SERVER)
        never = [
            tool
            for tool, ops in tools.items()
            if rule.tools.judge(tool).scope == SCOPE_DENY
            or all(level(authority, op) == NEVER for op in [*map(CAPABILITY_NAMES.index, ops)] or [UNREVIEWED.op])
        ]
        return {"what": "tools", "equal": sorted(others.intersection(tools)), "never": never}

    def forget(self, link: Link) -> None:
        """Know that a connection ended."""
        self._tools.pop(link, None)


def _proper(tools: dict[str, Any]) -> bool:
    return all(type(ops) is list and all(op in CAPABILITY_NAMES for op in ops) for ops in tools.values())
