"""Casbin, through pycasbin: attributes of an object, rules in order, the first that matches decides."""

from collections.abc import Mapping
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any, Final

import casbin

from bench.peers.rules import DENIALS, QUESTIONS, VERDICTS, Judge, Style, expanded, render

NAME: Final = f"Casbin (pycasbin {version('pycasbin')})"
LIMITS: Final = (
    "Casbin's effects are allow and deny; a question is told from a denial by the rule that enforce_ex names",
    "Casbin names the first rule that matches, not the set of all rules that ask",
)
MODEL: Final = """
[request_definition]
r = f
[policy_definition]
p = name, rule, eft
[policy_effect]
e = priority(p.eft) || deny
[matchers]
m = eval(p.rule)
"""
_STYLE: Final = Style(
    both="({0} && {1})",
    either="({0} || {1})",
    negated="!({0})",
    equal="r.f.{0} == '{1}'",
    greater="r.f.{0} > r.f.{1}",
    flag="r.f.{0}",
)


def prepare(facts: Mapping[str, Any]) -> SimpleNamespace:
    """Return the facts as attributes, outside of the time."""
    return SimpleNamespace(**facts)


def judge() -> Judge:
    """Return the judge."""
    model = casbin.Model()
    model.load_model_from_text(MODEL)
    enforcer = casbin.Enforcer(model)
    for name, text in DENIALS.items():
        enforcer.add_policy(f"deny:{name}", render(expanded(text), _STYLE), "deny")
    for name, text in QUESTIONS.items():
        enforcer.add_policy(f"ask:{name}", render(expanded(f"not approved and ({text})"), _STYLE), "deny")
    enforcer.add_policy("allow:", "1 == 1", "allow")

    def judged(facts: SimpleNamespace) -> int:
        _, explained = enforcer.enforce_ex(facts)
        return VERDICTS[explained[0].partition(":")[0]]

    return judged
