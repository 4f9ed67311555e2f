"""A server or agent is given the home directory or the whole disk.

## Why

The home directory holds SSH keys, cloud credentials, browser profiles and the settings of the agent itself. A file
server with that root hands them to whoever steers the model.

## Example

```json
{ "command": "npx", "args": ["-y", "@modelcontextprotocol/server-filesystem@2025.8.21", "/Users/me"] }
```

## Fix

Name the project directory, or `.`. Several projects are several arguments.

## Limits

Paths are judged as written. A link inside of a narrow directory that leads out is the server's to refuse.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.node import Node
from nucleus.audit.project import Project
from nucleus.audit.text import Source

RULE = Rule("home-or-root-scope", "the home directory or the whole disk as scope", Severity.HIGH, Confidence.HIGH)
_WHOLE = re.compile(
    r"(?:/|//|~|\$HOME|\$\{(?:env:)?(?:HOME|USERPROFILE|userHome)\}|%USERPROFILE%|[A-Za-z]:[\\/]?|/(?:Users|home|root|mnt|Volumes|etc|var)|/root"
    r"|/(?:Users|home)/[^/\s]+|[A-Za-z]:[\\/]+Users(?:[\\/]+[^\\/\s]+)?|/mnt/[a-z](?:/Users(?:/[^/]+)?)?)[\\/]*(?:\*\*?)?$"
)


def is_wide(path: str) -> bool:
    """Whether a path is a whole disk, all users, or a whole home directory."""
    return _WHOLE.match(path.strip()) is not None


def check(project: Project) -> Iterator[Finding]:  # noqa: C901  one clause for each client or kind
    """Yield wide directories in server arguments, mounts, and the directories of permission settings."""
    for server in project.servers:
        for word in server.launch.rest:
            path = word.text().split("=", 1)[-1] if word.text().startswith("-") else word.text()
            if is_wide(path) and server.launch.kind != "container":
                yield _finding(server.source, word, f"server '{server.name}' is given {path}", server.name)
    for container in project.containers:
        for node, host in container.mounts:
            if is_wide(host):
                yield _finding(
                    container.source, node, f"container '{container.name}' is given {host} of the host", container.name
                )
    for document, root in project.configs():
        lists = [
            root.at("permissions", "additionalDirectories"),
            root.get("additionalDirectories"),
            root.at("sandbox_workspace_write", "writable_roots"),
            root.at("context", "includeDirectories"),
            root.get("includeDirectories"),
            root.at("sandbox", "filesystem", "allowWrite"),
        ]
        for listed in lists:
            for node in listed.strings() if listed is not None else []:
                if is_wide(node.text()):
                    yield _finding(document.source, node, f"the agent is given {node.text()}", "directories")
        for key, value in (root.get("projects") or root).entries():
            level = value.get("trust_level")
            if (
                document.kind.client == "codex"
                and level is not None
                and level.text() == "trusted"
                and is_wide(str(key.value))
            ):
                yield RULE.at(
                    document.source,
                    key.start,
                    key.end,
                    f"everything below {key.value} is trusted: any project there may bring its own settings",
                    subject="projects",
                    severity=Severity.MEDIUM,
                )


def _finding(source: Source, node: Node, what: str, subject: str) -> Finding:
    return RULE.at(
        source, node.start, node.end, f"{what}: keys, credentials and agent settings are inside", subject=subject
    )
