"""Order, fingerprints, what is hidden, and a rule that fails."""

from collections.abc import Iterator

import pytest

from nucleus.audit import engine
from nucleus.audit.engine import audit
from nucleus.audit.model import Confidence, Finding, Persona, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.settings import Ignore, Settings
from tests.audit.printed import project_of

FILES = {
    ".claude/settings.json": '{"permissions": {"defaultMode": "bypassPermissions", "deny": ["Bash(rm *)"]}}',
    ".mcp.json": '{"mcpServers": {"x": {"command": "npx", "args": ["-y", "frobnicate"]}}}',
}


def test_the_worst_comes_first() -> None:
    severities = [finding.severity for finding in audit(project_of(FILES), Settings(persona=Persona.AUDITOR)).findings]
    assert severities == sorted(severities, reverse=True)
    assert severities[0] == Severity.HIGH


def test_persona_and_confidence_hide_and_are_counted() -> None:
    everything = audit(project_of(FILES), Settings(persona=Persona.AUDITOR))
    regular = audit(project_of(FILES), Settings())
    sure = audit(project_of(FILES), Settings(persona=Persona.AUDITOR, min_confidence=Confidence.HIGH))
    assert everything.hidden == 0
    assert len(regular.findings) + regular.hidden == len(everything.findings)
    assert all(finding.confidence == Confidence.HIGH for finding in sure.findings)


def test_fingerprints_are_of_one_finding_each() -> None:
    findings = audit(project_of(FILES), Settings(persona=Persona.AUDITOR)).findings
    assert len({finding.fingerprint for finding in findings}) == len(findings)


def test_excluded_paths_and_ignored_rules() -> None:
    project = project_of(FILES)
    node = project.documents[0].root
    assert node is not None
    ignore = Ignore("bypass-mode", ".claude/*", "a test", project.documents[0].source, node)
    result = audit(project, Settings(exclude=(".mcp.json",), ignore=(ignore,)))
    assert result.findings == []
    assert [finding.suppressed for finding in result.suppressed] == ["a test"]


def test_a_rule_that_fails_is_a_finding_and_the_others_still_run(monkeypatch: pytest.MonkeyPatch) -> None:
    """A defect of ours must fail the run, never look like "nothing found"."""
    broken = Rule("broken-rule", "fails", Severity.LOW)

    def fails(project: Project) -> Iterator[Finding]:
        raise ZeroDivisionError(project.root)

    real = list(engine.rules())
    monkeypatch.setattr(engine, "rules", lambda: iter([(broken, fails), *real]))
    findings = audit(project_of(FILES), Settings()).findings
    assert findings[0].rule is engine.INTERNAL or findings[1].rule is engine.INTERNAL
    assert {"internal-error", "bypass-mode", "floating-package"} <= {finding.rule.id for finding in findings}


def test_a_secret_never_gets_into_a_message() -> None:
    files = {".mcp.json": '{"mcpServers": {"x": {"command": "x", "env": {"API_KEY": "hunter2-9f3kd82kQ"}, '}
    files[".mcp.json"] += '"url": "http://tools.example.com/?k=hunter2-9f3kd82kQ"}}}'
    for finding in audit(project_of(files), Settings(persona=Persona.AUDITOR)).findings:
        assert "hunter2" not in finding.message + finding.subject


def test_no_configuration_is_nothing_found() -> None:
    assert audit(project_of({}), Settings()).worst() == -1
