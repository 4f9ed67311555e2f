"""The client's sandbox is on, with a way around it.

## Why

`allowUnsandboxedCommands` (on by default) lets the agent run a failed command again without the sandbox.
`excludedCommands` are never in it. `enableWeakerNestedSandbox` drops what keeps processes apart. A socket of the
container engine inside is the host. What the agent can choose to leave is no boundary.

## Example

```json
{ "sandbox": { "enabled": true, "excludedCommands": ["docker"], "enableWeakerNestedSandbox": true } }
```

## Fix

`"allowUnsandboxedCommands": false`, no excluded launchers, no weaker mode; `--fix` sets the first. Commands that
need more run in `nucleus run` with the hosts they need.

## Limits

That the switch is on by default is reported to the pedantic persona only.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Persona, Rule, Severity
from nucleus.audit.node import Node
from nucleus.audit.project import Document, Project

RULE = Rule("sandbox-way-around", "a sandbox with a way around it", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield settings that let commands leave a sandbox which is on."""
    for document, root in project.configs():
        sandbox = root.get("sandbox")
        if sandbox is not None and sandbox.kind == "map":
            yield from _claude(document, sandbox)


def _claude(document: Document, sandbox: Node) -> Iterator[Finding]:
    source = document.source
    enabled, around = sandbox.get("enabled"), sandbox.get("allowUnsandboxedCommands")
    weaker = sandbox.get("enableWeakerNestedSandbox") or sandbox.get("enableWeakerNetworkIsolation")
    if weaker is not None and weaker.is_true():
        yield RULE.at(
            source, weaker.start, weaker.end, "the weaker nested mode does not keep processes apart", subject="weaker"
        )
    excluded = sandbox.get("excludedCommands")
    for node in excluded.strings() if excluded is not None else []:
        yield RULE.at(
            source,
            node.start,
            node.end,
            f"'{node.text()}' always runs outside of the sandbox",
            subject=f"excluded {node.text()}",
        )
    sockets = sandbox.at("network", "allowUnixSockets")
    for node in sockets.strings() if sockets is not None else []:
        engine = "docker" in node.text() or "podman" in node.text()
        yield RULE.at(
            source,
            node.start,
            node.end,
            f"the socket {node.text()} is open inside of the sandbox"
            + (": it can start containers on the host" if engine else ""),
            subject=node.text(),
            severity=Severity.HIGH if engine else Severity.LOW,
        )
    every = sandbox.at("network", "allowAllUnixSockets")
    if every is not None and every.is_true():
        yield RULE.at(
            source, every.start, every.end, "every Unix socket is open inside of the sandbox", subject="sockets"
        )
    domains = sandbox.at("network", "allowedDomains")
    for node in domains.strings() if domains is not None else []:
        if node.text() in {"*", "*.*"}:
            yield RULE.at(
                source, node.start, node.end, "every host is allowed inside of the sandbox", subject="domains"
            )
    if around is not None and around.is_true():
        fix = Fix("no commands outside", (edits.replace(source, around, "false"),), safe=True)
        yield RULE.at(
            source,
            around.start,
            around.end,
            "the agent may run a command again without the sandbox",
            subject="around",
            fix=fix,
        )
    elif around is None and enabled is not None and enabled.is_true():
        found = edits.add_entry(source, sandbox, "allowUnsandboxedCommands", value=False)
        yield RULE.at(
            source,
            enabled.start,
            enabled.end,
            "allowUnsandboxedCommands is on by default: the agent may run a command again without the sandbox",
            subject="around",
            severity=Severity.LOW,
            persona=Persona.PEDANTIC,
            fix=Fix("no commands outside", found, safe=True) if found else None,
        )
