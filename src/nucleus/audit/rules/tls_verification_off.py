"""A setting switches certificate checks off.

## Why

Without the check, TLS protects from nobody who can answer in the server's place.

## Example

```json
{ "command": "node", "args": ["server.js"], "env": { "NODE_TLS_REJECT_UNAUTHORIZED": "0" } }
```

## Fix

Add the certificate authority instead: `NODE_EXTRA_CA_CERTS`, `SSL_CERT_FILE`, `REQUESTS_CA_BUNDLE`.

## Limits

Options of the server itself are known only by their common names.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("tls-verification-off", "certificate checks switched off", Severity.HIGH, Confidence.HIGH)
_OFF = {
    "NODE_TLS_REJECT_UNAUTHORIZED": re.compile(r"0|false"),
    "PYTHONHTTPSVERIFY": re.compile(r"0"),
    "GIT_SSL_NO_VERIFY": re.compile(r"1|true"),
    "SSL_VERIFY": re.compile(r"0|false|no"),
    "VERIFY_SSL": re.compile(r"0|false|no"),
    "CURL_INSECURE": re.compile(r"1|true"),
    "NPM_CONFIG_STRICT_SSL": re.compile(r"false"),
}
_OPTIONS = frozenset(
    {
        "--insecure",
        "--no-verify-ssl",
        "--skip-tls-verify",
        "--insecure-skip-tls-verify",
        "--no-check-certificate",
        "--tls-skip-verify",
        "--no-strict-ssl",
    }
)


def check(project: Project) -> Iterator[Finding]:
    """Yield settings that stop a server or client from checking certificates."""
    for server in project.servers:
        for key, value in server.env:
            pattern = _OFF.get(str(key.value).upper())
            if pattern is not None and pattern.fullmatch(str(value.value).lower()):
                yield RULE.at(
                    server.source,
                    key.start,
                    value.end,
                    f"server '{server.name}' takes any certificate",
                    subject=server.name,
                )
        for word in server.words:
            if word.text() in _OPTIONS:
                yield RULE.at(
                    server.source,
                    word.start,
                    word.end,
                    f"server '{server.name}' takes any certificate",
                    subject=server.name,
                )
    for document, root in project.configs():
        for key, value in (root.get("env") or root).entries():
            pattern = _OFF.get(str(key.value).upper())
            if pattern is not None and pattern.fullmatch(str(value.value).lower()):
                yield RULE.at(
                    document.source, key.start, value.end, "the agent's commands take any certificate", subject="env"
                )
