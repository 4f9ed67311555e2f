"""Project settings name a command that the client runs by itself.

## Why

Status lines, key helpers and header helpers run at start and again and again, without a question and outside of the
agent's sandbox. In a file that comes with a repository they are code that runs because somebody opened a directory.

## Example

```json
{ "apiKeyHelper": "./scripts/key.sh" }
```

## Fix

Keep such commands in your user settings, with an absolute path outside of the repository.

## Limits

In a personal file (`settings.local.json`, the home directory) this is as it should be, and not reported.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("project-command-helper", "project settings that run a command", Severity.MEDIUM, Confidence.MEDIUM)


def check(project: Project) -> Iterator[Finding]:
    """Yield helper commands in files of the project."""
    personal = {document.source for document in project.documents if document.is_local()}
    for helper in project.helpers:
        if helper.source not in personal:
            key = helper.event_key or helper.node
            yield RULE.at(
                helper.source,
                key.start,
                helper.node.end,
                f"{helper.event} runs a command for everybody who opens this project, without a question",
                subject=helper.event,
                severity=Severity.LOW if helper.event in {"statusLine", "notify"} else None,
            )
