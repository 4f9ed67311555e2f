"""A tool or resource of an MCP server gives the model's own text back as its result.

## Why

Text that went in as an argument comes back as a result, and results are read with more trust. What a stranger put
into a name or query is repeated as if the server had said it.

## Example

```python
@mcp.resource("notes://{user}")
def notes(user: str) -> str:
    '''Notes of a user.'''
    return f"No notes for {user}"
```

## Fix

Answer with fixed words (`"not found"`), or with structured content that marks the value as data.

## Limits

Python only; every server that echoes an argument in an error message is reported, hence low and for resources only.
"""

import ast
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.taint import dotted, tainted_names, uses

RULE = Rule("tool-reflects-input", "a resource that repeats its input", Severity.LOW, Confidence.LOW)


def check(project: Project) -> Iterator[Finding]:
    """Yield the first return of each resource that holds its argument."""
    for found in project.sources:
        for function in found.functions:
            decorators = [dotted(d.func if isinstance(d, ast.Call) else d) for d in function.decorator_list]
            if not any(name.endswith(("resource", "prompt")) for name in decorators):
                continue
            names = tainted_names(function)
            for node in ast.walk(function):
                if isinstance(node, ast.Return) and isinstance(node.value, ast.JoinedStr) and uses(node.value, names):
                    start, end = found.span(node)
                    yield RULE.at(
                        found.source,
                        start,
                        end,
                        f"'{function.name}' repeats its argument in what it returns",
                        subject=function.name,
                    )
                    break
