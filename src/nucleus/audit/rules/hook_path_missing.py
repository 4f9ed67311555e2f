"""A hook names a script that is not in the repository.

## Why

The client reports an error that few people see and goes on. A guard that is not there allows everything; and
whoever can create the file decides what it does.

## Example

```json
{ "hooks": { "PreToolUse": [{ "hooks": [{ "type": "command", "command": "node .claude/hooks/guard.js" }] }] } }
```

## Fix

Add the script, or take the hook out. Use the client's variable for the project directory, so that it is found from
everywhere.

## Limits

Only relative paths and those below the project variable are looked for. Scripts that a build makes are reported
too.
"""

import re
import shlex
from collections.abc import Iterator
from pathlib import PurePosixPath

from nucleus.audit.hooks import Hook
from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("hook-path-missing", "a hook's script is missing", Severity.LOW, Confidence.MEDIUM)
_SCRIPT = re.compile(
    r"(?:\$\{?(?:CLAUDE_PROJECT_DIR|GEMINI_PROJECT_DIR|CURSOR_PROJECT_DIR)\}?/|\./)?((?:[\w@.-]+/)+[\w.@-]+\.(?:sh|py|js|mjs|cjs|ts|rb|pl|ps1))$"
)


def scripts_of(hook: Hook) -> "list[str]":
    """Return the project files that a hook's command names, relative to the project."""
    try:
        words = shlex.split(hook.command)
    except ValueError:
        words = hook.command.split()
    found = []
    for word in words:
        match = _SCRIPT.match(word)
        if match and "node_modules" not in match[1] and "://" not in word:
            found.append(match[1])
    return found


def check(project: Project) -> Iterator[Finding]:
    """Yield hooks whose script is nowhere below the place where their settings count."""
    for hook in project.hooks:
        if hook.source.path.startswith(("~", "/")):
            continue
        parents = PurePosixPath(hook.source.path).parents
        bases = [str(parent) for parent in parents]
        for script in scripts_of(hook):
            if any((project.root / base / script).exists() for base in bases):
                continue
            yield RULE.at(
                hook.source,
                hook.node.start,
                hook.node.end,
                f"the {hook.event} hook runs {script}, which is not here"
                + ("; a missing guard allows" if hook.guards() else ""),
                subject=f"{hook.event} {script}",
                severity=Severity.MEDIUM if hook.means_to_block() else None,
            )
            break
