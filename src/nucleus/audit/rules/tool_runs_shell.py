"""A tool of an MCP server runs text that the model gives it.

## Why

Arguments come from a model, and the model repeats what it read. `shell=True`, `os.system`, `eval` and `exec` on
them are remote code execution for whoever wrote the page, issue or file that the model saw.

## Example

```python
@mcp.tool()
def ping(host: str) -> str:
    '''Ping a host.'''
    return subprocess.check_output(f"ping -c1 {host}", shell=True, text=True)
```

## Fix

A list of words without a shell (`["ping", "-c1", "--", host]`), and a check of the value. No `eval` at all.

## Limits

In Python a value is followed through names of the same function and f-strings, not through other functions. In
JavaScript and TypeScript only the form of the call is looked at.
"""

import ast
import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.sources import ServerSource
from nucleus.audit.taint import calls, dotted, tainted_names, uses

RULE = Rule("tool-runs-shell", "a tool that runs the model's text", Severity.HIGH, Confidence.HIGH)
_ALWAYS = frozenset(
    {
        "os.system",
        "os.popen",
        "eval",
        "exec",
        "subprocess.getoutput",
        "subprocess.getstatusoutput",
        "asyncio.create_subprocess_shell",
        "commands.getoutput",
        "pickle.loads",
        "compile",
    }
)
_WITH_SHELL = frozenset(
    {
        "subprocess.run",
        "subprocess.call",
        "subprocess.check_output",
        "subprocess.check_call",
        "subprocess.Popen",
        "run",
        "Popen",
        "check_output",
    }
)


_SCRIPT = re.compile(
    r"\b(?:execSync|exec|execAsync|execPromise|spawnSync|spawn)\(\s*(?:`[^`]*\$\{[^`]*`|[\"'][^\"'\n]*[\"']\s*\+|[^,()\n]*shell:\s*true)"
    r"|\b(?:eval|new Function)\(\s*(?![\"'`)])[a-zA-Z_][\w.]*\s*\)"
)


def check(project: Project) -> Iterator[Finding]:
    """Yield calls that run a tool's argument as program text."""
    for found in project.sources:
        if found.tree is None:
            yield from _script(found)
        for function in found.functions:
            names = tainted_names(function)
            for call in calls(function):
                name = dotted(call.func)
                shell = any(
                    k.arg == "shell" and isinstance(k.value, ast.Constant) and k.value.value is True
                    for k in call.keywords
                )
                dangerous = name in _ALWAYS or (name in _WITH_SHELL and shell)
                program = (
                    name in _WITH_SHELL
                    and not shell
                    and bool(call.args)
                    and isinstance(call.args[0], ast.Name | ast.Call)
                    and uses(call.args[0], names)
                )
                if (dangerous and any(uses(argument, names) for argument in call.args)) or program:
                    start, end = found.span(call)
                    yield RULE.at(
                        found.source,
                        start,
                        end,
                        f"tool '{function.name}' runs what the model gives it: {name}"
                        + (" with a shell" if shell else ""),
                        subject=f"{function.name} {name}",
                        severity=Severity.MEDIUM if program and not dangerous else None,
                    )


def _script(found: ServerSource) -> Iterator[Finding]:
    """Yield commands that a script builds from parts, and evaluated names."""
    for match in _SCRIPT.finditer(found.source.text):
        message = "a command is built from parts and run as program text; arguments of a tool can be among them"
        yield RULE.at(
            found.source,
            *match.span(),
            message,
            subject=match[0][:40],
            severity=Severity.MEDIUM,
            confidence=Confidence.MEDIUM,
        )
