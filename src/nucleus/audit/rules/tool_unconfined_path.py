"""A tool of an MCP server opens whatever path the model gives it.

## Why

The model can be told to ask for `../../.ssh/id_rsa` or an absolute path. A directory in the tool's description is
no limit; only a check in its code is.

## Example

```python
@mcp.tool()
def read_file(name: str) -> str:
    '''Read a file of the public directory.'''
    return open(name).read()
```

## Fix

Resolve, then compare: `path = (BASE / name).resolve()` and `path.is_relative_to(BASE)`, or open below a directory
descriptor.

## Limits

Python only. A function that compares a resolved path, or that checks a prefix, counts as confined, whether or not
the check is right.
"""

import ast
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.taint import calls, dotted, tainted_names, uses

RULE = Rule("tool-unconfined-path", "a tool that opens any path", Severity.HIGH, Confidence.MEDIUM)
_OPENS = frozenset(
    {
        "open",
        "os.listdir",
        "os.remove",
        "os.unlink",
        "shutil.rmtree",
        "shutil.copy",
        "shutil.move",
        "io.open",
        "os.scandir",
        "os.walk",
        "aiofiles.open",
        "os.rename",
    }
)
_METHODS = frozenset({"read_text", "read_bytes", "write_text", "write_bytes", "iterdir", "unlink"})
_CHECKS = frozenset(
    {
        "is_relative_to",
        "relative_to",
        "commonpath",
        "commonprefix",
        "secure_filename",
        "safe_join",
        "basename",
        "startswith",
    }
)


def check(project: Project) -> Iterator[Finding]:
    """Yield the first call of each tool that opens a path built from its arguments, without a check."""
    for found in project.sources:
        for function in found.functions:
            names = tainted_names(function)
            if any(
                (isinstance(node, ast.Attribute) and node.attr in _CHECKS)
                or (isinstance(node, ast.Name) and node.id in _CHECKS)
                for node in ast.walk(function)
            ):
                continue
            for call in calls(function):
                name = dotted(call.func)
                method = call.func.attr if isinstance(call.func, ast.Attribute) else ""
                opens = name in _OPENS and bool(call.args) and uses(call.args[0], names)
                opens = opens or (
                    method in _METHODS and isinstance(call.func, ast.Attribute) and uses(call.func.value, names)
                )
                if opens:
                    start, end = found.span(call)
                    yield RULE.at(
                        found.source,
                        start,
                        end,
                        f"tool '{function.name}' opens whatever path the model gives it",
                        subject=f"{function.name} {name or method}",
                    )
                    break
