"""The kernel's constants, each said again in the specification's words."""

from typing import Any, Final

from proofs.kernels import MODULES, Kernel
from proofs.spec.verdicts import ASKED, PERMITTED, REFUSED, RULES, rule
from proofs.spec.words import LARGEST, OPS, Facts, authority_of, bits_of_all

_SEEN: Final = ("PRIVATE", "UNTRUSTED", "EXFIL", "FOREIGN", "SECRET")
_SINKS: Final = ("EGRESS", "IRREVERSIBLE", "CONTROL")
_RULE_NAMES: Final = {
    "SESSION": "session",
    "MALFORMED": "malformed",
    "CAPABILITY": "capability",
    "SCOPE": "scope",
    "BUDGET": "budget",
    "CONTROL_RULE": "control",
    "DESTINATION": "destination",
    "SECRET_RULE": "secret",
    "UNINHABITABLE_RULE": "uninhabitable",
    "LOW_RISK_RULE": "low_risk",
}
EXPECTED: Final[dict[str, dict[str, Any]]] = {
    "capability": {name.upper(): place for place, name in enumerate(OPS)}
    | {"LAST_OP": len(OPS) - 1, "NEVER": 0, "LOW_RISK": 1, "ALWAYS": 3}
    | {
        "LOW_BITS": authority_of([(True, False)] * len(OPS)),
        "HIGH_BITS": authority_of([(False, True)] * len(OPS)),
        "NOTHING": 0,
        "EVERYTHING": authority_of([(True, True)] * len(OPS)),
    },
    "exposure": {name: 1 << place for place, name in enumerate(_SEEN)}
    | {"CLEAN": 0, "ALL_SEEN": bits_of_all(5), "UNINHABITABLE": bits_of_all(3)},
    "state": {"BUDGET_LIMIT": LARGEST, "VERSION_LIMIT": LARGEST},
    "facts": {name: 1 << place for place, name in enumerate(_SINKS)}
    | {"ALL_SINKS": bits_of_all(3)}
    | {"SCOPE_DENY": 0, "SCOPE_ASK": 1, "SCOPE_ALLOW": 2}
    | {"TRUSTED_NO": 0, "TRUSTED_WHILE_CLEAN": 1, "TRUSTED_YES": 2},
    "decide": {name: rule(word) for name, word in _RULE_NAMES.items()}
    | {"DENY": REFUSED, "ASK": ASKED, "ALLOW": PERMITTED},
    "delegate": {},
    "boundary": {"FACTS": Facts._fields},
}
"""What each module defines itself, imports left out."""


def wrong_names(kernel: Kernel) -> list[str]:
    """Return what is missing, different or unlisted among the constants of ``kernel``."""
    wrong = []
    seen: dict[str, int] = {}
    for module in MODULES:
        found = {
            name: value
            for name, value in vars(getattr(kernel, module)).items()
            if name.isupper() and not name.startswith("_") and isinstance(value, int | tuple)
        }
        for name, value in EXPECTED[module].items():
            if type(found.get(name)) is not type(value) or found[name] != value:
                wrong.append(f"{module}.{name} is {found.get(name)!r}, expected {value!r}")
        own = {name for name in found if name not in seen}
        wrong += [f"{module}.{name} is not in the specification" for name in own - set(EXPECTED[module])]
        seen |= dict.fromkeys(found, 1)
    if len(RULES) != len(_RULE_NAMES):
        wrong.append("a rule has no name")
    return wrong
