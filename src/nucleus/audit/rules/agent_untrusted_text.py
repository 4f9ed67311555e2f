"""Text that strangers write is pasted into an agent's prompt or into a shell command.

## Why

`${{ github.event.issue.body }}` is replaced before anything else looks at it. In a prompt it is an instruction like
your own; in `run:` it is program text.

## Example

```yaml
- uses: openai/codex-action@v1
  with:
    prompt: "Fix: ${{ github.event.issue.title }}"
```

## Fix

Put the text into an environment variable and let the agent read it from a file as quoted data; in `run:` use
`"$TITLE"`.

## Limits

Numbers, names of repositories and commit digests are not reported. An agent that fetches the text itself reads it
all the same.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.workflows import UNTRUSTED_TEXT, steps_of

RULE = Rule("agent-untrusted-text", "strangers' text in a prompt or command", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield expressions with strangers' text in prompts of agents, and in commands of jobs that run one."""
    for step in project.agents:
        for node in step.prompts():
            for match in UNTRUSTED_TEXT.finditer(step.source.text, node.start, node.end):
                yield RULE.at(
                    step.source,
                    *match.span(),
                    f"{match[0]} puts a stranger's text into what the agent is told",
                    subject=f"{step.job_name} {match[0]}",
                )
    jobs = dict.fromkeys((step.source, step.job, step.workflow) for step in project.agents)
    for source, job, workflow in jobs:
        agents = {step.step for step in project.agents if step.source is source}
        for _, owner, one in steps_of(workflow):
            run = one.get("run")
            if owner is not job or run is None or one in agents:
                continue
            for match in UNTRUSTED_TEXT.finditer(source.text, run.start, run.end):
                yield RULE.at(
                    source, *match.span(), f"{match[0]} puts a stranger's text into a shell command", subject=match[0]
                )
