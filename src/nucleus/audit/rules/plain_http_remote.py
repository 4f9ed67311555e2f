"""Calls to a remote server go over plain HTTP.

## Why

Arguments, results and the authorization header can be read and changed on the way. A changed tool description is a
changed instruction.

## Example

```json
{ "mcpServers": { "tools": { "url": "http://tools.example.com/mcp" } } }
```

## Fix

`https://`. With `--fix --unsafe-fixes` the scheme is changed; whether the server answers there is not tried.

## Limits

Loopback is not reported. Private networks are `private-network-remote`.
"""

import re
from collections.abc import Iterator
from urllib.parse import urlsplit

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("plain-http-remote", "a remote server over plain HTTP", Severity.MEDIUM, Confidence.HIGH)
_LOCAL = re.compile(r"(?:localhost|127\.\d+\.\d+\.\d+|::1|0\.0\.0\.0|host\.docker\.internal|.*\.localhost)$")
_PRIVATE = re.compile(
    r"(?:10\.|192\.168\.|172\.(?:1[6-9]|2\d|3[01])\.|169\.254\.|100\.(?:6[4-9]|[7-9]\d|1[01]\d|12[0-7])\.|f[cd][0-9a-f]{2}:|fe80:)|\.(?:local|lan|internal|intranet|corp|home|home\.arpa)$|^[a-z0-9-]+$",
    re.IGNORECASE,
)


def host_of(url: str) -> str:
    """Return the host of a URL, empty where it has none."""
    try:
        return (urlsplit(url.strip()).hostname or "").lower()
    except ValueError:
        return ""


def is_loopback(host: str) -> bool:
    """Whether a host is this machine."""
    return _LOCAL.match(host) is not None


def is_private(host: str) -> bool:
    """Whether a host is on a private network, by its address or by a name that only such a network resolves."""
    return not is_loopback(host) and _PRIVATE.search(host) is not None


def check(project: Project) -> Iterator[Finding]:
    """Yield remote servers on public hosts that are called over plain HTTP."""
    for server in project.servers:
        url = server.remote()
        if url is None or not url.text().lower().startswith(("http://", "ws://")):
            continue
        host = host_of(url.text())
        if not host or is_loopback(host) or is_private(host) or "$" in host or "{" in host:
            continue
        fix = Fix("use https", edits.replace_inside(server.source, url, "http://", "https://"), safe=False)
        yield RULE.at(
            server.source,
            url.start,
            url.end,
            f"calls to server '{server.name}' can be read and changed on their way to {host}",
            subject=server.name,
            severity=Severity.HIGH if server.headers else None,
            fix=fix if fix.edits else None,
        )
