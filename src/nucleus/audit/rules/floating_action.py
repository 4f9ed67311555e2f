"""An agent's action is named by a branch or tag.

## Why

The tag can be moved, the branch moves by design. The action runs with the job's token and secrets.

## Example

```yaml
- uses: anthropics/claude-code-action@main
```

## Fix

`@` and the full commit, with the tag as a comment: `@0123... # v1.2.3`.

## Limits

Only steps that run an agent are looked at; a linter for workflows sees the others.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("floating-action", "an agent's action without a commit", Severity.LOW, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield agent actions that are not held to a commit."""
    for step in project.agents:
        _, _, reference = step.action.partition("@")
        if not step.action or step.action.startswith("./") or re.fullmatch(r"[0-9a-f]{40}", reference):
            continue
        branch = reference in {"main", "master", "beta", "next", "HEAD", ""}
        yield RULE.at(
            step.source,
            step.place.start,
            step.place.start + len(step.action),
            f"'{reference or 'no version'}' can be other code tomorrow; name the commit",
            subject=f"{step.job_name} {step.action}",
            severity=Severity.MEDIUM if branch else None,
        )
