"""JSON, version 1: everything that a program needs to know of a run. Fields are only ever added."""

import json
from typing import Any

from nucleus.audit.engine import Result
from nucleus.audit.model import Finding, Fix, Span

VERSION = 1


def render(result: Result) -> str:
    """Return one JSON object and a line end."""
    return json.dumps(as_object(result), indent=2, ensure_ascii=True) + "\n"


def as_object(result: Result) -> "dict[str, Any]":
    """Return the report as plain data."""
    project = result.project
    return {
        "version": VERSION,
        "findings": [_finding(one, "shown") for one in result.findings]
        + [_finding(one, "suppressed") for one in result.suppressed]
        + [_finding(one, "baseline") for one in result.known],
        "files": [{"path": d.path, "client": d.kind.client, "kind": d.kind.form} for d in project.documents],
        "skipped": [{"path": path, "reason": reason} for path, reason in project.skipped],
        "summary": {
            "files": len(project.documents),
            "shown": len(result.findings),
            "suppressed": len(result.suppressed),
            "baseline": len(result.known),
            "hidden": result.hidden,
        },
    }


def _finding(finding: Finding, status: str) -> "dict[str, Any]":
    return {
        "rule": finding.rule.id,
        "severity": finding.severity.name.lower(),
        "confidence": finding.confidence.name.lower(),
        "persona": finding.persona.name.lower(),
        "message": finding.message,
        "location": _place(finding.span),
        "related": [{"message": note.text, "location": _place(note.span)} for note in finding.notes],
        "fix": _fix(finding.fix),
        "fingerprint": finding.fingerprint,
        "status": status,
        "reason": finding.suppressed or None,
    }


def _place(span: Span) -> "dict[str, Any]":
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"path": span.source.path, "line": line, "column": column, "end_line": end_line, "end_column": end_column}


def _fix(fix: Fix | None) -> "dict[str, Any] | None":
    if fix is None:
        return None
    edits = [{**_place(Span(e.source, e.start, e.end)), "text": e.text} for e in fix.edits]
    return {"title": fix.title, "safe": fix.safe, "edits": edits}
