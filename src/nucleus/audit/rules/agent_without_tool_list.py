"""An agent in CI may use every tool that it has.

## Why

In CI nobody answers questions, so what is not limited is allowed. A list of tools is what keeps a review agent from
running commands.

## Example

```yaml
- uses: anthropics/claude-code-action@v1
  with: { prompt: "Review this pull request" }
```

## Fix

`claude_args: --allowedTools "Read,Grep,mcp__github_inline_comment__create_inline_comment"`; in Gemini `settings: {
"tools": { "core": [...] } }`.

## Limits

Some actions have a small set by default; severity is low unless strangers can start the agent.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("agent-without-tool-list", "an agent in CI without a list of tools", Severity.LOW, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield agents of workflows whose tools are not limited."""
    for step in project.agents:
        if step.tool_lists():
            continue
        yield RULE.at(
            step.source,
            step.place.start,
            step.place.start + len(step.action or "run"),
            "this agent may use every tool that it has; list those it needs",
            subject=step.job_name,
            severity=Severity.MEDIUM if step.reachable() else None,
        )
