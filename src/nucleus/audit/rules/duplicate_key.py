"""A key stands twice in the same table.

## Why

The last one wins in most clients, the first one in some, and a reader sees whichever comes first. A review that
looked at the harmless entry has not seen the one that runs.

## Example

```json
{ "mcpServers": { "check": { "command": "./a" }, "check": { "command": "./b" } } }
```

## Fix

Keep one of them.

## Limits

TOML refuses duplicates by itself: there it is `unreadable-file`.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("duplicate-key", "a key stands twice", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield the later of two equal keys."""
    for document in project.documents:
        for key in document.duplicates:
            yield RULE.at(
                document.source,
                key.start,
                key.end,
                f"'{key.value}' stands here a second time; clients differ in which one they take",
                subject=str(key.value),
            )
