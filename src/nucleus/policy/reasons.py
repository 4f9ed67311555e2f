"""Why the kernel decided as it did, in words, and what would change it.

The kernel answers with the names of rules; people need the sentence and the
next step. One row per rule; a test compares the rows with the kernel's rules.
"""

from collections.abc import Iterable, Mapping
from typing import Final, final

from nucleus.kernel import decide
from nucleus.kernel.facts import SCOPE_ALLOW
from nucleus.kernel.state import Request, State
from nucleus.lean import dataclass
from nucleus.policy.call import Classified
from nucleus.policy.constraints import VERDICTS


@final
@dataclass(frozen=True, slots=True)
class Reason:
    """What a rule means, and what would change its answer."""

    means: str
    change: str


RULES: Final[Mapping[str, Reason]] = {
    "session": Reason(
        "the session is closed, has expired or is locked down",
        "open a fresh session: nucleus session new",
    ),
    "malformed": Reason(
        "the call could not be read, so it counted as the worst there is",
        "make the call again with plain arguments",
    ),
    "capability": Reason(
        "the level of this capability is never",
        "another profile, or a higher level under [capabilities] where the profile has one",
    ),
    "scope": Reason("the policy's patterns say so", "the line that is cited, or [allow] in a trusted policy"),
    "budget": Reason(
        "it costs more than what is left of the budget",
        "a fresh session, or a larger [budget] within the profile's",
    ),
    "control": Reason(
        "it changes what steers an agent or a shell: policy, configuration, hooks, memory",
        "your yes to exactly this change; no policy line lifts it",
    ),
    "destination": Reason(
        "it leaves for, or can't be taken back at, a place that nobody named",
        "name the place in [allow] of a trusted policy, or in the prompt before the start",
    ),
    "secret": Reason(
        "something would leave after a secret was seen",
        "your yes to exactly this call, or a fresh session that has seen no secret",
    ),
    "uninhabitable": Reason(
        "something would leave after both private and untrusted content were seen",
        "your yes to exactly this call, or do it in a fresh session before reading untrusted content",
    ),
    "low_risk": Reason(
        "the level is low_risk, and untrusted content was seen",
        "your yes to exactly this call, or level always where the profile has it",
    ),
}
"""Name of the kernel's rule -> its reason, in the order of the decision."""
BITS: Final[Mapping[str, int]] = {
    "session": decide.SESSION,
    "malformed": decide.MALFORMED,
    "capability": decide.CAPABILITY,
    "scope": decide.SCOPE,
    "budget": decide.BUDGET,
    "control": decide.CONTROL_RULE,
    "destination": decide.DESTINATION,
    "secret": decide.SECRET_RULE,
    "uninhabitable": decide.UNINHABITABLE_RULE,
    "low_risk": decide.LOW_RISK_RULE,
}


def names_of(rules: int) -> list[str]:
    """Return the names of a set of rules, in the order of the decision."""
    return [name for name, bit in BITS.items() if rules & bit]


def foresee(authority: int, exposure: int, facts: Classified) -> tuple[str, list[str]]:
    """Return verdict and rules of a call as a fresh session with this exposure would answer it.

    Decided by the kernel itself, with budget left, the clock inside the window, and nobody's approval.
    """
    request = Request(
        facts.op,
        0,
        1,
        facts.legs,
        facts.carried,
        facts.sink,
        facts.scope,
        facts.trusted,
        facts.home,
        facts.attested,
        facts.public,
        facts.fixed,
        0,
    )
    verdict, rules, _ = decide.decide(State(authority, exposure, 0, 0), request)
    return VERDICTS[verdict], names_of(rules)


def told(rules: Iterable[str], facts: Classified | None = None) -> list[str]:
    """Return a line for each rule, with where it stands and what would change it."""
    lines: list[str] = []
    for name in rules:
        reason = RULES.get(name)
        if reason is None:
            lines.append(f"{name}: a rule that this version does not know")
            continue
        lines.append(f"{name}: {reason.means}")
        cited = name == "scope" and facts is not None and facts.scope != SCOPE_ALLOW
        if cited and facts is not None:
            place = f" ({facts.where})" if facts.where else ""
            lines.append(f"  stands at: {facts.why}{place}")
        lines.append(f"  would change it: {(cited and facts and facts.next_step) or reason.change}")
    return lines
