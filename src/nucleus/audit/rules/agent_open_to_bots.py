"""Any bot may start an agent.

## Why

Bots repeat what strangers write: a stranger's branch name in a dependency update, a commit title in a release note.
With `allowed_bots: "*"` the action's check of who may start it is passed by any app that anybody installs.

## Example

```yaml
with: { allowed_bots: "*" }
```

## Fix

Name the bots: `allowed_bots: "dependabot[bot]"`.

## Limits

None known.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("agent-open-to-bots", "any bot starts an agent", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield inputs that let every bot, or everybody, start an agent."""
    for step in project.agents:
        node = step.input("allowed_bots")
        if node is not None and node.text().strip() == "*":
            yield RULE.at(
                step.source,
                node.start,
                node.end,
                "any bot may start this agent, and bots repeat what strangers write",
                subject=step.job_name,
            )
        node = step.open_to_all()
        if node is not None and not step.stranger_events():
            yield RULE.at(
                step.source,
                node.start,
                node.end,
                "people without write access may start this agent",
                subject=f"{step.job_name} users",
                severity=Severity.LOW,
            )
