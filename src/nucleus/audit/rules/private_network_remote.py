"""A server is reached over plain HTTP on a private network.

## Why

Everybody on that network can read the calls, answer in the server's place, or call it themselves: MCP servers
rarely ask who is calling. A committed address also tells strangers how your network is built.

## Example

```json
{ "mcpServers": { "lab": { "url": "http://10.0.0.44:8000/mcp" } } }
```

## Fix

TLS and a token, or an SSH tunnel to loopback. Keep the address in a personal configuration file.

## Limits

Private is judged by address range and by names that only private networks resolve.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.rules.plain_http_remote import host_of, is_private

RULE = Rule(
    "private-network-remote", "a server on a private network over plain HTTP", Severity.MEDIUM, Confidence.MEDIUM
)


def check(project: Project) -> Iterator[Finding]:
    """Yield servers on private networks that are called over plain HTTP."""
    for server in project.servers:
        url = server.remote()
        if url is not None and url.text().lower().startswith(("http://", "ws://")) and is_private(host_of(url.text())):
            sends = " and sends a credential" if server.headers else ""
            yield RULE.at(
                server.source,
                url.start,
                url.end,
                f"server '{server.name}' trusts everybody on a private network{sends}",
                subject=server.name,
                severity=Severity.HIGH if server.headers else None,
            )
