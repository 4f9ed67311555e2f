"""Files that control agents can be changed without their owners' review.

## Why

A pull request that edits `.mcp.json`, hooks, instructions or the policy changes what every agent of the team does.
CODEOWNERS makes somebody look who knows that.

## Example

```text
/src/   @team/backend
```

and `.claude/settings.json` in the repository.

## Fix

```text
/.claude/        @team/security
/.mcp.json       @team/security
/nucleus.toml    @team/security
```

## Limits

Without any CODEOWNERS file it speaks once, to the pedantic persona. Whether the code host requires its review is
`repository-unprotected`.
"""

import re
from collections.abc import Iterator
from fnmatch import fnmatchcase

from nucleus.audit.model import Confidence, Finding, Persona, Rule, Severity
from nucleus.audit.project import Document, Project

RULE = Rule("control-files-without-owners", "control files without code owners", Severity.LOW, Confidence.HIGH)
_CONTROL_FORMS = frozenset({"config", "instructions", "policy", "workflow", "exec-rules", "devcontainer"})


def owned(patterns: "list[tuple[str, bool]]", path: str) -> bool:
    """Whether the last CODEOWNERS pattern that matches ``path`` names somebody."""
    found = False
    for pattern, names in patterns:
        anchored = "/" in pattern.rstrip("/")
        plain = pattern.strip("/")
        candidates = [path] if anchored else [path, *path.split("/")]
        matches = any(fnmatchcase(one, plain) for one in candidates) or plain == "*"
        folder = (
            path.startswith(plain.rstrip("*") + "/") or plain.rstrip("/*") + "/" in path + "/"
            if not anchored
            else path.startswith(plain.rstrip("*").rstrip("/") + "/")
        )
        if matches or folder:
            found = names
    return found


def patterns_of(document: Document) -> "list[tuple[str, bool]]":
    """Return the patterns of a CODEOWNERS file, and whether each names an owner."""
    found = []
    for line in document.source.text.splitlines():
        words = line.split("#", 1)[0].split()
        if words:
            found.append((words[0], len(words) > 1))
    return found


def check(project: Project) -> Iterator[Finding]:
    """Yield one finding for each CODEOWNERS file that leaves control files to everybody."""
    if next(project.of("codeowners"), None) is None and (project.root / ".git").exists():
        first = next((one for one in project.of(*sorted(_CONTROL_FORMS)) if not one.user and one.source.text), None)
        if first is not None:
            message = "no CODEOWNERS file asks anybody to review changes of the files that control agents"
            yield RULE.at(
                first.source, 0, first.source.line_span(1)[1], message, subject="none", persona=Persona.PEDANTIC
            )
    for document in project.of("codeowners"):
        base = re.sub(r"(?:\.github/|docs/|\.gitlab/)?[^/]+$", "", document.path)
        patterns = patterns_of(document)
        left = sorted(
            other.path.removeprefix(base)
            for other in project.documents
            if other.kind.form in _CONTROL_FORMS
            and other.path.startswith(base)
            and not other.user
            and not owned(patterns, other.path.removeprefix(base))
        )
        if left:
            more = f" and {len(left) - 2} more" if len(left) > 2 else ""
            yield RULE.at(
                document.source,
                0,
                document.source.line_span(1)[1],
                f"nobody owns {', '.join(left[:2])}{more}",
                subject="owners",
            )
