"""What a record is: types, leading fields, the names of rules and verdicts.

Every record has ``prev`` (hex SHA-256 of the line before it), ``seq`` (from
0), ``time_ns`` (wall clock) and ``type``; the other fields depend on the type:

==========  ================================================================
header      v trace key kernel policy level containment principal state
            boot_ns durability
decision    principal kind args digest destination facts verdict rules state
            approval id
result      principal of outcome bytes digest error
change      principal what args state (delegate: child, child_state)
question    principal id digest reasons destination expires_ns
answer      id by answer uses digest_list
declassify  principal schema_digest bits ...
checkpoint  note
close       reason
==========  ================================================================

Facts and states are the kernel's ints. Contents are never in a record: keyed
digests and redacted arguments are (``redact``).
"""

from typing import Any, Final, final

from nucleus.errors import TraceError
from nucleus.kernel import decide
from nucleus.lean import dataclass

VERSION: Final = 1
TYPES: Final = frozenset(
    {"header", "decision", "result", "change", "question", "answer", "declassify", "checkpoint", "close"}
)
LEADING: Final = (
    "prev",
    "seq",
    "time_ns",
    "type",
    "principal",
    "facts",
    "verdict",
    "rules",
    "state",
    "of",
    "outcome",
)
"""Fields that stand first, in this order, in every line that has them; the others follow, sorted."""
CHAINED: Final = frozenset({"prev", "seq", "time_ns"})
"""What the writer adds. A caller that sets one of them is refused."""

RULES: Final = (
    (decide.SESSION, "session"),
    (decide.MALFORMED, "malformed"),
    (decide.CAPABILITY, "capability"),
    (decide.SCOPE, "scope"),
    (decide.BUDGET, "budget"),
    (decide.CONTROL_RULE, "control"),
    (decide.DESTINATION, "destination"),
    (decide.SECRET_RULE, "secret"),
    (decide.UNINHABITABLE_RULE, "uninhabitable"),
    (decide.LOW_RISK_RULE, "low_risk"),
)
"""Bit and name of each rule, in the order of the kernel's table."""
VERDICTS: Final = {decide.DENY: "deny", decide.ASK: "ask", decide.ALLOW: "allow"}
OUTCOMES: Final = frozenset({"ok", "failed", "unknown"})
CHANGES: Final = frozenset({"absorb", "tighten", "delegate", "lockdown", "expire", "recover"})

_INTS: Final = (int,)
_TEXT: Final = (str,)
_FIELDS: Final[dict[str, dict[str, tuple[type, ...]]]] = {
    "header": {"v": _INTS, "trace": _TEXT, "key": _TEXT, "principal": _TEXT, "state": (list,), "durability": _TEXT},
    "decision": {
        "principal": _TEXT,
        "kind": _TEXT,
        "args": (dict,),
        "digest": _TEXT,
        "destination": _TEXT,
        "facts": (list,),
        "verdict": _TEXT,
        "rules": (list,),
        "state": (list,),
        "approval": (str, type(None)),
        "id": _TEXT,
    },
    "result": {
        "principal": _TEXT,
        "of": _INTS,
        "outcome": _TEXT,
        "bytes": _INTS,
        "digest": _TEXT,
        "error": (str, type(None)),
    },
    "change": {"principal": _TEXT, "what": _TEXT, "args": (list,), "state": (list,)},
    "question": {
        "principal": _TEXT,
        "id": _TEXT,
        "digest": _TEXT,
        "reasons": (list,),
        "destination": _TEXT,
        "expires_ns": _INTS,
    },
    "answer": {"id": _TEXT, "by": _TEXT, "answer": _TEXT, "uses": _INTS, "digest_list": (list,)},
    "declassify": {"principal": _TEXT, "schema_digest": _TEXT, "bits": _INTS},
    "checkpoint": {"note": _TEXT},
    "close": {"reason": _TEXT},
}


@final
@dataclass(slots=True)
class Ref:
    """Where a record stands: its sequence number, and the SHA-256 of its line. Never changed in place."""

    seq: Final[int]
    digest: Final[bytes]


def rule_names(rules: int) -> list[str]:
    """Return the names of the rules in a set of bits, in the order of the kernel's table."""
    return [name for bit, name in RULES if rules & bit] if rules else []


def verify_shape(record: dict[str, Any]) -> None:
    """Know that ``record`` has a known type and that type's fields, each of its kind.

    Raises ``TraceError`` that names the field. Fields beyond the table are
    allowed: a newer writer may add some.
    """
    kind = record.get("type")
    fields = _FIELDS.get(kind) if type(kind) is str else None
    if fields is None:
        raise TraceError(f"unknown record type {kind!r:.60}")
    for name, kinds in fields.items():
        if name not in record:
            raise TraceError(f"a {kind} record without {name!r}")
        if type(record[name]) not in kinds:
            raise TraceError(f"{name!r} of a {kind} record is a {type(record[name]).__name__}")
    for name in ("facts", "state", "child_state"):
        if name in record and not _all_ints(record[name]):
            raise TraceError(f"{name!r} of a {kind} record is not a list of integers")


def _all_ints(value: object) -> bool:
    return type(value) is list and all(type(item) is int for item in value)
