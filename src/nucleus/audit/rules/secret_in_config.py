"""A secret stands in a file as a value.

## Why

Whoever reads the file has it: everybody with the repository, every backup, and the agent, which can be talked into
showing it. The value is never printed by this tool.

## Example

```json
{ "env": { "SERVICE_TOKEN": "hunter2-9f3kd82k" } }
```

## Fix

Revoke it: what was committed is known. Then refer to it: `${SERVICE_TOKEN}` (Claude Code, Gemini), `${env:NAME}`
(VS Code, Cursor, Windsurf), `{env:NAME}` (opencode), `bearer_token_env_var` (Codex), or the client's own input
prompt.

## Limits

Known shapes of providers, names that promise a secret, and randomness decide. A row of X is reported at low
confidence: something was masked here, and its first version may be in the history.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("secret-in-config", "a secret as a value", Severity.HIGH, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield what looks like a secret anywhere but on a command line."""
    words = {source: [w for s in servers for w in s.words] for source, servers in project.servers_by_source().items()}
    for secret in project.secrets:
        if any(word.start <= secret.start < word.end for word in words.get(secret.source, ())):
            continue
        if secret.source.path.endswith((".py", ".ts", ".js", ".mjs", ".cjs", ".mts")):
            continue
        name = f" ({secret.label})" if secret.label else ""
        if secret.hidden and secret.confidence == Confidence.LOW:
            message = f"a masked value stands where a secret belongs{name}; if a real one ever stood here, revoke it"
        else:
            message = f"this looks like {secret.what}{name}; revoke it and refer to the environment instead"
        yield RULE.at(
            secret.source,
            secret.start,
            secret.end,
            message,
            subject=f"{secret.label} {secret.what}",
            severity=Severity.LOW if secret.hidden and secret.confidence == Confidence.LOW else None,
            confidence=secret.confidence,
        )
