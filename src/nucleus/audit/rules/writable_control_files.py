"""The agent may write the files that control it.

## Why

Settings, hooks, MCP entries and instruction files decide what the next session may do. An agent that can write them
without a question can give itself any power: a hook is code that the client runs.

## Example

```json
{ "permissions": { "allow": ["Write(.claude/**)"] } }
```

## Fix

Deny writing them: `Edit(./.claude/**)`, `Edit(./.mcp.json)`, `Edit(./.git/hooks/**)`. Under `nucleus run` control
files are held at apply until a person has seen the change.

## Limits

A bare `Write` or `Edit` is reported as low unless a deny rule names a control file: clients protect some of these
paths themselves.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.permissions import ALLOW, DENY, WRITE
from nucleus.audit.project import Project

RULE = Rule("writable-control-files", "control files writable without a question", Severity.HIGH, Confidence.MEDIUM)
_CONTROL = re.compile(
    r"\.claude(?!/(?:worktrees|plans|tmp|notes))|\.mcp\.json|mcp\.json|CLAUDE\.md|AGENTS\.md|GEMINI\.md|\.cursor|\.codex|\.gemini|\.vscode|\.git/|\.github/workflows|\.bashrc|\.zshrc|\.profile|nucleus\.toml|settings(?:\.local)?\.json|\.husky|hooks/"
)


def check(project: Project) -> Iterator[Finding]:
    """Yield rules that let the agent write control files."""
    for grant in project.grants:
        if grant.action != ALLOW or grant.tool != WRITE or grant.client == "workflow":
            continue
        names = _CONTROL.search(grant.spec)
        denied = any(
            g.action == DENY and g.tool == WRITE and _CONTROL.search(g.spec)
            for g in project.grants
            if g.source is grant.source
        )
        if names is not None:
            message = f"'{grant.text}' lets the agent change what controls it"
        elif grant.whole() and not denied:
            message = f"'{grant.text}' covers the files that control the agent; no rule denies them"
        else:
            continue
        yield RULE.at(
            grant.source,
            grant.node.start,
            grant.node.end,
            message,
            subject=grant.text,
            severity=None if names is not None else Severity.LOW,
        )
