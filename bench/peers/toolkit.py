"""The Agent Governance Toolkit: its declarative policy evaluator, from agent-os-kernel."""

from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from agent_os.policies import PolicyEvaluator
from agent_os.policies.schema import PolicyAction, PolicyCondition, PolicyDocument, PolicyOperator, PolicyRule

from bench.peers.rules import DENIALS, QUESTIONS, Judge, Style, expanded, render
from nucleus.kernel.decide import ALLOW, ASK, DENY

NAME: Final = f"Agent Governance Toolkit (agent-os-kernel {version('agent-os-kernel')})"
LIMITS: Final = (
    "a condition of the toolkit looks at one field, so all facts stand in one text and each rule is a pattern over it",
    "the toolkit compares a field with a constant only, so whether the cost exceeds the budget is worked out for it",
    "it has no question; a rule that asks blocks, and the first rule that matches is named, not the set",
)
_STYLE: Final = Style(
    both="{0}{1}",
    either="(?:{0}|{1})",
    negated="(?!{0})",
    equal="(?=.* {0}={1} )",
    greater="(?=.* {0}>{1} )",
    flag="(?=.* {0} )",
)
_ANSWERS: Final = {"deny": DENY, "block": ASK, "allow": ALLOW}


def prepare(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts as one text, outside of the time: `` name `` for a true flag, `` name=value `` for a word."""
    words = [name if value is True else f"{name}={value}" for name, value in facts.items() if value is not False]
    if facts["cost"] > facts["budget"]:
        words.append("cost>budget")
    return {"facts": "  ".join(["", *words, ""])}


def judge() -> Judge:
    """Return the judge."""
    chosen = [(text, PolicyAction.DENY) for text in DENIALS.values()]
    chosen += [(f"not approved and ({text})", PolicyAction.BLOCK) for text in QUESTIONS.values()]
    rules = [
        PolicyRule(
            name=text,
            condition=PolicyCondition(
                field="facts", operator=PolicyOperator.MATCHES, value="^" + render(expanded(text), _STYLE)
            ),
            action=action,
            priority=100 - number,
        )
        for number, (text, action) in enumerate(chosen)
    ]
    evaluator = PolicyEvaluator(policies=[PolicyDocument(name="bench", rules=rules)])

    def judged(facts: Mapping[str, Any]) -> int:
        return _ANSWERS[evaluator.evaluate(facts).action]

    return judged
