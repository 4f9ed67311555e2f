"""A text that agents read holds characters that people can't see.

## Why

Tag characters and zero-width characters spell sentences that no editor shows and every model reads. There is no
honest use for them in instructions.

## Example

`Follow the style guide.` with forty invisible tag characters behind the full stop.

## Fix

`--fix` takes them out. Then look at who put them in.

## Limits

Joiners inside of emoji and between letters of scripts that need them (Arabic, Indic scripts) are not reported, nor
is a byte order mark at the very start.
"""

import re
from collections.abc import Iterator

from nucleus.audit.model import Confidence, Edit, Finding, Fix, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("hidden-characters", "characters that people can't see", Severity.HIGH, Confidence.HIGH)
_HIDDEN = re.compile(
    "[\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200d\u2060-\u2064\u206a-\u206f\u3164\ufeff\uffa0\ufff9-\ufffb\U0001d173-\U0001d17a\U000e0000-\U000e007f\U000e0100-\U000e01ef]+|[\ufe00-\ufe0f]{2,}|(?:[^\\W\\d_][\ufe00-\ufe0e])+"
)
_JOINER = re.compile("[\u200c\u200d\ufe0f]+$")
FORMS = ("instructions", "prose", "source", "workflow", "config", "policy", "script", "exec-rules", "repository")


def check(project: Project) -> Iterator[Finding]:
    """Yield runs of invisible characters, one finding a run and at most five a file."""
    for document in project.of(*FORMS):
        text = document.source.text
        if text.isascii():
            continue
        runs = [match.span() for match in _HIDDEN.finditer(text) if not _joins(text, *match.span())]
        every = tuple(Edit(document.source, start, end, "") for start, end in runs)
        for start, end in runs[:5]:
            names = sorted({f"U+{ord(char):04X}" for char in text[start:end]})
            long = end - start >= 8 or any(char >= "\U000e0000" for char in text[start:end])
            yield RULE.at(
                document.source,
                start,
                end,
                f"{end - start} invisible character{'s' if end - start > 1 else ''} ({', '.join(names[:4])}) that a model reads and a person does not see",  # noqa: E501  one pattern or table row, one line
                subject=names[0],
                severity=None if long else Severity.LOW,
                fix=Fix("take them out", every, safe=True),
            )


def _joins(text: str, start: int, end: int) -> bool:
    """Whether a run only joins emoji or letters of a script that needs it."""
    if not _JOINER.match(text[start:end]) or end - start > 2:
        return False
    before, after = text[start - 1 : start], text[end : end + 1]
    return (
        bool(before)
        and ord(before) > 0x5FF
        and (not after or ord(after) > 0x5FF or text[start:end] == "\ufe0f" or ord(before) > 0x2000)
    )
