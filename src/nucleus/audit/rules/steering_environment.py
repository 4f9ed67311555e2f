"""An environment entry steers a loader or an interpreter.

## Why

`LD_PRELOAD`, `NODE_OPTIONS`, `PYTHONPATH` and their kind make another program load code that its own files do not
name. In a server's entry that code runs under the server's name; in an agent's settings it runs in every command.

## Example

```json
{ "command": "node", "args": ["server.js"], "env": { "NODE_OPTIONS": "--require ./patch.js" } }
```

## Fix

Install the code as a package of the server, or name it on the command line, where a reviewer sees it.

## Limits

`PYTHONPATH` and `NODE_PATH` are common and harmless with a path of the project: low there. `PATH` is reported only
where a writable or relative directory comes first.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.node import Node
from nucleus.audit.project import Project
from nucleus.audit.text import Source

RULE = Rule("steering-environment", "an environment entry that loads code", Severity.HIGH, Confidence.HIGH)
_STRONG = re.compile(
    r"LD_(?:PRELOAD|LIBRARY_PATH|AUDIT)$|DYLD_\w+$|BASH_ENV$|ENV$|PROMPT_COMMAND$|PYTHONSTARTUP$|PYTHONHOME$|PERL5OPT$|RUBYOPT$|JAVA_TOOL_OPTIONS$|_JAVA_OPTIONS$|GIT_SSH_COMMAND$|GIT_EXTERNAL_DIFF$|GIT_CONFIG(?:_GLOBAL|_SYSTEM|_COUNT)?$|GIT_EXEC_PATH$|NODE_REPL_EXTERNAL_MODULE$|GLIBC_TUNABLES$|EDITOR$|VISUAL$|PAGER$|BROWSER$"
)
_WEAK = re.compile(r"PYTHONPATH$|NODE_PATH$|PERL5LIB$|RUBYLIB$|CLASSPATH$|GOFLAGS$")
_LOADS = re.compile(r"--?(?:r|require|import|loader|experimental-loader)\b|--inspect")
_WRITABLE = re.compile(r"(?:^|[:;])(?:/tmp|/var/tmp|/dev/shm|\.|\.\.)(?:/|:|;|$)|node_modules/\.bin:")


def check(project: Project) -> Iterator[Finding]:
    """Yield entries of server and agent environments that make programs load code."""
    for server in project.servers:
        for key, value in server.env:
            yield from _judge(server.source, key, value, f"server '{server.name}'", server.name)
    for document, root in project.configs():
        for table in (root.get("env"), root.at("shell_environment_policy", "set")):
            for key, value in table.entries() if table is not None else ():
                yield from _judge(document.source, key, value, "the agent's commands", "env")


def _judge(source: Source, key: Node, value: Node, whose: str, subject: str) -> Iterator[Finding]:
    name, text = str(key.value).upper(), str(value.value)
    if name == "NODE_OPTIONS" and _LOADS.search(text):
        severity = Severity.HIGH
    elif name == "PATH" and _WRITABLE.search(text):
        severity = Severity.MEDIUM
    elif _WEAK.match(name):
        severity = Severity.MEDIUM if _WRITABLE.search(text) and not text.startswith(".") else Severity.LOW
    elif _STRONG.match(name) and text not in {"", "none", "cat", "true"}:
        severity = Severity.LOW if name in {"EDITOR", "VISUAL", "PAGER", "BROWSER"} else Severity.HIGH
    else:
        return
    yield RULE.at(
        source,
        key.start,
        key.end,
        f"{key.value} makes {whose} load code that no command line names",
        subject=f"{subject} {name}",
        severity=severity,
    )
