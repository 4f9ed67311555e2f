"""SARIF 2.1.0: regions, stable fingerprints, help of each rule, fixes, and suppressions kept.

Source: OASIS SARIF 2.1.0, sections 3.14 to 3.58.
"""

import json
from typing import Any
from urllib.parse import quote

from nucleus.audit import suppress
from nucleus.audit.engine import INTERNAL, Result
from nucleus.audit.model import Confidence, Finding, Rule, Severity, Span
from nucleus.audit.registry import page, rules

_LEVELS = {Severity.HIGH: "error", Severity.MEDIUM: "warning", Severity.LOW: "note", Severity.INFO: "note"}
_SCORES = {Severity.HIGH: "8.0", Severity.MEDIUM: "5.5", Severity.LOW: "3.0", Severity.INFO: "1.0"}
_PRECISION = {Confidence.HIGH: "high", Confidence.MEDIUM: "medium", Confidence.LOW: "low"}
SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"


def render(result: Result, version: str) -> str:
    """Return one SARIF log."""
    known = [rule for rule, _ in rules()] + [suppress.WITHOUT_REASON, suppress.UNUSED, INTERNAL]
    order = {rule.id: index for index, rule in enumerate(known)}
    everything = [*result.findings, *result.suppressed, *result.known]
    run = {
        "tool": {"driver": {"name": "nucleus audit", "version": version, "rules": [_rule(rule) for rule in known]}},
        "columnKind": "unicodeCodePoints",
        "results": [_result(finding, order) for finding in everything],
        "invocations": [{"executionSuccessful": not any(f.rule is INTERNAL for f in everything)}],
    }
    known_prints = {finding.fingerprint for finding in result.known}
    results: Any = run["results"]
    for one in results:
        one["baselineState"] = "unchanged" if one["partialFingerprints"]["nucleusAudit/v1"] in known_prints else "new"
    return json.dumps({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(rule: Rule) -> "dict[str, Any]":
    try:
        text = page(rule.id)
    except KeyError:
        text = f"# {rule.id}\n\n{rule.title}\n"
    return {
        "id": rule.id,
        "name": "".join(part.capitalize() for part in rule.id.split("-")),
        "shortDescription": {"text": rule.title},
        "help": {"text": text, "markdown": text},
        "defaultConfiguration": {"level": _LEVELS[rule.severity]},
        "properties": {
            "tags": ["security", "agents"],
            "precision": _PRECISION[rule.confidence],
            "security-severity": _SCORES[rule.severity],
        },
    }


def _result(finding: Finding, order: "dict[str, int]") -> "dict[str, Any]":
    found: dict[str, Any] = {
        "ruleId": finding.rule.id,
        "ruleIndex": order[finding.rule.id],
        "level": _LEVELS[finding.severity],
        "message": {"text": finding.message},
        "locations": [_location(finding.span)],
        "partialFingerprints": {"nucleusAudit/v1": finding.fingerprint},
        "properties": {"confidence": finding.confidence.name.lower(), "persona": finding.persona.name.lower()},
    }
    if finding.notes:
        found["relatedLocations"] = [{**_location(note.span), "message": {"text": note.text}} for note in finding.notes]
    if finding.fix is not None:
        found["fixes"] = [{"description": {"text": finding.fix.title}, "artifactChanges": _changes(finding)}]
    if finding.suppressed:
        found["suppressions"] = [{"kind": "inSource", "status": "accepted", "justification": finding.suppressed}]
    return found


def _location(span: Span) -> "dict[str, Any]":
    return {"physicalLocation": {"artifactLocation": {"uri": _uri(span.source.path)}, "region": _region(span)}}


def _region(span: Span) -> "dict[str, int]":
    line, column = span.source.position(span.start)
    end_line, end_column = span.source.position(span.end)
    return {"startLine": line, "startColumn": column, "endLine": end_line, "endColumn": end_column}


def _uri(path: str) -> str:
    return (
        "file://" + quote(path)
        if path.startswith("/")
        else quote(path.replace("~/", "home/") if path.startswith("~/") else path)
    )


def _changes(finding: Finding) -> "list[dict[str, Any]]":
    changes: dict[str, list[dict[str, Any]]] = {}
    for edit in finding.fix.edits if finding.fix is not None else ():
        region = _region(Span(edit.source, edit.start, edit.end))
        changes.setdefault(edit.source.path, []).append(
            {"deletedRegion": region, "insertedContent": {"text": edit.text}}
        )
    return [{"artifactLocation": {"uri": _uri(path)}, "replacements": some} for path, some in changes.items()]
