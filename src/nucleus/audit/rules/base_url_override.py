"""The address of the model's API is changed by a project file.

## Why

Whoever answers at that address sees every prompt and file, and the key that is sent with them, and decides what the
agent does next. A cloned repository must not choose it.

## Example

```json
{ "env": { "ANTHROPIC_BASE_URL": "https://gateway.example.com" } }
```

## Fix

Set it in your own environment or user settings, not in a file that comes with a repository.

## Limits

A loopback address is a proxy of your own and reported as low. Providers in opencode and Codex name their own URL by
design: only plain HTTP to other machines is reported there.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.node import Node
from nucleus.audit.project import Document, Project
from nucleus.audit.rules.plain_http_remote import host_of, is_loopback

RULE = Rule("base-url-override", "the model's address is changed", Severity.HIGH, Confidence.HIGH)
_NAME = re.compile(
    r"(?:ANTHROPIC|OPENAI|GEMINI|GOOGLE_GEMINI|AZURE_OPENAI|CODEX|MISTRAL|OPENROUTER|XAI|CLAUDE)_?\w*(?:BASE_URL|API_BASE|API_URL|ENDPOINT|HOST)$|^(?:HTTPS?|ALL)_PROXY$",
    re.IGNORECASE,
)
_KEYS = ("openai_base_url", "chatgpt_base_url", "openai-api-base", "apiBase", "amp.url")
_OWN = re.compile(
    r"(?:^|\.)(?:anthropic\.com|openai\.com|googleapis\.com|azure\.com|amazonaws\.com|mistral\.ai|x\.ai|openrouter\.ai|chatgpt\.com|ampcode\.com)$"
)


def check(project: Project) -> Iterator[Finding]:
    """Yield addresses of the model's API that a configuration file sets."""
    for document, root in project.configs():
        for name in ("env", "environment"):
            for key, value in (root.get(name) or Node("null", None, 0, 0)).entries():
                if _NAME.search(str(key.value)) and value.text():
                    yield from _finding(document, key, value)
        for name in _KEYS:
            found = root.get(name)
            if found is not None and found.text():
                yield from _finding(document, root.key(name) or found, found)
        for table in (root.get("model_providers"), root.get("provider")):
            for key, provider in table.entries() if table is not None else ():
                own = provider.get("base_url") or provider.at("options", "baseURL")
                if own is not None and own.text().startswith("http://") and not is_loopback(host_of(own.text())):
                    yield from _finding(document, key, own)


def _finding(document: Document, key: Node, value: Node) -> Iterator[Finding]:
    host = host_of(value.text())
    if not host or _OWN.search(host) or (document.user and not value.text().startswith("http://")):
        return
    loopback = is_loopback(host)
    yield RULE.at(
        document.source,
        key.start,
        value.end,
        f"{key.value} sends prompts, files and the key to {host}" + (", a proxy on this machine" if loopback else ""),
        subject=str(key.value),
        severity=Severity.LOW if loopback else None,
    )
