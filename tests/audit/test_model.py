"""Findings are made by their rule; what is not said is as the rule says."""

from nucleus.audit.model import Confidence, Persona, Rule, Severity
from nucleus.audit.text import Source

RULE = Rule("some-rule", "a title", Severity.MEDIUM)


def test_a_finding_has_what_its_rule_says() -> None:
    finding = RULE.at(Source("a", "text"), 1, 3, "message")
    assert (finding.severity, finding.confidence, finding.persona) == (
        Severity.MEDIUM,
        Confidence.HIGH,
        Persona.REGULAR,
    )


def test_what_is_said_goes_before_it_also_where_it_is_zero() -> None:
    finding = RULE.at(Source("a", "text"), 1, 3, "message", severity=Severity.INFO, confidence=Confidence.LOW)
    assert (finding.severity, finding.confidence) == (Severity.INFO, Confidence.LOW)


def test_a_span_never_ends_before_it_starts() -> None:
    finding = RULE.at(Source("a", "text"), 3, 1, "message")
    assert (finding.span.start, finding.span.end) == (3, 3)


def test_personas_and_severities_are_ordered() -> None:
    assert Severity.INFO < Severity.LOW < Severity.MEDIUM < Severity.HIGH
    assert Persona.REGULAR < Persona.PEDANTIC < Persona.AUDITOR
