"""Suppressions in the files themselves: ``nucleus: ignore[rule] because REASON``.

The words count for findings on their own line and on the next. They may stand
in a comment, or in JSON without comments in a key such as ``"//"``. Without a
reason nothing is suppressed, and that is a finding.
"""

import re
from typing import final

from nucleus.audit.model import Confidence, Finding, Persona, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.text import Source
from nucleus.lean import dataclass

WITHOUT_REASON = Rule("suppression-without-reason", "a suppression without a reason", Severity.MEDIUM, Confidence.HIGH)
UNUSED = Rule("unused-suppression", "a suppression of nothing", Severity.INFO, Confidence.HIGH, Persona.PEDANTIC)
_MARK = re.compile(
    r"nucleus:[ \t]*ignore\[([\w, -]*)\](?:[ \t]+because[ \t]+([^\r\n\"]*?))?(?=[ \t]*(?:\*/|-->|\"|$|\r))",
    re.MULTILINE,
)


@final
@dataclass(frozen=True, slots=True)
class Suppression:
    """One set of rules that somebody decided to live with at one place."""

    source: Source
    start: int
    end: int
    line: int
    rules: tuple[str, ...]
    reason: str


def suppressions_of(source: Source) -> "list[Suppression]":
    """Return the suppressions of a text."""
    if "nucleus:" not in source.text:
        return []
    found = []
    for match in _MARK.finditer(source.text):
        rules = tuple(name.strip() for name in match[1].split(",") if name.strip())
        found.append(
            Suppression(source, *match.span(), source.position(match.start())[0], rules, (match[2] or "").strip())
        )
    return found


def applied(project: Project, findings: "list[Finding]") -> "tuple[dict[int, str], list[Finding]]":
    """Return the reason for each suppressed finding, by its index, and findings about the suppressions."""
    reasons: dict[int, str] = {}
    about: list[Finding] = []
    for document in project.documents:
        for one in suppressions_of(document.source):
            if not one.rules or not one.reason:
                message = "this suppresses nothing: write nucleus: ignore[rule] because REASON"
                about.append(WITHOUT_REASON.at(one.source, one.start, one.end, message, subject=",".join(one.rules)))
                continue
            used = False
            for index, finding in enumerate(findings):
                if finding.span.source is one.source and finding.rule.id in one.rules:
                    line = one.source.position(finding.span.start)[0]
                    if line in {one.line, one.line + 1}:
                        reasons[index] = one.reason
                        used = True
            if not used:
                about.append(
                    UNUSED.at(
                        one.source,
                        one.start,
                        one.end,
                        f"nothing here is a finding of {', '.join(one.rules)}",
                        subject=",".join(one.rules),
                    )
                )
    return reasons, about
