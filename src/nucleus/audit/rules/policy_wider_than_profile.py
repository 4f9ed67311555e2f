"""A Nucleus policy asks for more than its base profile gives.

## Why

A profile is a ceiling. A level above it is an error; a path, host or channel beyond it has no effect, and somebody
believes in it.

## Example

```toml
version = 1
profile = "read_only"
[capabilities]
shell = "always"
```

## Fix

Choose the profile that gives it (`nucleus policy profiles`), or take the line out.

## Limits

As for `invalid-policy`.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.policies import judged
from nucleus.audit.project import Project

RULE = Rule("policy-wider-than-profile", "a policy beyond its profile", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield levels above the profile, and grants that it does not let anybody name."""
    for document, verdict in judged(project):
        if verdict.above:
            start, end = document.source.line_span(verdict.line)
            yield RULE.at(document.source, start, end, verdict.error, subject=verdict.error)
        for line, note in verdict.notes:
            start, end = document.source.line_span(line)
            yield RULE.at(document.source, start, end, note, subject=note, severity=Severity.LOW)
