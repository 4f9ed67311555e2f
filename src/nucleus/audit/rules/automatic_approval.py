"""Tools of a server run without a question.

## Why

The question is the only point at which a person sees what a call would do. Listed tools skip it for every argument,
also for those that an injected instruction chose. Reading tools complete the first two legs silently.

## Example

```json
{ "mcpServers": { "mail": { "url": "https://mail.example.com/mcp", "autoApprove": ["send_message"] } } }
```

## Fix

Take out the tools that send, write or run. `--fix` empties a blanket approval; nothing stops working, the client
asks again.

## Limits

Which listed tools matter is judged by the words of their names.
"""

import re
from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("automatic-approval", "tools that run without a question", Severity.HIGH, Confidence.HIGH)
_ACTS = re.compile(
    r"send|post|publish|create|update|write|delete|remove|reply|comment|upload|push|merge|share|invite|insert|apply|execute|exec|run|shell|bash|command|edit|put|move|deploy|fetch|navigate|browse|eval|sql|query|install|\*",
    re.IGNORECASE,
)


def check(project: Project) -> Iterator[Finding]:
    """Yield servers that are trusted whole, and listed tools that act."""
    for server in project.servers:
        if server.trust is not None:
            yield RULE.at(
                server.source,
                server.trust.start,
                server.trust.end,
                f"every tool of server '{server.name}' runs without a question",
                subject=server.name,
                fix=Fix("ask again", (edits.replace(server.source, server.trust, "false"),), safe=True),
            )
        for node in server.approved:
            acts = _ACTS.search(node.text())
            yield RULE.at(
                server.source,
                node.start,
                node.end,
                f"tool '{node.text()}' of server '{server.name}' runs without a question",
                subject=f"{server.name} {node.text()}",
                severity=Severity.HIGH if node.text() == "*" else Severity.MEDIUM if acts else Severity.LOW,
            )
