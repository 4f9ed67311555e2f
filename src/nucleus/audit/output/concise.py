"""One line a finding: ``path:line:column: severity rule: message``."""

from nucleus.audit.engine import Result


def render(result: Result) -> str:
    """Return the lines; nothing at all where nothing was found."""
    lines = []
    for finding in result.findings:
        line, column = finding.span.source.position(finding.span.start)
        lines.append(
            f"{finding.span.source.path}:{line}:{column}: {finding.severity.name.lower()} {finding.rule.id}: {finding.message}\n"  # noqa: E501  one pattern or table row, one line
        )
    return "".join(lines)
