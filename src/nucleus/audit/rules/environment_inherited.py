"""Every variable of your environment reaches the agent's commands.

## Why

Tokens live in the environment. Codex leaves out names with KEY, SECRET or TOKEN; `ignore_default_excludes` takes
that filter away.

## Example

```toml
[shell_environment_policy]
inherit = "all"
ignore_default_excludes = true
```

## Fix

`inherit = "core"` and `include_only = ["PATH", "HOME", ...]`.

## Limits

Only Codex has such a setting in its file.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("environment-inherited", "the whole environment reaches commands", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield the switch that takes the filter of secret names away."""
    for document, root in project.configs("codex"):
        node = root.at("shell_environment_policy", "ignore_default_excludes")
        if node is not None and node.is_true():
            yield RULE.at(
                document.source,
                node.start,
                node.end,
                "variables that hold keys and tokens reach every command",
                subject="excludes",
                fix=Fix("keep the filter", (edits.replace(document.source, node, "false"),), safe=False),
            )
