"""Packages come from an index that the command line names, with nothing that says which packages may.

## Why

An extra index is asked for every name. Whoever runs it, or registers a name there that you use internally, supplies
the code (dependency confusion).

## Example

```json
{ "command": "uvx", "args": ["--extra-index-url", "https://packages.example.com/simple", "internal-mcp==1.0"] }
```

## Fix

Use one index for everything, or a lock file with hashes.

## Limits

A private index that mirrors the public one is fine and still reported; say so in a suppression.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("foreign-index", "an extra package index", Severity.MEDIUM, Confidence.MEDIUM)
_OPTIONS = ("--extra-index-url", "--index-url", "--index", "--default-index", "--registry", "--find-links")
_NAMES = frozenset(
    {
        "PIP_EXTRA_INDEX_URL",
        "PIP_INDEX_URL",
        "UV_EXTRA_INDEX_URL",
        "UV_INDEX",
        "UV_INDEX_URL",
        "UV_DEFAULT_INDEX",
        "NPM_CONFIG_REGISTRY",
    }
)


def check(project: Project) -> Iterator[Finding]:
    """Yield package indexes named on a server's command line or in its environment."""
    for server in project.servers:
        for word in server.words:
            if word.text().split("=", 1)[0] in _OPTIONS:
                yield RULE.at(
                    server.source,
                    word.start,
                    word.end,
                    f"server '{server.name}' takes packages from an index of its own",
                    subject=server.name,
                )
        for key, _ in server.env:
            if str(key.value).upper() in _NAMES:
                yield RULE.at(
                    server.source,
                    key.start,
                    key.end,
                    f"server '{server.name}' takes packages from an index of its own",
                    subject=server.name,
                )
