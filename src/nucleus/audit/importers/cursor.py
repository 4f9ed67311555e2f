"""Cursor: permission rules of its command line, and the sandbox's network and paths."""

from nucleus.audit.importers.draft import Draft, absolute_pattern
from nucleus.audit.node import Node
from nucleus.audit.permissions import ALLOW, DENY, grants_of
from nucleus.audit.servers import servers_of


def fill(draft: Draft, root: Node) -> None:
    """Carry a ``cli.json``, ``sandbox.json`` or ``mcp.json`` over."""
    for grant in grants_of(draft.source, "cursor", (root,)):
        draft.grant(grant)
    policy = root.get("networkPolicy") or root.get("network")
    for name, table in (("allow", ALLOW), ("allowedDomains", ALLOW), ("deny", DENY), ("deniedDomains", DENY)):
        listed = policy.get(name) if policy is not None else None
        for node in listed.strings() if listed is not None else []:
            draft.add(table, "fetch", "**" if node.text() == "*" else node.text(), node)
    for name, key in (("additionalReadwritePaths", "write"), ("additionalReadonlyPaths", "read")):
        listed = root.get(name)
        for node in listed.strings() if listed is not None else []:
            draft.add(ALLOW, key, absolute_pattern(node.text()), node)
    for server in servers_of(draft.source, "cursor", (root,)):
        draft.lose(
            server.key,
            "tools of a server are allowed one by one, under [mcp.NAME] allow; nucleus mcp pins list shows them",
        )
