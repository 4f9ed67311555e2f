"""A skill, command or sub-agent gives itself tools that run without a question.

## Why

Front matter with `allowed-tools` is a permission rule that comes with the text. Whoever can change the text can
change the rule, and skills are shared and copied without reading the first lines.

## Example

```markdown
---
name: release
allowed-tools: Bash, WebFetch
---
```

## Fix

Name what the skill needs: `allowed-tools: Bash(git tag *), Read`.

## Limits

`tools:` of a sub-agent only limits it, and is not reported. Narrow rules are judged by the other rules.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.permissions import ALLOW, FETCH, MCP, OTHER, SHELL
from nucleus.audit.project import Project

RULE = Rule("skill-grants-tools", "a skill that gives itself broad tools", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield broad tools in the front matter of instruction files."""
    texts = {document.source for document in project.of("instructions")}
    for grant in project.grants:
        if grant.source not in texts or grant.action != ALLOW:
            continue
        broad = (
            (grant.tool in {SHELL, FETCH} and grant.whole())
            or (grant.tool == MCP and grant.server()[1] in {"", "*"})
            or (grant.tool == OTHER and grant.text.strip() == "*")
        )
        if broad:
            yield RULE.at(
                grant.source,
                grant.node.start,
                grant.node.end,
                f"this text gives itself '{grant.text}' without a question",
                subject=grant.text,
            )
