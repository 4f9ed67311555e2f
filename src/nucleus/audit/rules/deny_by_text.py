"""Commands are kept away by the text that they start with.

## Why

A deny rule on command text stops the one spelling: `Bash(rm -rf *)` misses `rm -r -f`, `find -delete`, `git push
origin +main` and every script. It is a reminder for a willing model, no wall. The list is worth having; relying on
it is not.

## Example

```json
{ "permissions": { "allow": ["Bash(git *)"], "deny": ["Bash(git push --force *)"] } }
```

## Fix

Allow by name instead of denying by name. For effects that must not happen, take the power away: `nucleus run` gives
the shell no network and no credentials.

## Limits

Advice for the pedantic persona, once per file.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Persona, Rule, Severity
from nucleus.audit.permissions import DENY, SHELL
from nucleus.audit.project import Project

RULE = Rule("deny-by-text", "commands denied by their text", Severity.INFO, Confidence.HIGH, Persona.PEDANTIC)


def check(project: Project) -> Iterator[Finding]:
    """Yield the first deny rule on command text of each file."""
    for source, grants in project.grants_by_source().items():
        denied = [g for g in grants if g.action == DENY and g.tool == SHELL and g.spec and not g.whole()]
        if denied:
            yield RULE.at(
                source,
                denied[0].node.start,
                denied[0].node.end,
                f"'{denied[0].text}' stops one spelling of this; another spelling passes",
                subject=denied[0].client,
            )
