"""An agent in CI holds a token that can change code.

## Why

A prompt injection then ends as a commit, a release, or a changed workflow. Reviews and labels need no `contents:
write`. Without `permissions:` the repository's default holds, which in older repositories is to write everything.

## Example

```yaml
permissions: write-all
```

## Fix

```yaml
permissions:
  contents: read
  pull-requests: write
```

## Limits

An agent that is there to push needs it. Then protect the branches, and let people with write access start it.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.text import Source

RULE = Rule("agent-write-token", "an agent with a token that changes code", Severity.MEDIUM, Confidence.HIGH)
_STRONG = frozenset(
    {"contents", "actions", "packages", "deployments", "administration", "workflows", "pages", "security-events", "*"}
)


def check(project: Project) -> Iterator[Finding]:
    """Yield the permissions of jobs that run an agent and can change code or workflows."""
    done: set[tuple[Source, str]] = set()
    for step in project.agents:
        if "runs" in step.workflow.plain() and step.workflow.get("jobs") is None:
            continue
        _, node = step.permissions()
        strong = sorted(_STRONG & set(step.can_write()))
        if not strong or (step.source, step.job_name) in done:
            continue
        done.add((step.source, step.job_name))
        if node is None:
            yield RULE.at(
                step.source,
                step.place.start,
                step.place.start + len(step.action or "run"),
                "no permissions are set, so this agent's token has the repository's default, which may be to write everything",  # noqa: E501  one pattern or table row, one line
                subject=step.job_name,
                severity=Severity.LOW,
            )
        else:
            what = "everything" if strong == ["*"] else ", ".join(strong)
            yield RULE.at(
                step.source,
                node.start,
                node.end,
                f"this agent's token can write {what}",
                subject=f"{step.job_name} {what}",
                severity=Severity.HIGH if strong == ["*"] else None,
            )
