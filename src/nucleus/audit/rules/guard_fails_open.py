"""A hook that should stop something lets it through when it fails.

## Why

Clients stop a call only for the status that they document (2 in Claude Code, Codex and Gemini; a JSON answer in
Cursor). A guard that ends with `|| true`, that runs only `if` its script is there, or that exits with 1, allows
whenever something is wrong with it, and nobody notices that the guard is gone.

## Example

```json
{ "hooks": { "PreToolUse": [{ "matcher": "Bash",
    "hooks": [{ "type": "command", "command": "./guard.sh || true" }] }] } }
```

## Fix

Let the failure count: `./guard.sh || exit 2`. For checks that must hold, do not rely on a hook: use `nucleus hook
install`, whose client answers 2 whenever it can't ask the gate.

## Limits

Scripts behind the hook are not read. Hooks that only report are told apart by their event and their words.
"""

import re
from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("guard-fails-open", "a guard that allows when it fails", Severity.MEDIUM, Confidence.MEDIUM)
_SWALLOWED = re.compile(r"\|\|\s*(?:true|:|exit\s+0|echo\b[^|&;]*)\s*;?\s*(?:fi\s*)?$")
_IF_THERE = re.compile(
    r"\[\s+-[xfer]\s+[^\]]+\]\s*&&[^;]*;\s*exit\s+0\s*$|(?:test|\[)\s+-[xfer]\s[^;&|]*\]?\s*\|\|\s*exit\s+0|command\s+-v\s[^;&|]*\|\|\s*exit\s+0"
)
_WRONG_STATUS = re.compile(r"\bexit\s+1\b")


def check(project: Project) -> Iterator[Finding]:
    """Yield guards whose failure allows."""
    for hook in project.hooks:
        if not hook.guards():
            continue
        text = hook.command.strip()
        if _SWALLOWED.search(text):
            why = "its failure is swallowed"
        elif _IF_THERE.search(text):
            why = "without its script it allows"
        elif _WRONG_STATUS.search(text) and hook.client != "cursor" and not re.search(r"\bexit\s+2\b", text):
            why = "status 1 stops nothing; the client wants 2"
        else:
            continue
        found = (
            edits.replace_inside(hook.source, hook.node, "exit 1", "exit 2")
            if why.startswith("status")
            else edits.replace_inside(hook.source, hook.node, "|| true", "|| exit 2")
        )
        yield RULE.at(
            hook.source,
            hook.node.start,
            hook.node.end,
            f"the {hook.event} guard fails open: {why}",
            subject=f"{hook.event} {hook.matcher}",
            severity=None if hook.means_to_block() else Severity.LOW,
            fix=Fix("let the failure count", found, safe=False) if found else None,
        )
