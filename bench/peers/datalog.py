"""Biscuit's authorizer, through biscuit-python: policies from a snapshot, one fact for each call."""

from collections.abc import Mapping
from datetime import timedelta
from importlib.metadata import version
from typing import Any, Final

from biscuit_auth import AuthorizationError, AuthorizerBuilder

from bench.peers.rules import DENIALS, QUESTIONS, Judge, Style, expanded, facts_of, render
from nucleus.kernel.decide import ALLOW, ASK, DENY

NAME: Final = f"Biscuit datalog (biscuit-python {version('biscuit-python')})"
LIMITS: Final = (
    "an authorizer judges once, so each call makes one from a snapshot; signatures are not part of this work",
    "policies are tried in order: the first rule that matches is named, not the set of all rules that ask",
)
_STYLE: Final = Style(
    both="({0} && {1})",
    either="({0} || {1})",
    negated="!({0})",
    equal='(${0} == "{1}")',
    greater="(${0} > ${1})",
    flag="${0}",
)


def names() -> list[str]:
    """Return the names of the facts of a call, in the order of the one datalog fact."""
    from bench.cells import mixed

    return list(facts_of(mixed(1)[0]))


def policies() -> str:
    """Return the policies: denials, questions (as permissions with a number of their own), the rest."""
    given = "call(" + ", ".join(f"${name}" for name in names()) + ")"
    denied = [f"deny if {given}, {render(expanded(text), _STYLE)};" for text in DENIALS.values()]
    asked = [
        f"allow if {given}, {render(expanded(f'not approved and ({text})'), _STYLE)};" for text in QUESTIONS.values()
    ]
    return "\n".join([*denied, *asked, "allow if true;"])


def prepare(facts: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the facts: a dict is this language's own input."""
    return facts


def judge() -> Judge:
    """Return the judge."""
    snapshot = AuthorizerBuilder(policies()).raw_snapshot()
    call = "call(" + ", ".join(f"{{{name}}}" for name in names()) + ");"
    rest = len(DENIALS) + len(QUESTIONS)
    # The usual limit is a millisecond on the wall, which a busy machine exceeds by chance.
    limits = AuthorizerBuilder().limits()
    limits.max_time = timedelta(seconds=10)

    def judged(facts: Mapping[str, Any]) -> int:
        builder = AuthorizerBuilder.from_raw_snapshot(snapshot)
        builder.add_code(call, facts)
        builder.set_limits(limits)
        authorizer = builder.build_unauthenticated()
        try:
            return ALLOW if authorizer.authorize() == rest else ASK
        except AuthorizationError as error:
            if "a deny policy matched" in str(error):
                return DENY
            raise

    return judged
