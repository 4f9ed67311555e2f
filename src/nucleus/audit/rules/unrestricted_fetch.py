"""The fetch tool may open any address without a question.

## Why

An address carries data: `https://evil.example/?k=...`. Fetching anywhere is sending anywhere, and whatever comes
back is untrusted text in the conversation.

## Example

```json
{ "permissions": { "allow": ["WebFetch(domain:*)"] } }
```

## Fix

Name the hosts: `WebFetch(domain:docs.python.org)`. `--fix --unsafe-fixes` takes the rule out.

## Limits

Hosts on which anybody can publish (code hosts, paste sites) are not told apart from documentation.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.permissions import ALLOW, FETCH
from nucleus.audit.project import Project
from nucleus.audit.rules.unrestricted_shell import without

RULE = Rule("unrestricted-fetch", "fetch from any address", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield rules that let the fetch tool open any address."""
    for grant in project.grants:
        if (
            grant.action == ALLOW
            and grant.tool == FETCH
            and (grant.whole() or grant.spec in {"domain:*.*", "domain:**", "https://*", "http*", "https:*"})
        ):
            yield RULE.at(
                grant.source,
                grant.node.start,
                grant.node.end,
                f"'{grant.text}' opens any address without a question; name the hosts",
                subject=grant.text,
                fix=without(grant, "take the rule out"),
            )
