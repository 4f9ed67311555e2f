"""Markdown for one comment on a pull request, found again by its first line."""

from nucleus.audit.engine import Result
from nucleus.audit.model import Finding, Severity
from nucleus.audit.output.text import summary

MARKER = "<!-- nucleus audit -->"
_ESCAPED = {ord(char): f"&#{ord(char)};" for char in "\\`*_{}[]()#+!|~<>@"}
LIMIT = 50
"""Findings in the table; a comment has a size limit, and nobody reads more."""
_ICONS = {Severity.HIGH: "high", Severity.MEDIUM: "medium", Severity.LOW: "low", Severity.INFO: "info"}


def render(result: Result) -> str:
    """Return the comment: a summary, a table, and how to go on."""
    lines = [MARKER, "### nucleus audit", "", _cell(summary(result)) + ".", ""]
    if result.findings:
        lines += ["| severity | rule | place | what |", "|---|---|---|---|"]
        lines += [_row(finding) for finding in result.findings[:LIMIT]]
        if len(result.findings) > LIMIT:
            lines += ["", f"{len(result.findings) - LIMIT} more are in the log."]
        lines += ["", "`nucleus audit --explain RULE` says why, and what to do."]
    return "\n".join(lines) + "\n"


def _row(finding: Finding) -> str:
    line, _ = finding.span.source.position(finding.span.start)
    place = f"{finding.span.source.path}:{line}"
    return f"| {_ICONS[finding.severity]} | `{finding.rule.id}` | `{_code(place)}` | {_cell(finding.message)} |"


def _cell(text: str) -> str:
    """Return text that no Markdown or HTML in it can leave the cell: messages quote configuration files."""
    return text.translate(_ESCAPED).replace("://", ":&#47;/")


def _code(text: str) -> str:
    return text.replace("`", "'").replace("|", "&#124;")
