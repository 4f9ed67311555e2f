"""Connections that carry traffic out of a box, and what only they may ask.

An egress process asks for each request that it is to let out, gets a permit
with what was resolved, does it, and says done: like a function of the
client's own. Three things set its connection apart. It answers for bytes that
the agent sends, so no connection of the agent's gets its permits, nor the
credentials that come with some of them. It has many calls open at once and
tells them apart by ``tag``. And it is told when what the principal has seen, or
its policy, changes: what it holds open is then decided again.
"""

import json
from typing import Any, Final, final

from nucleus.gate.board import Board
from nucleus.gate.contained import CONTAINED
from nucleus.gate.loop import Link
from nucleus.gate.opening import COOPERATIVE
from nucleus.policy import call as kinds
from nucleus.policy.packages import INDEXES, owner_set
from nucleus.policy.routes import over_https

ROLE: Final = "egress"
"""What ``attach`` names to make such a connection. Only the connection that opened the session may."""
LEVELS: Final = frozenset({CONTAINED, COOPERATIVE})
"""Where there may be one. A sealed process is its own agent, and a mediated client has a network of its own."""
RELAYED: Final = frozenset({kinds.TUNNEL, kinds.REQUEST, kinds.PACKAGES, kinds.MODEL, kinds.PULL})
"""Kinds that such a connection performs itself."""
OF_RELAYS: Final = RELAYED | {kinds.DELIVER}
"""Kinds that only such a connection may ask for."""
WITH_CREDENTIAL: Final = frozenset({kinds.MODEL, kinds.PULL})
"""Those whose permit brings the owner's credential for what was resolved: at level contained, where the connection
that opened the session is not the agent's."""
NOT_A_RELAY: Final = {
    "what": "denied",
    "code": "capability",
    "rules": ["capability"],
    "next_step": "traffic leaves a box by its proxy only",
}


@final
class Relays:
    """The connections of this gate that carry traffic."""

    def __init__(self) -> None:
        self._told: dict[Link, tuple[int, int, bool, str]] = {}
        """Link -> authority, exposure, closed, digest of the policy, as it was last told."""

    def __contains__(self, link: object) -> bool:
        return link in self._told

    def __bool__(self) -> bool:
        return bool(self._told)

    def admit(self, link: Link) -> None:
        """Let a connection carry traffic; it is told the present state at the next turn."""
        self._told[link] = (-1, -1, False, "")

    def dismiss(self, link: Link) -> None:
        """Know that a connection ended."""
        self._told.pop(link, None)

    def tell(self, board: Board, principal_of: dict[Link, str]) -> None:
        """Send the state of its principal to each connection for which it is another than was last told."""
        for link, before in list(self._told.items()):
            principal = principal_of.get(link, "")
            known = board.core.principals.get(principal)
            if known is None:
                continue
            closed = known.closed or board.core.locked or bool(board.broken)
            digest = board.opening.tree.policy_of(principal).digest
            now = (known.state.authority, known.state.exposure, closed, digest)
            if now != before:
                self._told[link] = now
                link.send(
                    {"what": "state", "authority": now[0], "exposure": now[1], "closed": closed, "policy": digest}
                )


def surroundings(
    board: Board, relays: Relays, link: Link, principal: str, fields: dict[str, Any]
) -> tuple[dict[str, Any], bytes]:
    """Return what a relay's routes go by: locked packages, packages that the owner named, remotes and their URLs."""
    tag = fields.get("tag", -1)
    if link not in relays or type(tag) is not int:
        return NOT_A_RELAY, b""
    tree = board.opening.tree
    policy = tree.policy_of(principal)
    known = {
        "locks": sorted(tree.locks),
        "named": [one for index in INDEXES for one in owner_set(policy, index)],
        "remotes": {name: over_https(remote.url) for name, remote in policy.remotes.items()},
    }
    return tagged(tag, {"what": "surroundings"}), json.dumps(known).encode()


def tagged(tag: int, fields: dict[str, Any]) -> dict[str, Any]:
    """Return an answer with the name that its asker gave the call, if any."""
    return fields if tag < 0 else {**fields, "tag": tag}
