"""All servers that a project file names are started without asking.

## Why

With this setting a cloned repository brings its own MCP servers, and they run at the first start, before anybody
read the file. A pull request that edits `.mcp.json` is code execution on every machine that has it.

## Example

```json
{ "enableAllProjectMcpServers": true }
```

## Fix

Name the servers that you have looked at in `enabledMcpjsonServers`. `--fix` sets the flag to false.

## Limits

A named list approves names, not contents: a changed command under an approved name is not asked about again by
every client.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("project-servers-enabled", "all project servers start without asking", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield the flags that start whatever servers a project names."""
    for document, root in project.configs():
        for name in ("enableAllProjectMcpServers", "chat.mcp.autostart", "mcp.autoStart"):
            value = root.get(name)
            key = root.key(name)
            if value is None or key is None or not (value.is_true() or value.text() == "newAndOutdated"):
                continue
            blanket = name == "enableAllProjectMcpServers"
            yield RULE.at(
                document.source,
                key.start,
                value.end,
                "whatever servers a project file names are started without asking",
                subject=name,
                severity=None if blanket else Severity.MEDIUM,
                fix=Fix("ask for each server", (edits.replace(document.source, value, "false"),), safe=True)
                if blanket
                else None,
            )
