"""An agent's whole output goes to a public log.

## Why

Logs of public repositories are public. Full output holds file contents, tool results and whatever a tool printed,
secrets included; masking only knows the secrets that the runner was told of.

## Example

```yaml
- uses: anthropics/claude-code-action@v1
  with: { show_full_output: "true" }
```

## Fix

Leave it off outside of debugging; `--fix --unsafe-fixes` sets it to false.

## Limits

In private repositories fewer people read along; the file does not say which kind it is.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("agent-open-output", "an agent's whole output in the log", Severity.MEDIUM, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield inputs that print everything."""
    for step in project.agents:
        for name in ("show_full_output", "display_report_full", "debug"):
            node = step.input(name)
            if node is not None and (node.is_true() or node.text() == "true"):
                quote = step.source.text[node.start] if node.text() else ""
                yield RULE.at(
                    step.source,
                    node.start,
                    node.end,
                    f"{name}: file contents and tool results are printed to the log",
                    subject=f"{step.job_name} {name}",
                    severity=Severity.LOW if name == "debug" else None,
                    fix=Fix("print less", (edits.replace(step.source, node, f"{quote}false{quote}"),), safe=False),
                )
