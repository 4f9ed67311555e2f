"""A secret stands on a command line.

## Why

Besides everybody who reads the file, every process on the machine can read it while the server runs (`ps`). Crash
reports and logs keep command lines too.

## Example

```json
{ "command": "npx", "args": ["-y", "server@1.0.0", "--access-token", "hunter2-9f3kd82k"] }
```

## Fix

Revoke it. Most servers take the value from an environment variable: put `${NAME}` into `env`, without a value in
the file.

## Limits

As for `secret-in-config`; long random arguments under no name are reported at low confidence.
"""

from collections.abc import Iterator

from nucleus.audit import secrets
from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("secret-in-argument", "a secret on a command line", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield what looks like a secret among the words of a server's command."""
    for server in project.servers:
        known = [
            s
            for s in project.secrets
            if s.source is server.source and any(w.start <= s.start < w.end for w in server.words)
        ]
        for secret in secrets.in_arguments(server.source, server.words):
            if not any(one.start < secret.end and secret.start < one.end for one in known):
                server.source.mask(secret.start, secret.end)
                known.append(secret)
        for secret in sorted(known, key=lambda one: one.start):
            faint = secret.hidden and secret.confidence == Confidence.LOW
            message = (
                f"a masked value stands where server '{server.name}' gets a secret; if a real one ever stood here, revoke it"  # noqa: E501  one pattern or table row, one line
                if faint
                else f"server '{server.name}' gets {secret.what} on its command line, where every process can read it"
            )
            yield RULE.at(
                server.source,
                secret.start,
                secret.end,
                message,
                subject=f"{server.name} {secret.what}",
                severity=Severity.LOW if faint else None,
                confidence=secret.confidence,
            )
