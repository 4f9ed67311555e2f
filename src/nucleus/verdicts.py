"""The kernel's verdicts and rules by name, as records, refusals and people use them."""

from typing import Final

from nucleus.kernel.decide import ALLOW, ASK, DENY

VERDICTS: Final = {DENY: "deny", ASK: "ask", ALLOW: "allow"}
RULES: Final = (
    "session",
    "malformed",
    "capability",
    "scope",
    "budget",
    "control",
    "destination",
    "secret",
    "uninhabitable",
    "low_risk",
)
"""In the order of the kernel's bits: the rule with bit ``1 << i`` is ``RULES[i]``."""


def rule_names(rules: int) -> list[str]:
    """Return the names of the rules whose bits are set, in the order of the table."""
    return [name for bit, name in enumerate(RULES) if rules >> bit & 1]
