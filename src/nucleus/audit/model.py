"""What a rule says: a finding, where it stands, how sure it is, and an edit that would end it."""

from enum import IntEnum
from typing import final

from nucleus.audit.text import Source
from nucleus.lean import dataclass, field


class Severity(IntEnum):
    """How bad it is if it is true. ``HIGH`` is error level in every output."""

    INFO = 0
    LOW = 1
    MEDIUM = 2
    HIGH = 3


class Confidence(IntEnum):
    """How sure the rule is that it is true."""

    LOW = 0
    MEDIUM = 1
    HIGH = 2


class Persona(IntEnum):
    """Who wants to hear it. Each persona hears what those before it hear."""

    REGULAR = 0
    PEDANTIC = 1
    AUDITOR = 2


@final
@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source; offsets as in ``Source``."""

    source: Source
    start: int
    end: int


@final
@dataclass(frozen=True, slots=True)
class Edit:
    """Replace ``start`` to ``end`` of ``source`` by ``text``."""

    source: Source
    start: int
    end: int
    text: str


@final
@dataclass(frozen=True, slots=True)
class Fix:
    """Edits that end a finding. ``safe``: nothing that works now stops working."""

    title: str
    edits: tuple[Edit, ...]
    safe: bool


@final
@dataclass(frozen=True, slots=True)
class Note:
    """A second place that belongs to a finding."""

    span: Span
    text: str


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """One answer of one rule."""

    rule: "Rule"
    span: Span
    message: str
    severity: Severity
    confidence: Confidence
    persona: Persona
    subject: str
    """What it is about, in words that stay when lines move: part of the fingerprint. Never a secret."""
    notes: tuple[Note, ...] = ()
    fix: Fix | None = None
    suppressed: str = ""
    """The reason a person gave for keeping it; empty where nobody did."""
    fingerprint: str = field(default="", compare=False)


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """What is fixed about a rule; its page is the docstring of its module."""

    id: str
    title: str
    severity: Severity
    confidence: Confidence = Confidence.HIGH
    persona: Persona = Persona.REGULAR

    def at(  # noqa: PLR0913  each is one independent part of a finding
        self,
        source: Source,
        start: int,
        end: int,
        message: str,
        *,
        subject: str = "",
        severity: Severity | None = None,
        confidence: Confidence | None = None,
        persona: Persona | None = None,
        notes: tuple[Note, ...] = (),
        fix: Fix | None = None,
    ) -> Finding:
        """Return a finding of this rule at a place; what is not said is as the rule says."""
        return Finding(
            self,
            Span(source, start, max(start, end)),
            message,
            self.severity if severity is None else severity,
            self.confidence if confidence is None else confidence,
            self.persona if persona is None else persona,
            subject,
            notes,
            fix,
        )
