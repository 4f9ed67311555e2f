"""The servers of one client together read private data, read untrusted content, and can send data out.

## Why

Each server may be harmless alone. The agent is what connects them: a page that one server fetched tells it to read
a file with the second and to post it with the third. Clients do not look across servers. The kernel does: exposure
belongs to the agent, not to the server.

## Example

```json
{ "mcpServers": {
    "files": { "command": "npx", "args": ["-y", "server-filesystem@1.0.0", "./src"] },
    "fetch": { "command": "uvx", "args": ["mcp-server-fetch@1.0.0"] } } }
```

## Fix

Break one leg: remove a server, or limit it to tools without that leg. Or run the servers behind `nucleus mcp run`
in one session, so that the third leg asks. `nucleus audit --suggest` prints the smallest profile that does.

## Limits

As for `server-three-legs`; servers that nobody can judge by their words are left out here. Disabled servers too.
"""

from collections.abc import Iterator

from nucleus.audit import legs
from nucleus.audit.model import Confidence, Finding, Note, Rule, Severity, Span
from nucleus.audit.project import Project
from nucleus.audit.servers import Server

RULE = Rule("client-three-legs", "the servers of one client have all three legs", Severity.MEDIUM, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield the clients whose servers complete the three legs together; a server that does alone has its own rule."""
    for servers in _groups(project):
        judged = [(server, legs.reach_of(server)) for server in servers if not server.disabled]
        known = [
            (s, reach) for s, reach in judged if reach.confidence > Confidence.LOW and not legs.witness(reach.rows)
        ]
        path = legs.witness([row for _, reach in known for row in reach.rows])
        if not path:
            continue
        chain: list[tuple[Server, int]] = []
        for row in path:
            server = next(server for server, reach in known if row in reach.rows)
            if (server, legs.legs([row])) not in chain:
                chain.append((server, legs.legs([row])))
        words = "; ".join(f"'{server.name}' {legs.names(bits)}" for server, bits in chain)
        first = chain[0][0]
        open_door = any(server.trust is not None or server.approved for server, _ in chain)
        yield RULE.at(
            first.source,
            first.key.start,
            first.key.end,
            f"together these servers complete the three legs: {words}",
            subject=first.client,
            severity=Severity.HIGH if open_door else None,
            notes=tuple(Note(Span(s.source, s.key.start, s.key.end), legs.names(bits)) for s, bits in chain[1:]),
        )


def _groups(project: Project) -> "Iterator[list[Server]]":
    """Yield what one client starts in one project: by its files there, and by the person's own files with each."""
    groups: dict[tuple[str, str], list[Server]] = {}
    for server in project.servers:
        groups.setdefault((server.client, _base(server.source.path)), []).append(server)
    for (client, base), servers in groups.items():
        personal = groups.get((client, "~"), []) if base != "~" else []
        yield [*servers, *personal]


def _base(path: str) -> str:
    """Return the directory of the project that a configuration file belongs to: above the client's own directory."""
    parts = path.split("/")[:-1]
    own = next((number for number, part in enumerate(parts) if part.startswith(".") and len(part) > 1), len(parts))
    return "/".join(parts[:own])
