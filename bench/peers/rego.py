"""OPA's language Rego, through regopy (rego-cpp): a bundle compiled once, each input a dict."""

import ast
from collections.abc import Mapping
from importlib.metadata import version
from typing import Any, Final

from regopy import Input, Interpreter

from bench.peers.rules import DENIALS, DERIVED, QUESTIONS, VERDICTS, Judge, terms

NAME: Final = f"OPA's Rego (regopy {version('regopy')})"
LIMITS: Final = (
    "the Open Policy Agent itself is a server; this is its language inside of the caller's process, without a hop",
)


def module() -> str:
    """Return the module: each derived fact is a rule, each alternative of it a body."""
    lines = ["package bench", "import rego.v1"]
    for name, text in DERIVED.items():
        lines += [f"{name} if {{ {body} }}" for body in _bodies(text)]
    lines += [f"denied if {{ {body} }}" for text in DENIALS.values() for body in _bodies(text)]
    lines += [f"asked if {{ {body} }}" for text in QUESTIONS.values() for body in _bodies(text)]
    return "\n".join(
        [
            *lines,
            'default verdict := "allow"',
            'verdict := "deny" if { denied }',
            'else := "ask" if { asked; not input.approved }',
        ]
    )


def _bodies(text: str) -> list[str]:
    tree = ast.parse(text, mode="eval").body
    return ["; ".join(("" if wanted else "not ") + _atom(atom) for wanted, atom in term) for term in terms(tree)]


def _atom(node: ast.expr) -> str:
    match node:
        case ast.Name(name):
            return name if name in DERIVED else f"input.{name}"
        case ast.Compare(ast.Name(left), [ast.Eq()], [ast.Constant(str(value))]):
            return f'input.{left} == "{value}"'
        case ast.Compare(ast.Name(left), [ast.Gt()], [ast.Name(right)]):
            return f"input.{left} > input.{right}"
    raise ValueError(f"not in this language: {ast.dump(node)}")


def prepare(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts: a dict is this language's own input."""
    return facts


def judge() -> Judge:
    """Return the judge."""
    interpreter = Interpreter()
    interpreter.add_module("bench.rego", module())
    bundle = interpreter.build("data.bench.verdict")

    def judged(facts: Mapping[str, Any]) -> int:
        interpreter.set_input(Input(facts))
        answer = interpreter.query_bundle(bundle)
        return VERDICTS[answer.results[0].expressions[0]]

    return judged
