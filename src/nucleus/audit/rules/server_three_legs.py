"""One MCP server reads private data, reads untrusted content, and can send data out.

## Why

Text that somebody else wrote can steer the agent. If the same server also shows it private data and can send, one
poisoned message is enough: read the secret, post it. No other server and no shell are needed. The three legs are
computed with the leg table and the kernel that the runtime decides with, and the finding names the calls.

## Example

```json
{ "mcpServers": { "mail": { "command": "npx", "args": ["-y", "some-gmail-server@1.2.3"] } } }
```

## Fix

Limit the server to the tools that you use, without the one that sends; or run it behind `nucleus mcp run`, which
asks before the third leg. `nucleus audit --suggest` prints both.

## Limits

What a server can do is inferred from words in its package, URL, name and listed tools; the server is never started.
A server whose words say nothing is judged as the worst case, at low confidence, for the pedantic persona only.
"""

from collections.abc import Iterator

from nucleus.audit import legs
from nucleus.audit.model import Confidence, Finding, Persona, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("server-three-legs", "one server has all three legs", Severity.MEDIUM, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield the servers whose own calls the kernel would stop as uninhabitable."""
    for server in project.servers:
        reach = legs.reach_of(server)
        path = [] if server.disabled else legs.witness(reach.rows)
        if not path:
            continue
        unknown = reach.confidence == Confidence.LOW
        calls = "; then it ".join(dict.fromkeys(legs.names(legs.legs([row])) for row in path))
        if unknown:
            message = f"nobody can say what server '{server.name}' does ({reach.why}); unreviewed tools count as all three legs"  # noqa: E501  one pattern or table row, one line
        else:
            message = f"server '{server.name}' alone completes the three legs ({reach.why}): it {calls}"
        open_door = server.trust is not None or bool(server.approved)
        yield RULE.at(
            server.source,
            server.place.start,
            server.place.end,
            message,
            subject=server.name,
            severity=Severity.LOW if unknown else Severity.HIGH if open_door else None,
            confidence=reach.confidence,
            persona=Persona.PEDANTIC if unknown else None,
        )
