"""Commands in the client's sandbox have the whole network.

## Why

A sandbox that limits files but not the network holds nothing back: whatever can be read can be sent. Workspace and
network together are the three legs.

## Example

```toml
sandbox_mode = "workspace-write"
[sandbox_workspace_write]
network_access = true
```

## Fix

Leave it off, and let single commands ask. For named hosts: `nucleus run --allow-host HOST -- codex`.

## Limits

Codex's permission profiles are judged by `domain-rules-without-proxy`.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("sandbox-network-open", "a sandbox with the whole network", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield switches that give sandboxed commands the network."""
    for document, root in project.configs("codex"):
        profiles = root.get("profiles")
        for holder in (root, *(child for _, child in (profiles.entries() if profiles is not None else ()))):
            node = holder.at("sandbox_workspace_write", "network_access")
            if node is not None and node.is_true():
                yield RULE.at(
                    document.source,
                    node.start,
                    node.end,
                    "sandboxed commands reach every host: what they can read they can send",
                    subject="network_access",
                    fix=Fix("close the network", (edits.replace(document.source, node, "false"),), safe=False),
                )
