"""A server is called by the client directly, with nothing between them that decides.

## Why

The client starts the server with your full authority and hands it whatever the model asks for. A mediator sees
every call, judges it by your policy, and records it.

## Example

```json
{ "mcpServers": { "db": { "command": "node", "args": ["server.js"] } } }
```

## Fix

Put the mediator in front of each server of the file: `nucleus mcp wrap FILE`. It edits the commands in place, and
`nucleus mcp unwrap FILE` takes it out again. What the policy calls a server is its name here: `[mcp.NAME]`.

## Limits

Other mediators are not known to this rule. It speaks once per file, to the pedantic persona: it is advice, no
defect.
"""

from collections.abc import Iterator

from nucleus.audit.launch import base_name
from nucleus.audit.model import Confidence, Finding, Persona, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.servers import Server

RULE = Rule("unmediated-server", "no mediator in front of a server", Severity.INFO, Confidence.HIGH, Persona.PEDANTIC)


def mediated(server: Server) -> bool:
    """Whether the command is our own mediator."""
    words = [word.text() for word in server.words]
    return any(base_name(word) in {"nucleus", "nucleus-runtime"} for word in words[:4]) and "mcp" in words


def check(project: Project) -> Iterator[Finding]:
    """Yield the first unmediated server of each file, with the number of the others."""
    for source, servers in project.servers_by_source().items():
        bare = [s for s in servers if not s.disabled and not mediated(s)]
        if bare:
            more = f" and {len(bare) - 1} more" if len(bare) > 1 else ""
            yield RULE.at(
                source,
                bare[0].key.start,
                bare[0].key.end,
                f"server '{bare[0].name}'{more} runs without a mediator; in front of it: nucleus mcp wrap",
                subject=source.path,
            )
