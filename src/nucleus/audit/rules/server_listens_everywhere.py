"""An MCP server listens on every network interface.

## Why

Everybody on the network, and every web page by DNS rebinding, can call its tools. MCP servers rarely ask who is
calling.

## Example

```python
uvicorn.run(app, host="0.0.0.0", port=8001)
```

## Fix

`127.0.0.1`; for other machines TLS, a token and a check of the Origin header.

## Limits

Inside of a container the address is often needed; what counts there is how the port is published.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("server-listens-everywhere", "a server on every interface", Severity.MEDIUM, Confidence.MEDIUM)
_ALL = re.compile(
    r"(?:host|hostname|bind)\s*[=:]\s*([\"'](?:0\.0\.0\.0|::)[\"'])|\.listen\([^)]{0,40}([\"']0\.0\.0\.0[\"'])"
)
_OPTION = re.compile(r"^(?:--host|--bind|--listen|--address)(?:=|$)")


def check(project: Project) -> Iterator[Finding]:
    """Yield servers that bind to every interface, in source and on the command line."""
    for found in project.sources:
        for match in _ALL.finditer(found.source.text):
            group = 1 if match[1] else 2
            yield RULE.at(
                found.source, *match.span(group), "this server answers everybody on the network", subject="bind"
            )
    for server in project.servers:
        for index, word in enumerate(server.words):
            value = word.text().partition("=")[2] or (
                server.words[index + 1].text() if index + 1 < len(server.words) else ""
            )
            if _OPTION.match(word.text()) and value.split(":")[0] in {"0.0.0.0", "::"}:  # noqa: S104  compared, not bound
                yield RULE.at(
                    server.source,
                    word.start,
                    word.end,
                    f"server '{server.name}' answers everybody on the network",
                    subject=server.name,
                )
