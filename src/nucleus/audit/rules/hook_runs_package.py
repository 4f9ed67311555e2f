"""A hook runs a package from a registry without an exact version.

## Why

A hook runs by itself at every event, with your authority and outside of the agent's sandbox. `npx name` in it
fetches the newest release each time: an update of that package is code on every machine that has the repository.

## Example

```json
{ "hooks": { "PostToolUse": [{ "hooks": [{ "type": "command", "command": "npx eslint --fix ." }] }] } }
```

## Fix

Add the tool to the project's dependencies and call it from there (`npm exec --no -- eslint`, `uv run --frozen
ruff`), or name an exact version.

## Limits

If the package is installed in the project, `npx` takes that one; this is not looked up, so confidence is medium.
"""

import re
from collections.abc import Iterator

from nucleus.audit import launch
from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("hook-runs-package", "a hook that fetches a package", Severity.MEDIUM, Confidence.MEDIUM)
_CALL = re.compile(r"(?:^|[;&|(\s])((?:npx|bunx|pnpx|uvx|pipx run|pnpm dlx|yarn dlx|npm exec|bun x)\s[^;&|\n)]*)")


def check(project: Project) -> Iterator[Finding]:
    """Yield hooks that launch a registry package whose version floats."""
    for hook in (*project.hooks, *project.helpers):
        for match in _CALL.finditer(hook.command):
            found = launch.launch(launch.split_words(match[1].strip(), hook.node))
            kept = any(word.text() in {"--no", "--no-install", "--offline", "--frozen"} for word in found.options)
            if not found.target or kept or launch.is_local(found.target) or launch.package_version(found) is not None:
                continue
            yield RULE.at(
                hook.source,
                hook.node.start,
                hook.node.end,
                f"the {hook.event} hook runs whatever version of '{found.target}' is newest, by itself",
                subject=f"{hook.event} {found.target}",
            )
