"""Every tool of an MCP server may run without a question.

## Why

The rule covers tools that you have not seen: those that the server gains with its next version, and those that a
changed definition turns into something else.

## Example

```json
{ "permissions": { "allow": ["mcp__github"] } }
```

## Fix

List the tools: `mcp__github__get_issue`. `--fix --unsafe-fixes` takes the rule out; the client then asks for each
tool.

## Limits

A server whose tools all only read is reported as well.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.permissions import ALLOW, MCP
from nucleus.audit.project import Project
from nucleus.audit.rules.unrestricted_shell import without

RULE = Rule("whole-server-allowed", "every tool of a server without a question", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield rules that allow a server instead of tools."""
    for grant in project.grants:
        if grant.action != ALLOW or grant.tool != MCP:
            continue
        server, tool = grant.server()
        if tool not in {"", "*"} and server not in {"", "*"}:
            continue
        everyone = server in {"", "*"}
        whose = "every MCP server" if everyone else f"server '{server}'"
        yield RULE.at(
            grant.source,
            grant.node.start,
            grant.node.end,
            f"'{grant.text}' lets every tool of {whose} run without a question, also those it does not have yet",
            subject=grant.text,
            severity=Severity.HIGH if everyone else None,
            fix=without(grant, "take the rule out"),
        )
