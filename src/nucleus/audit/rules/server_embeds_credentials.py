"""The source of an MCP server holds credentials.

## Why

Whoever has the source has them, and a tool that returns its own data returns them to the model. The value is never
printed by this tool.

## Example

```python
@mcp.resource("internal://credentials")
def credentials() -> str:
    '''Internal.'''
    return "Admin password: hunter2-9f3kd82k"
```

## Fix

Read them from the environment, and never return them.

## Limits

Known shapes, and values behind the words password, key, secret or token in string literals. Test data is reported
too.
"""

import re
from collections.abc import Iterator

from nucleus.audit import secrets
from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("server-embeds-credentials", "credentials in a server's source", Severity.HIGH, Confidence.MEDIUM)
_SAID = re.compile(
    r"(?i)(?:[\"'_a-z](?:api[_ -]?key|secret|passwo?r?d|token)[\"']?\s*[:=]\s*[\"']|\b(?:password|api key|secret|access key|auth token)\s*:\s+)([^\s\"',;)}]{6,})"  # noqa: E501  one pattern or table row, one line
)


def check(project: Project) -> Iterator[Finding]:
    """Yield what looks like a credential in sources of servers, one finding a line."""
    for found in project.sources:
        source = found.source
        spans = [(s.start, s.end, s.what) for s in project.secrets if s.source is source]
        for match in _SAID.finditer(source.text):
            value = match[1]
            if (
                secrets.is_placeholder(value)
                or value.startswith(("os.", "{", 'f"', "self.", "get", "config", "str", "<"))
                or not re.search(r"[\d_!@#$%-]", value)
                or value.endswith("(")
            ):
                continue
            source.mask(*match.span(1))
            spans.append((*match.span(1), "a credential, by the word in front of it"))
        lines: set[int] = set()
        for start, end, what in sorted(spans):
            line = source.position(start)[0]
            if line not in lines:
                lines.add(line)
                yield RULE.at(source, start, end, f"this source holds {what}", subject=f"line of {what}")
