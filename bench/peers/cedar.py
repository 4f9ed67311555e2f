"""Cedar, through cedarpy: policies and entities parsed once, each request a dict."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

import cedarpy

from bench.peers.rules import DENIALS, QUESTIONS, Judge, Style, expanded, render
from nucleus.kernel.decide import ALLOW, ASK, DENY

NAME: Final = f"Cedar (cedarpy {version('cedarpy')})"
LIMITS: Final = (
    "Cedar answers allow or deny; a question is told from a denial by the numbers of the policies in the diagnostics",
)
_STYLE: Final = Style(
    both="({0} && {1})",
    either="({0} || {1})",
    negated="!({0})",
    equal='(context.{0} == "{1}")',
    greater="(context.{0} > context.{1})",
    flag="context.{0}",
)


def policies() -> str:
    """Return the policy text: denials, then questions, then the permission for all the rest."""
    conditions = [*DENIALS.values(), *(f"not approved and ({text})" for text in QUESTIONS.values())]
    forbidden = [
        f"forbid (principal, action, resource) when {{ {render(expanded(text), _STYLE)} }};" for text in conditions
    ]
    return "\n".join([*forbidden, "permit (principal, action, resource);"])


def prepare(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts: a dict is this language's own input."""
    return facts


def judge() -> Judge:
    """Return the judge."""
    parsed = cedarpy.PolicySet.from_str(policies())
    entities = cedarpy.Entities.from_json_str("[]")
    denials = {f"policy{number}" for number in range(len(DENIALS))}
    constant = {"principal": 'Agent::"main"', "action": 'Action::"call"', "resource": 'Workspace::"here"'}

    def judged(facts: Mapping[str, Any]) -> int:
        answer = cedarpy.is_authorized({**constant, "context": facts}, parsed, entities)
        if answer.allowed:
            return ALLOW
        return ASK if denials.isdisjoint(answer.diagnostics.reasons) else DENY

    return judged
