"""The allowed rules alone let the agent read private data, read untrusted content and send data out, unasked.

## Why

Each rule may be harmless. Together they are the whole path of a theft: a page says what to do, a file is read, a
request carries it away, and nobody is asked on the way. The rules are turned into capabilities and the kernel is
asked about each call; the finding names the call at which it would stop.

## Example

```json
{ "permissions": { "allow": ["Read", "WebSearch", "Bash(curl:*)"] } }
```

## Fix

Break one leg: take out what sends, or what reads the web. `nucleus audit --suggest` prints the smallest profile
that keeps what the rules use and no longer completes the path.

## Limits

Reading files of the project needs no rule in most clients, so the private leg is taken as given where any other is
allowed.
"""

from collections.abc import Iterator

from nucleus.audit import legs
from nucleus.audit.model import Confidence, Finding, Note, Rule, Severity, Span
from nucleus.audit.permissions import ALLOW, FETCH, MCP, READ, SEARCH, SHELL, WRITE, Grant
from nucleus.audit.project import Project
from nucleus.audit.rules import destructive_verb_allowed, interpreter_wildcard, network_verb_allowed, unrestricted_shell
from nucleus.policy import legs as table
from nucleus.policy.legs import Row

RULE = Rule("permissions-three-legs", "the allowed rules complete the three legs", Severity.HIGH, Confidence.HIGH)


_ANYWHERE = (table.RUN, table.POST, table.FETCH)
"""Rows that send to whatever address the model writes; the others send to one service."""


def rows_of(grant: Grant) -> tuple[Row, ...]:
    """Return the rows of the leg table that a rule lets run without a question."""
    if grant.action != ALLOW:
        return ()
    if grant.tool == SHELL:
        return _shell(grant)
    if grant.tool == FETCH:
        return (table.FETCH,) if grant.whole() else (table.FIXED_FETCH,)
    if grant.tool == MCP:
        return _mcp(grant)
    return {READ: (table.WORKSPACE_READ,), WRITE: (table.WRITE,), SEARCH: (table.SEARCH,)}.get(grant.tool, ())


def _shell(grant: Grant) -> tuple[Row, ...]:
    if unrestricted_shell.allows_everything(grant) or interpreter_wildcard.severity_of(grant) == Severity.HIGH:
        return (table.RUN,)
    sends = network_verb_allowed.sends(grant)
    if sends is not None and sends >= Severity.MEDIUM:
        return (table.POST,)
    if "on the code host" in destructive_verb_allowed.does(grant) or "in your name" in destructive_verb_allowed.does(
        grant
    ):
        return (table.PRIVATE_TRACKER, table.PUBLISH)
    if destructive_verb_allowed.does(grant) == "publishes commits":
        return (table.PUSH,)
    return (table.WORKSPACE_READ,)


def _mcp(grant: Grant) -> tuple[Row, ...]:
    server, tool = grant.server()
    classes = legs.classes_of(server)
    if not classes:
        return ()
    rows = [row for name in classes for row in legs.CLASSES[name]]
    return tuple(legs.limited([tool], rows)) if tool and "*" not in tool else tuple(rows)


def _giver(row: Row, granted: "list[tuple[Grant, tuple[Row, ...]]]") -> Grant | None:
    """Return the rule that a row comes from; reading the project's files needs none."""
    if row is table.WORKSPACE_READ:
        return next((grant for grant, _ in granted if grant.tool == READ and grant.action == ALLOW), None)
    return next((grant for grant, some in granted if row in some), None)


def check(project: Project) -> Iterator[Finding]:
    """Yield the files whose rules complete the three legs without a question."""
    for source, grants in project.grants_by_source().items():
        granted = [(grant, rows_of(grant)) for grant in grants]
        rows = [table.WORKSPACE_READ, *(row for _, some in granted for row in some)]
        path = legs.witness(sorted(dict.fromkeys(rows), key=lambda row: row not in _ANYWHERE))
        if not path:
            continue
        by = [_giver(row, granted) for row in path]
        last = by[-1]
        if last is None:
            continue
        steps = "; ".join(
            dict.fromkeys(
                f"'{grant.text}' {legs.names(legs.legs([row]))}" if grant else "the project's files are private data"
                for row, grant in zip(path, by, strict=True)
            )
        )
        yield RULE.at(
            source,
            last.node.start,
            last.node.end,
            f"no question is asked on the whole way: {steps}",
            subject=last.client,
            severity=None if path[-1] in _ANYWHERE else Severity.MEDIUM,
            notes=tuple(
                Note(Span(source, grant.node.start, grant.node.end), legs.names(legs.legs([row])))
                for row, grant in zip(path[:-1], by[:-1], strict=True)
                if grant is not None
            ),
        )
