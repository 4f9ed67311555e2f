"""A file that configures an agent can't be read.

## Why

The client ignores such a file, or refuses to start; a deny rule in it denies nothing. And nothing in it was
audited, which must not look like "nothing found".

## Example

```json
{ "permissions": { "deny": ["Read(.env)"] }
```

## Fix

Correct what the message points at.

## Limits

Comments and trailing commas are accepted everywhere, although some clients refuse them.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("unreadable-file", "a file that can't be read", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield what the readers could not take; problems that did not stop the reading are low."""
    for document in project.documents:
        for problem in document.problems[:3]:
            message = (
                problem.message if not problem.fatal else f"nothing in this file could be audited: {problem.message}"
            )
            yield RULE.at(
                document.source,
                problem.offset,
                problem.offset + 1,
                message,
                subject=problem.message,
                severity=None if problem.fatal else Severity.LOW,
            )
