"""The list of allowed commands holds answers that were meant for one moment.

## Why

"Yes, and don't ask again" writes the exact command into the file. Hundreds of them hide the few rules that matter,
carry paths and sometimes tokens into the repository, and a fragment such as `done` or `then` can match what nobody
had in mind.

## Example

```json
{ "permissions": { "allow": ["Bash(kill 48213)", "Bash(for f in *.py; do echo $f; done)"] } }
```

## Fix

Keep the rules that you would write again; `--fix` takes out the ones that are plainly left over. Keep
`settings.local.json` out of the repository.

## Limits

Left over is judged by form: process numbers, shell fragments, inline programs, long one-off command lines.
"""

import re
from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.permissions import ALLOW, SHELL, Grant
from nucleus.audit.project import Project

RULE = Rule("approval-residue", "one-time answers kept as rules", Severity.LOW, Confidence.MEDIUM)
_FRAGMENTS = frozenset(
    {
        "do",
        "done",
        "then",
        "else",
        "fi",
        "esac",
        "break",
        "continue",
        "}",
        "{",
        "true",
        "false",
        "in",
        "if",
        "for",
        "while",
        "do echo",
    }
)
_LONG = 120
"""Characters beyond which a rule without a wildcard is taken for one command, typed once."""


def is_residue(grant: Grant) -> bool:
    """Whether a shell rule can only have been meant once."""
    if grant.action != ALLOW or grant.tool != SHELL or not grant.spec:
        return False
    words = grant.words()
    text = grant.spec
    if words and words[0] in _FRAGMENTS and grant.verb() in _FRAGMENTS:
        return True
    if re.match(r"(?:kill|taskkill)\b.*\b\d{3,}\b", text) or re.search(r"\bPID[= ]?\$?!?\d*", text):
        return True
    if grant.open_ended() and not re.search(r"-[ce] '? ?\*$", text):
        return False
    inline = re.search(r"\b(?:python3?|node|ruby|perl)\s+-[ce]\b|<<\s*['\"]?EOF|\bSELECT\b|\$\(", text)
    return (
        len(text) > _LONG
        or inline is not None
        or bool(re.search(r"/tmp/|\\\\Temp\\\\|\bTEMP_", text))  # noqa: S108  searched for, not used
        or text.count("\n") > 0
    )


def check(project: Project) -> Iterator[Finding]:
    """Yield one finding for each list that holds such rules, at the first of them."""
    for source, grants in project.grants_by_source().items():
        left = [grant for grant in grants if grant.listed is not None and is_residue(grant)]
        if not left:
            continue
        first = left[0]
        found = [
            edit
            for listed in dict.fromkeys(g.listed for g in left if g.listed is not None)
            for edit in edits.remove_elements(source, listed, [g.node for g in left])
        ]
        count = "one allowed command was" if len(left) == 1 else f"{len(left)} allowed commands were"
        yield RULE.at(
            source,
            first.node.start,
            first.node.end,
            f"{count} an answer to one question, not a rule",
            subject=str(len(left)),
            fix=Fix("take out one-time answers", tuple(found), safe=True) if found else None,
        )
