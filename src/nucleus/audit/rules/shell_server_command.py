r"""A server is started through a shell, from text.

## Why

A command that is shell text can do anything before and after the server it names: fetch code, read variables,
change directory to wherever the repository says. A list of words can't. The text is also where substitutions hide.

## Example

```json
{ "mcpServers": { "tools": { "command": "bash", "args": ["-lc", "cd \"$(pwd)\" && exec ./start.sh"] } } }
```

## Fix

Name the program and its arguments as a list: `"command": "./start.sh"`, with `cwd` for the directory.

## Limits

`cmd /c npx ...`, which Windows needs to start script launchers, is looked through and not reported.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("shell-server-command", "shell text as a server command", Severity.MEDIUM, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield servers whose command is text for a shell or an interpreter."""
    for server in project.servers:
        if server.launch.kind == "shell" and server.launch.at is not None:
            at = server.launch.at
            yield RULE.at(
                server.source,
                at.start,
                at.end,
                f"server '{server.name}' runs text through {server.launch.program}; name the program and its arguments instead",  # noqa: E501  one pattern or table row, one line
                subject=server.name,
            )
