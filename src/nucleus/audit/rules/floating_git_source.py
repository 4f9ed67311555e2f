"""A server is built from a repository without a commit.

## Why

A branch or tag of somebody's repository can point to other code tomorrow. There is no registry in between that
keeps what was published.

## Example

```json
{ "mcpServers": { "x": { "command": "uvx", "args": ["--from", "git+https://example.com/a/b", "b"] } } }
```

## Fix

Name the full commit: `git+https://example.com/a/b@0123456789abcdef0123456789abcdef01234567`.

## Limits

The commit's dependencies still float unless that repository locks them.
"""

from collections.abc import Iterator

from nucleus.audit import launch
from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("floating-git-source", "a repository without a commit", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield servers launched from a repository that is not held to a commit."""
    for server in project.servers:
        found = server.launch
        if found.at is None or server.disabled or not launch.is_git_source(found.target):
            continue
        if launch.package_version(found) is None:
            yield RULE.at(
                server.source,
                found.at.start,
                found.at.end,
                f"server '{server.name}' is built from whatever this repository holds today; add @ and a full commit",
                subject=server.name,
            )
