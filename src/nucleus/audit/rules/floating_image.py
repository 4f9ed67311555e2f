"""A container image is named by a tag, or by nothing, instead of by its digest.

## Why

A tag can be moved. The next start pulls other code under the same name.

## Example

```json
{ "command": "docker", "args": ["run", "-i", "--rm", "example/mcp-server:latest"] }
```

## Fix

`example/mcp-server@sha256:...`, from `docker buildx imagetools inspect NAME` or your registry's page.

## Limits

Images built on the same machine have no registry digest; a name without a slash is reported to the pedantic persona
only.
"""

from collections.abc import Iterator

from nucleus.audit.launch import has_digest
from nucleus.audit.model import Confidence, Finding, Persona, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("floating-image", "an image without a digest", Severity.LOW, Confidence.HIGH)


def check(project: Project) -> Iterator[Finding]:
    """Yield containers whose image is not named by its content."""
    for container in project.containers:
        image = container.image
        if image is None or not image.text() or has_digest(image.text()) or "${" in image.text():
            continue
        local = "/" not in image.text()
        yield RULE.at(
            container.source,
            image.start,
            image.end,
            f"'{image.text()}' can be another image tomorrow; name it by digest: @sha256:...",
            subject=f"{container.name} {image.text()}",
            persona=Persona.PEDANTIC if local else None,
        )
