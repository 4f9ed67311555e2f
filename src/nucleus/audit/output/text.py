"""For a terminal: rule and message, the source line with a caret, notes, what to do, a summary."""

from nucleus.audit.engine import Result
from nucleus.audit.model import Finding, Severity, Span
from nucleus.audit.text import Source

_COLORS = {Severity.INFO: "36", Severity.LOW: "36", Severity.MEDIUM: "33", Severity.HIGH: "31"}
WIDTH = 120
"""Characters of a source line that are shown around the place, on a terminal and when piped."""


def render(result: Result, *, color: bool = False) -> str:
    """Return the report. Nothing in it depends on the width of a terminal."""
    return "\n".join([*blocks(result, color=color), summary(result)]) + "\n"


def blocks(result: Result, *, color: bool = False) -> "list[str]":
    """Return the findings, one block each."""
    return [_finding(finding, color=color) for finding in result.findings]


def summary(result: Result) -> str:
    """Return the last line: counts, and what was not shown and why."""
    counts = {severity: sum(f.severity == severity for f in result.findings) for severity in reversed(Severity)}
    files = len(result.project.documents)
    said = ", ".join(f"{count} {severity.name.lower()}" for severity, count in counts.items() if count)
    total = len(result.findings)
    head = f"{total} finding{'s' if total != 1 else ''} ({said})" if total else "nothing found"
    parts = [f"{head} in {files} file{'s' if files != 1 else ''}"]
    if result.suppressed:
        parts.append(f"{len(result.suppressed)} suppressed")
    if result.known:
        parts.append(f"{len(result.known)} in the baseline")
    if result.hidden:
        parts.append(f"{result.hidden} not shown (--persona auditor shows all)")
    fixable = sum(f.fix is not None and f.fix.safe for f in result.findings)
    if fixable:
        parts.append(f"{fixable} fixable with --fix")
    if not files:
        return "no agent configuration found"
    return "; ".join(parts)


def _finding(finding: Finding, *, color: bool) -> str:
    name = finding.severity.name.lower()
    head = f"{_paint(f'{name}[{finding.rule.id}]', _COLORS[finding.severity], color=color)}: {finding.message}"
    lines = [head, *excerpt(finding.span, color=color, code=_COLORS[finding.severity])]
    for note in finding.notes:
        line, column = note.span.source.position(note.span.start)
        lines.append(f"  = and: {note.span.source.path}:{line}:{column}: {note.text}")
    if finding.fix is not None:
        how = "--fix" if finding.fix.safe else "--fix --unsafe-fixes"
        lines.append(f"  = fix: {finding.fix.title} ({how})")
    return "\n".join(lines) + "\n"


def excerpt(span: Span, *, color: bool = False, code: str = "31") -> "list[str]":
    """Return the place and its line with a caret; secrets and control characters are replaced."""
    source: Source = span.source
    line, column = source.position(span.start)
    start, end = source.line_span(line)
    place = f" --> {source.path}:{line}:{column}"
    if start == end:
        return [place]
    low = max(start, span.start - WIDTH // 2) if end - start > WIDTH else start
    high = min(end, low + WIDTH)
    shown = source.shown(low, high).replace("\t", " ")
    before, after = "..." if low > start else "", "..." if high < end else ""
    width = max(1, min(span.end, high) - span.start)
    number = str(line)
    gutter = " " * len(number)
    caret = " " * (len(before) + span.start - low) + _paint("^" * width, code, color=color)
    return [place, f"{gutter} |", f"{number} | {before}{shown}{after}", f"{gutter} | {caret}"]


def _paint(text: str, code: str, *, color: bool) -> str:
    return f"\x1b[1;{code}m{text}\x1b[0m" if color else text
