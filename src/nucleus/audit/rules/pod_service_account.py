"""A pod that runs an agent gets a token for its cluster.

## Why

By default every pod finds a token of its service account in its file system. An agent that is talked into using it
speaks to the cluster's API.

## Example

```yaml
apiVersion: v1
kind: Pod
spec:
  containers: [{ name: agent, image: example/claude-agent }]
```

## Fix

`automountServiceAccountToken: false` in the pod's spec.

## Limits

A service account can forbid it too; that object is not looked for, hence low.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("pod-service-account", "a cluster token in an agent's pod", Severity.LOW, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield pods whose token is not switched off."""
    for container in project.containers:
        node = container.service_account
        if node is not None:
            yield RULE.at(
                container.source,
                node.start,
                max(node.end, node.start + 1),
                f"the pod of '{container.name}' gets a token for the cluster's API",
                subject=container.name,
            )
