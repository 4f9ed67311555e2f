"""A container shares the network, process or IPC namespace of its host.

## Why

With `--network host` the container reaches every service on the machine's loopback: databases, other MCP servers,
cloud metadata. With the host's processes it sees their arguments and environments. What is left of the box is its
file system.

## Example

```json
{ "command": "docker", "args": ["run", "--network", "host", "example/server"] }
```

## Fix

Leave the option out; publish single ports with `-p 127.0.0.1:8080:8080`, or make a network for the containers that
talk.

## Limits

Network scanners do need it. Then give them a machine without anything else on it.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("container-host-namespace", "a container in the host's namespaces", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield containers that join a namespace of the host."""
    for container in project.containers:
        for node in container.host_namespaces:
            yield RULE.at(
                container.source,
                node.start,
                node.end,
                f"container '{container.name}' shares a namespace with the host: it reaches what listens there",
                subject=container.name,
            )
