"""A workflow with the repository's secrets runs an agent on a stranger's code.

## Why

`pull_request_target` and `workflow_run` run with secrets and a write token. If the job then checks out the pull
request, the stranger's instruction files, hooks and build scripts are what the agent and its tools obey.

## Example

```yaml
on: pull_request_target
jobs:
  review:
    steps:
      - uses: actions/checkout@v4
        with: { ref: "${{ github.event.pull_request.head.sha }}" }
      - uses: anthropics/claude-code-action@v1
```

## Fix

Use `pull_request`: forks then get no secrets and a read token. To comment, let a second workflow do it from a file
that the first one uploaded.

## Limits

A check-out by a script is recognised by `gh pr checkout` and `refs/pull/` only.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.text import Source

RULE = Rule("agent-pull-request-target", "secrets, and a stranger's code", Severity.HIGH, Confidence.HIGH)
_HEAD = re.compile(
    r"github\.event\.pull_request\.head\.(?:sha|ref|repo)|github\.head_ref|refs/pull/|gh pr checkout|workflow_run\.head_(?:sha|branch|repository)|merge_commit_sha"  # noqa: E501  one pattern or table row, one line
)


def check(project: Project) -> Iterator[Finding]:
    """Yield privileged triggers of workflows that run an agent; HIGH where the job checks out the stranger's code."""
    done: set[tuple[Source, str, str]] = set()
    for step in project.agents:
        for name in ("pull_request_target", "workflow_run"):
            trigger = step.triggers.get(name)
            if trigger is None or (step.source, step.job_name, name) in done:
                continue
            done.add((step.source, step.job_name, name))
            takes = _HEAD.search(step.source.text, step.job.start, step.job.end)
            if takes is None and name == "workflow_run":
                continue
            what = "and checks out the stranger's code" if takes else "on events of strangers"
            yield RULE.at(
                step.source,
                trigger.start,
                trigger.end,
                f"{name} runs this agent with the repository's secrets {what}",
                subject=f"{step.job_name} {name}",
                severity=None if takes and not step.guarded() else Severity.MEDIUM,
            )
