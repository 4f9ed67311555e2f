"""Runs the rules over a project: order, fingerprints, suppressions, baseline, what is shown.

A rule that raises is a defect of ours. It becomes a finding (``internal-error``,
high), so that the run fails and says so; the other rules still run.
"""

import hashlib
from fnmatch import fnmatchcase
from typing import final

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project
from nucleus.audit.registry import rules
from nucleus.audit.secrets import MIN_LENGTH
from nucleus.audit.settings import Settings
from nucleus.audit.suppress import applied
from nucleus.audit.text import Source, visible
from nucleus.lean import dataclass, field, replace

INTERNAL = Rule("internal-error", "a rule that failed", Severity.HIGH, Confidence.HIGH)


@final
@dataclass(slots=True)
class Result:
    """What a run found: shown, suppressed with a reason, known from a baseline, and how many others persona and confidence hide."""  # noqa: E501  one pattern or table row, one line

    project: Project
    findings: list[Finding] = field(default_factory=list)
    suppressed: list[Finding] = field(default_factory=list)
    known: list[Finding] = field(default_factory=list)
    hidden: int = 0

    def worst(self) -> int:
        """Return the highest severity shown, -1 where nothing is."""
        return max((finding.severity for finding in self.findings), default=-1)


def audit(project: Project, settings: Settings) -> Result:
    """Return the findings of all rules on ``project``."""
    found = [one for one in _all(project) if not _excluded(one, settings)]
    reasons, about = applied(project, found)
    found.extend(about)
    found = _numbered(project, found)
    result = Result(project)
    for index, finding in enumerate(found):
        reason = reasons.get(index, "") or _ignored(finding, settings)
        if reason:
            result.suppressed.append(replace(finding, suppressed=reason))
        elif finding.fingerprint in settings.baseline:
            result.known.append(finding)
        elif finding.persona > settings.persona or finding.confidence < settings.min_confidence:
            result.hidden += 1
        else:
            result.findings.append(finding)
    for some in (result.findings, result.suppressed, result.known):
        some.sort(key=_rank)
    return result


def _rank(finding: Finding) -> tuple[int, int, str, int, str]:
    """Worst first, then surest, then by place."""
    return -finding.severity, -finding.confidence, finding.span.source.path, finding.span.start, finding.rule.id


def _all(project: Project) -> "list[Finding]":
    found: list[Finding] = []
    for rule, check in rules():
        try:
            found.extend(check(project))
        except Exception as error:  # noqa: BLE001  fails closed: the run then has a high finding
            place = project.documents[0].source if project.documents else Source("", "")
            message = f"rule {rule.id} failed ({type(error).__name__}); its findings are missing. Please report this"
            found.append(INTERNAL.at(place, 0, 0, message, subject=rule.id))
    return found


def _excluded(finding: Finding, settings: Settings) -> bool:
    return any(fnmatchcase(finding.span.source.path, pattern) for pattern in settings.exclude)


def _ignored(finding: Finding, settings: Settings) -> str:
    """Return the reason that the settings give for keeping a finding, empty where they give none."""
    path = finding.span.source.path
    return next((one.reason for one in settings.ignore if one.covers(finding.rule.id, path)), "")


def _numbered(project: Project, findings: "list[Finding]") -> "list[Finding]":
    """Give each finding its fingerprint, and take secrets out of its words.

    A fingerprint is made of rule, path, subject and the count of equal ones before it: lines may move.
    """
    hidden = sorted(
        {value for document in project.documents for value in document.source.secrets() if len(value) > 3},
        key=len,
        reverse=True,
    )
    for document in project.documents:
        document.source.mask_all([value for value in hidden if len(value) >= MIN_LENGTH])
    seen: dict[str, int] = {}
    numbered = []
    for finding in findings:
        message = finding.message
        for value in hidden:
            if value in message:
                message = message.replace(value, "*" * 8)
        subject = finding.subject
        for value in hidden:
            subject = subject.replace(value, "")
        key = f"{finding.rule.id}\x00{finding.span.source.path}\x00{subject}"
        count = seen[key] = seen.get(key, -1) + 1
        digest = hashlib.sha256(f"{key}\0{count}".encode("utf-8", "replace")).hexdigest()[:32]
        numbered.append(replace(finding, message=visible(" ".join(message.split())), fingerprint=digest))
    return numbered
