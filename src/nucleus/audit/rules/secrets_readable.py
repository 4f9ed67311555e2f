"""Files may be read without a question, and no rule keeps the secret ones out.

## Why

`.env`, key files and cloud credentials lie next to the code. What the agent has read can turn up in a commit
message, a search, or a request that an injected text asked for.

## Example

```json
{ "permissions": { "allow": ["Read", "Bash(cat:*)"] } }
```

## Fix

`--fix` adds deny rules for the usual places (`Read(./.env)`, `Read(./.env.*)`, `Read(./secrets/**)`,
`Read(~/.ssh/**)`). A deny rule of the client does not bind a shell: `nucleus run` makes denied paths invisible.

## Limits

Only whether some secret path is denied is looked at, not whether the list is complete for this repository.
"""

import re
from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.permissions import ALLOW, DENY, READ, SHELL, Grant
from nucleus.audit.project import Project
from nucleus.audit.rules.unrestricted_shell import allows_everything

RULE = Rule("secrets-readable", "reading allowed, secrets not denied", Severity.MEDIUM, Confidence.HIGH)
_READERS = frozenset(
    {
        "cat",
        "head",
        "tail",
        "less",
        "more",
        "grep",
        "rg",
        "sed",
        "awk",
        "strings",
        "xxd",
        "base64",
        "type",
        "get-content",
        "bat",
        "env",
        "printenv",
    }
)
_SECRET = re.compile(r"\.env|secret|\.ssh|credential|\.pem|\.key|\.aws|\.npmrc|\.netrc|id_rsa|password", re.IGNORECASE)
DENIED = ("Read(./.env)", "Read(./.env.*)", "Read(./secrets/**)", "Read(~/.ssh/**)", "Read(~/.aws/**)")


def _reads_all(grant: Grant) -> bool:
    if grant.action != ALLOW:
        return False
    if grant.tool == READ:
        return grant.whole()
    return allows_everything(grant) or (
        grant.tool == SHELL and grant.verb() in _READERS and len(grant.words()) == 1 and grant.open_ended()
    )


def check(project: Project) -> Iterator[Finding]:
    """Yield the first rule of each file that reads everything, where no rule denies a secret path."""
    for source, grants in project.grants_by_source().items():
        first = next((grant for grant in grants if _reads_all(grant)), None)
        if (
            first is None
            or first.client == "workflow"
            or any(grant.action == DENY and _SECRET.search(grant.spec) for grant in grants)
        ):
            continue
        yield RULE.at(
            source,
            first.node.start,
            first.node.end,
            f"'{first.text}' also reads .env and key files; no rule denies them",
            subject=first.client,
            fix=_fix(project, first),
        )


def _fix(project: Project, grant: Grant) -> Fix | None:
    for document, root in project.configs("claude-code"):
        permissions = root.get("permissions")
        if document.source is not grant.source or permissions is None:
            continue
        denied = permissions.get("deny")
        found = (
            edits.append_strings(grant.source, denied, list(DENIED))
            if denied is not None
            else edits.add_entry(grant.source, permissions, "deny", list(DENIED))
        )
        return Fix("deny the usual secret files", found, safe=True) if found else None
    return None
