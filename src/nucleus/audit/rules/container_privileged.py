"""A container runs privileged, or with a capability that amounts to it.

## Why

`--privileged`, `SYS_ADMIN` and an unconfined seccomp or AppArmor profile take the walls away: devices, mounts and
kernel interfaces of the host are open to what runs inside.

## Example

```json
{ "image": "dev", "runArgs": ["--privileged"] }
```

## Fix

Take it out, and add the one capability that fails without it, if it is not on this list.

## Limits

`NET_ADMIN` is reported too: dev containers use it for firewalls, and the agent inside can undo them.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("container-privileged", "a privileged container", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield what gives a container the host's powers."""
    for container in project.containers:
        for node in container.privileged:
            weaker = node.kind == "string" and "NET_ADMIN" in node.text()
            yield RULE.at(
                container.source,
                node.start,
                node.end,
                f"container '{container.name}' is given powers over its host",
                subject=container.name,
                severity=Severity.LOW if weaker else None,
            )
