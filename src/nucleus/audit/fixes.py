"""Which edits are made, and what a file looks like afterwards.

Edits of one file are made together, from the end to the start. Of two that
overlap the first (by the order of findings) is made; the other waits for the
next run. After the edits the file must still be read by our own reader with no
new problem: if not, none of them is made.
"""

import difflib
from typing import final

from nucleus.audit import discover
from nucleus.audit.model import Edit, Finding, Fix
from nucleus.audit.project import Document, Project
from nucleus.audit.text import Source
from nucleus.lean import dataclass


@final
@dataclass(frozen=True, slots=True)
class Change:
    """The new text of one file, and what it is for."""

    source: Source
    text: str
    titles: tuple[str, ...]

    def diff(self) -> str:
        """Return a unified diff in which secrets are masked."""
        hidden = self.source.secrets()
        lines = []
        for text in (self.source.text, self.text):
            for value in hidden:
                text = text.replace(value, "*" * len(value))  # noqa: PLW2901  the masked text is what is shown
            lines.append([_line(one) for one in text.splitlines(keepends=True)])
        path = self.source.path
        found = difflib.unified_diff(lines[0], lines[1], f"a/{path}", f"b/{path}")
        return "".join(found)


def _line(text: str) -> str:
    from nucleus.audit.text import visible

    return visible(text.rstrip("\r\n")) + "\n"


def changes(findings: "list[Finding]", project: Project, *, unsafe: bool) -> "list[Change]":
    """Return the new texts that end what can be ended."""
    by_source: dict[Source, list[Fix]] = {}
    for finding in findings:
        if finding.fix is not None and (finding.fix.safe or unsafe):
            by_source.setdefault(finding.span.source, []).append(finding.fix)
    made = []
    for source, some in by_source.items():
        edits, titles = _compatible(source, some)
        text = apply(source.text, edits)
        if text != source.text and _still_reads(project, source, text):
            made.append(Change(source, text, tuple(dict.fromkeys(titles))))
    return made


def _compatible(source: Source, fixes: "list[Fix]") -> "tuple[list[Edit], list[str]]":
    taken: list[Edit] = []
    titles: list[str] = []
    for fix in fixes:
        own = [edit for edit in fix.edits if edit.source is source]
        new = [edit for edit in own if edit not in taken]
        if not any(_overlap(edit, other) for edit in new for other in taken):
            taken.extend(new)
            titles.append(fix.title)
    return taken, titles


def _overlap(a: Edit, b: Edit) -> bool:
    if a.start == a.end and b.start == b.end:
        return a.start == b.start
    return a.start < b.end and b.start < a.end


def apply(text: str, edits: "list[Edit]") -> str:
    """Return ``text`` after edits that do not overlap."""
    for edit in sorted(edits, key=lambda one: (one.start, one.end), reverse=True):
        text = text[: edit.start] + edit.text + text[edit.end :]
    return text


def _still_reads(project: Project, source: Source, text: str) -> bool:
    """Whether the readers have no more problems with the new text than with the old one."""
    document: Document | None = next((one for one in project.documents if one.source is source), None)
    if document is None or document.kind.form not in {
        discover.CONFIG,
        discover.WORKFLOW,
        discover.DEVCONTAINER,
        discover.POLICY,
        discover.COMPOSE,
    }:
        return True
    again = Project(project.root)
    again.add(Source(source.path, text, encoding=source.encoding, bom=source.bom), document.kind)
    return (
        bool(again.documents)
        and len(again.documents[0].problems) <= len(document.problems)
        and bool(again.documents[0].roots) == bool(document.roots)
    )
