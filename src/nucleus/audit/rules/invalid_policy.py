"""A Nucleus policy says something that it can't say.

## Why

The gate refuses to start with such a file. Better here than at the first run.

## Example

```toml
version = 1
profile = "read_onyl"
```

## Fix

What the message says; `nucleus policy check FILE` says it too.

## Limits

The file is judged alone, as if trusted, with the budget of a session that sees its bill. What other layers say is
not known here.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.policies import judged
from nucleus.audit.project import Project

RULE = Rule("invalid-policy", "a policy that can't be loaded", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield what the policy loader refuses, but for levels above the profile."""
    for document, verdict in judged(project):
        if verdict.error and not verdict.above:
            start, end = document.source.line_span(verdict.line)
            yield RULE.at(document.source, start, end, verdict.error, subject=verdict.error)
