"""Every shell command may run without a question.

## Why

A shell can read every file of yours and send it anywhere. With this rule the only limit left is what the model
wants to do, and injected text changes what it wants.

## Example

```json
{ "permissions": { "allow": ["Bash(*)"] } }
```

## Fix

List the commands of your project: `Bash(npm test)`, `Bash(git diff *)`. Or keep the rule and run the agent in a
box: `nucleus run -- claude`. `--fix --unsafe-fixes` takes the rule out.

## Limits

A client's own sandbox may contain the shell; if the same file switches it on, the finding is medium.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.permissions import ALLOW, OTHER, SHELL, Grant
from nucleus.audit.project import Project

RULE = Rule("unrestricted-shell", "any shell command without a question", Severity.HIGH, Confidence.HIGH)


def allows_everything(grant: Grant) -> bool:
    """Whether a rule lets any command run."""
    if grant.action != ALLOW:
        return False
    return (grant.tool == SHELL and (grant.whole() or not grant.verb())) or (
        grant.tool == OTHER and grant.text.strip() == "*"
    )


def sandboxed(project: Project, grant: Grant) -> bool:
    """Whether the file of a rule switches its client's sandbox on, without a way around it."""
    for document, root in project.configs():
        enabled = root.at("sandbox", "enabled")
        around = root.at("sandbox", "allowUnsandboxedCommands")
        if document.source is grant.source and enabled is not None and enabled.is_true():
            return around is not None and around.is_false()
    return False


def without(grant: Grant, title: str) -> Fix | None:
    """Return the fix that takes a rule out of its list."""
    if grant.listed is None:
        return None
    found = edits.remove_elements(grant.source, grant.listed, [grant.node])
    return Fix(title, found, safe=False) if found else None


def check(project: Project) -> Iterator[Finding]:
    """Yield rules that let any command run."""
    for grant in project.grants:
        if allows_everything(grant):
            yield RULE.at(
                grant.source,
                grant.node.start,
                grant.node.end,
                f"'{grant.text}' lets any command run without a question",
                subject=grant.text,
                severity=Severity.MEDIUM if sandboxed(project, grant) else None,
                fix=without(grant, "take the rule out"),
            )
