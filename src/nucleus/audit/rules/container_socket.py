"""A container gets the socket of the container engine.

## Why

Whoever can talk to the engine's socket can start a second container with the host's root directory mounted. It is
root on the host, whatever the container itself may do.

## Example

```json
{ "image": "dev", "mounts": ["source=/var/run/docker.sock,target=/var/run/docker.sock,type=bind"] }
```

## Fix

Use a rootless engine inside of the container, or a proxy for the socket that allows only what is needed (list,
logs).

## Limits

The path is recognised by its name: a socket under another name is not seen.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("container-socket", "the engine's socket in a container", Severity.HIGH, Confidence.HIGH)
_SOCKET = re.compile(r"(?:docker|podman|containerd|crio|cri-dockerd)\.sock")


def check(project: Project) -> Iterator[Finding]:
    """Yield mounts of an engine's socket."""
    for container in project.containers:
        for node, host in container.mounts:
            if _SOCKET.search(host):
                yield RULE.at(
                    container.source,
                    node.start,
                    node.end,
                    f"container '{container.name}' can command the container engine: that is root on the host",
                    subject=container.name,
                )
