"""A text holds characters that change the direction in which it is shown.

## Why

With overrides and isolates a line reads as one thing and is another: `deny` can be shown where `allow` is stored, a
comment can hide the line behind it.

## Example

`"allow": ["Bash(git status)"]` with a right-to-left override in the middle.

## Fix

`--fix` takes the controls out. Arabic and Hebrew text does not need them.

## Limits

The plain marks U+200E and U+200F are not reported: they can't reorder what surrounds them.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Edit, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.rules.hidden_characters import FORMS

RULE = Rule("bidirectional-text", "characters that reorder text", Severity.HIGH, Confidence.HIGH)
_BIDI = re.compile("[\u202a-\u202e\u2066-\u2069]")


def check(project: Project) -> Iterator[Finding]:
    """Yield the first directional control of each line."""
    for document in project.of(*FORMS):
        text = document.source.text
        if text.isascii():
            continue
        found = [match.start() for match in _BIDI.finditer(text)]
        every = tuple(Edit(document.source, at, at + 1, "") for at in found)
        lines: set[int] = set()
        for at in found:
            line = document.source.position(at)[0]
            if line not in lines and len(lines) < 5:
                lines.add(line)
                yield RULE.at(
                    document.source,
                    at,
                    at + 1,
                    f"U+{ord(text[at]):04X} shows this line in another order than it is stored",
                    subject=f"U+{ord(text[at]):04X}",
                    fix=Fix("take them out", every, safe=True),
                )
