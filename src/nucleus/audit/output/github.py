"""Workflow commands of GitHub Actions: annotations on the lines of a pull request.

Source: the page on workflow commands of the GitHub documentation.
"""

from nucleus.audit.engine import Result
from nucleus.audit.model import Severity

_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "notice", Severity.INFO: "notice"}


def render(result: Result) -> str:
    """Return one command a finding."""
    lines = []
    for finding in result.findings:
        span = finding.span
        line, column = span.source.position(span.start)
        end_line, end_column = span.source.position(span.end)
        place = f"file={_property(span.source.path)},line={line},col={column},endLine={end_line}"
        if end_line == line:
            place += f",endColumn={end_column}"
        level = _LEVELS[finding.severity]
        lines.append(f"::{level} {place},title={_property(finding.rule.id)}::{_data(finding.message)}\n")
    return "".join(lines)


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
