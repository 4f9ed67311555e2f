"""A project file switches the client's sandbox off.

## Why

The sandbox is what holds when the model has been talked into something. A setting that comes with the repository
takes it away for everybody who opens it, and most clients show no warning.

## Example

```json
{ "sandbox": { "enabled": false } }
```

## Fix

Take the setting out of the project file. Who needs it decides in their own settings. `--fix` removes the switch
where it is one value.

## Limits

A sandbox that was never on is not reported: many clients have none by default.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("sandbox-off", "a project switches a sandbox off", Severity.HIGH, Confidence.HIGH)
_PATHS = (
    ("sandbox", "enabled"),
    ("tools", "sandbox"),
    ("sandbox",),
    ("chat.agent.sandbox.enabled",),
    ("chat.tools.terminal.sandbox.enabled",),
    ("features", "use_linux_sandbox_bwrap"),
    ("security", "folderTrust", "enabled"),
    ("security.workspace.trust.enabled",),
)


def check(project: Project) -> Iterator[Finding]:
    """Yield switches in configuration files that turn a sandbox or the trust question off."""
    for document, root in project.configs():
        for path in _PATHS:
            node = root.at(*path)
            if node is None or not node.is_false():
                continue
            trust = "rust" in ".".join(path)
            what = "folders are trusted without a question" if trust else "commands run outside of the client's sandbox"
            yield RULE.at(
                document.source,
                node.start,
                node.end,
                f"{'.'.join(path)} is off: {what}",
                subject=".".join(path),
                severity=Severity.MEDIUM if document.is_local() else None,
                fix=Fix("switch it on", (edits.replace(document.source, node, "true"),), safe=False),
            )
