"""A stranger can start an agent that holds a write token.

## Why

Issues, comments and pull requests from forks are open to everybody. A workflow that hands their text to an agent,
with a token that can write, lets strangers work with the repository's rights: several projects lost their release
secrets this way.

## Example

```yaml
on: { issues: { types: [opened] } }
permissions: { contents: write }
jobs:
  triage:
    steps:
      - uses: anthropics/claude-code-action@v1
        with: { allowed_non_write_users: "*", prompt: "Fix this issue" }
```

## Fix

Let people with write access start it (`if: contains(fromJSON('["OWNER","MEMBER","COLLABORATOR"]'),
github.event.comment.author_association)`), give the token `contents: read`, and let a second job without an agent
do the writing from a closed set of answers.

## Limits

Conditions are read as text: one that looks at the actor counts as a guard. Two actions are known to check the actor
themselves.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Note, Rule, Severity, Span
from nucleus.audit.project import Project

RULE = Rule("agent-open-to-strangers", "strangers start an agent that can write", Severity.HIGH, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield agents that anybody can start, whose token can write."""
    for step in project.agents:
        writes = step.can_write()
        if not step.reachable() or not writes:
            continue
        events = ", ".join(step.stranger_events())
        what = "everything" if "*" in writes else ", ".join(writes)
        opened = step.open_to_all()
        place = opened or step.place
        _, permissions = step.permissions()
        small = writes in (["issues"], ["pull-requests"], ["issues", "pull-requests"], ["discussions"])
        yield RULE.at(
            step.source,
            place.start,
            place.end if opened else place.start + len(step.action or "run"),
            f"anybody can start this agent ({events}) and its token can write {what}",
            subject=f"{step.job_name} {events}",
            severity=Severity.MEDIUM if small else None,
            confidence=Confidence.HIGH if opened else None,
            notes=(Note(Span(step.source, permissions.start, permissions.end), "what the token can do"),)
            if permissions is not None
            else (),
        )
