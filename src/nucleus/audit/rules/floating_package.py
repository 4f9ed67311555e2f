"""A server is launched from a package without an exact version.

## Why

`npx -y name` and `uvx name` fetch the newest release at each start. Whoever can publish the package runs code on
your machine the next time the client starts; several MCP packages were taken over this way.

## Example

```json
{ "mcpServers": { "docs": { "command": "npx", "args": ["-y", "@scope/docs-mcp@latest"] } } }
```

## Fix

Name an exact version that you have looked at: `@scope/docs-mcp@2.1.4`, `mcp-server-time==2025.9.25`.

## Limits

An exact version of the package says nothing of its own dependencies. Nearly every real configuration floats, so
this is low severity on purpose. Versions are not looked up: there is no network here, so there is no automatic fix.
"""

from collections.abc import Iterator

from nucleus.audit import launch
from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("floating-package", "a package without an exact version", Severity.LOW, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield servers launched from a registry package whose version is not exact."""
    for server in project.servers:
        found = server.launch
        if found.kind not in {"npm", "pypi"} or found.at is None or not found.target or server.disabled:
            continue
        if launch.is_local(found.target) or launch.is_git_source(found.target):
            continue
        if launch.package_version(found) is None:
            example = f"{found.target.rsplit('@', 1)[0] if found.target.rfind('@') > 0 else found.target}"
            sign = "@" if found.kind == "npm" or found.program == "uvx" else "=="
            yield RULE.at(
                server.source,
                found.at.start,
                found.at.end,
                f"server '{server.name}' runs whatever version of this package is newest; name one: {example}{sign}X.Y.Z",  # noqa: E501  one pattern or table row, one line
                subject=f"{server.name} {found.target}",
            )
