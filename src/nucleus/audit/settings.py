"""What a run is asked for, and what the ``[audit]`` table of ``nucleus.toml`` adds.

The command line goes before the file, the file before the defaults. The table
is closed: an unknown key or value is an error with its line, never ignored.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import TypeVar, final

from nucleus.audit.model import Confidence, Persona, Severity
from nucleus.audit.node import STRING, Node
from nucleus.audit.text import Source
from nucleus.errors import PolicyError
from nucleus.lean import dataclass, field, replace

T = TypeVar("T")
NEVER = 99
"""As ``fail_on``: no finding fails the run."""
SEVERITIES = {"info": Severity.INFO, "low": Severity.LOW, "medium": Severity.MEDIUM, "high": Severity.HIGH}
CONFIDENCES = {"low": Confidence.LOW, "medium": Confidence.MEDIUM, "high": Confidence.HIGH}
PERSONAS = {"regular": Persona.REGULAR, "pedantic": Persona.PEDANTIC, "auditor": Persona.AUDITOR}
FAIL_ON = {**SEVERITIES, "never": NEVER}
KEYS = ("persona", "min_confidence", "fail_on", "exclude", "ignore")
IGNORE_KEYS = ("rule", "path", "reason")


@final
@dataclass(frozen=True, slots=True)
class Ignore:
    """Findings of one rule that somebody decided to keep, and why."""

    rule: str
    path: str
    reason: str
    source: Source
    node: Node

    def covers(self, rule: str, path: str) -> bool:
        """Whether a finding of ``rule`` in ``path`` is meant."""
        return rule == self.rule and (not self.path or fnmatchcase(path, self.path))


@final
@dataclass(frozen=True, slots=True)
class Settings:
    """What is shown, and from what severity on the run fails."""

    persona: Persona = Persona.REGULAR
    min_confidence: Confidence = Confidence.LOW
    fail_on: int = Severity.LOW
    exclude: tuple[str, ...] = ()
    ignore: tuple[Ignore, ...] = ()
    baseline: frozenset[str] = field(default_factory=frozenset)


def from_policy(source: Source, root: Node, settings: Settings) -> Settings:
    """Return ``settings`` with what the ``[audit]`` table of a policy says. Raises PolicyError."""
    table = root.get("audit")
    if table is None:
        return settings
    for key, value in table.entries():
        name = str(key.value)
        if name == "persona":
            settings = replace(settings, persona=_choice(source, value, PERSONAS, name))
        elif name == "min_confidence":
            settings = replace(settings, min_confidence=_choice(source, value, CONFIDENCES, name))
        elif name == "fail_on":
            settings = replace(settings, fail_on=_choice(source, value, FAIL_ON, name))
        elif name == "exclude":
            settings = replace(settings, exclude=tuple(node.text() for node in value.strings()))
        elif name == "ignore":
            settings = replace(settings, ignore=tuple(_ignore(source, one) for one in value.elements()))
        else:
            raise _error(source, key, f"unknown key {name!r} in [audit]", f"one of {', '.join(KEYS)}")
    return settings


def _ignore(source: Source, node: Node) -> Ignore:
    from nucleus.audit.registry import rule_ids

    for key, _ in node.entries():
        if key.value not in IGNORE_KEYS:
            raise _error(
                source, key, f"unknown key {key.value!r} in [[audit.ignore]]", f"one of {', '.join(IGNORE_KEYS)}"
            )
    rule, path, reason = (node.get(name) for name in IGNORE_KEYS)
    if rule is None or rule.text() not in rule_ids():
        raise _error(source, rule or node, "[[audit.ignore]] names no rule", "nucleus audit --list-rules")
    if reason is None or not reason.text().strip():
        raise _error(source, node, f"{rule.text()} is ignored without a reason", 'add reason = "..."')
    return Ignore(rule.text(), path.text() if path is not None else "", reason.text(), source, node)


def _choice(source: Source, node: Node, choices: "Mapping[str, T]", name: str) -> T:
    if node.kind != STRING or node.text() not in choices:
        raise _error(source, node, f"{name} in [audit] is none of {', '.join(choices)}", "")
    return choices[node.text()]


def _error(source: Source, node: Node, message: str, fix: str) -> PolicyError:
    return PolicyError(message, path=source.path, line=source.position(node.start)[0], fix=fix)
