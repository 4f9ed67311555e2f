"""The closed schema of a policy file: which keys there are, and what each may hold.

Data, not code: ``check`` walks a parsed document along it, ``json_schema``
writes it out for editors. A key that is not here does not exist.
"""

from collections.abc import Mapping
from typing import Any, Final, Literal, final

from nucleus.kernel import capability
from nucleus.lean import dataclass, field
from nucleus.policy.legs import CAPABILITY_NAMES
from nucleus.policy.model import KEYS, Flags

CAPABILITIES: Final = CAPABILITY_NAMES
"""The kernel's twelve, in its order."""
GROUPS: Final[Mapping[str, tuple[str, ...]]] = {
    "read": ("read_files", "glob_search", "grep_search"),
    "write": ("write_files", "edit_files"),
    "shell": ("run_bash",),
    "search": ("web_search",),
    "fetch": ("web_fetch",),
    "commit": ("git_commit",),
    "publish": ("git_push", "create_pr"),
    "spawn": ("manage_pods",),
}
LEVELS: Final[Mapping[str, int]] = {
    "never": capability.NEVER,
    "low_risk": capability.LOW_RISK,
    "always": capability.ALWAYS,
}
LABELS: Final = ("untrusted", "public", "secret")
BUDGETS: Final = ("minutes", "calls", "egress_mb", "usd")
PREDICATES: Final[Mapping[str, Mapping[str, str]]] = {
    "read": {"path": "read"},
    "write": {"path": "write"},
    "fetch": {"host": "fetch", "url": "fetch"},
    "search": {"engine": "search"},
    "shell": {"command": "commands"},
    "push": {"branch": "branches", "remote": "remotes"},
    "publish": {"repository": "pull_requests", "channel": "channels"},
    "install": {"package": "packages"},
    "service": {"service": "services"},
    "model": {"request": "model"},
    "env": {"variable": "env"},
    "port": {"port": "ports"},
}
"""``when`` of a rule -> its predicates -> the key whose values they speak of."""
PREDICATE_NAMES: Final = tuple(dict.fromkeys(name for names in PREDICATES.values() for name in names))


@final
@dataclass(frozen=True, slots=True)
class Field:
    """What one key may hold."""

    kind: Literal["table", "tables", "texts", "one_or_more", "text", "count", "amount", "switch"]
    about: str
    keys: Mapping[str, "Field"] = field(default_factory=dict)
    """Keys of a table; empty if ``each`` says what every key holds."""
    each: "Field | None" = None
    choices: tuple[str, ...] = ()
    required: tuple[str, ...] = ()


def _per_key(about: str, *, but: tuple[str, ...] = ()) -> Field:
    texts = Field("texts", "patterns; see the page on the policy language")
    return Field("table", about, {key: texts for key in KEYS if key not in but})


_LEVEL: Final = Field(
    "text", "never, low_risk (asks at a sink once something untrusted was seen), always", choices=tuple(LEVELS)
)
_PATTERNS: Final = Field("texts", "patterns")
_RULE: Final = Field(
    "table",
    "one more limit: may only ask or deny",
    {
        "when": Field("text", "what is asked for", choices=tuple(PREDICATES)),
        **dict.fromkeys(PREDICATE_NAMES, Field("one_or_more", "a pattern, or a list of them")),
        "then": Field("text", "what happens", choices=("ask", "deny")),
        "why": Field("text", "the reason, shown to people"),
        "match": Field("texts", "values that the rule must meet; checked when the file is loaded"),
        "not_match": Field("texts", "values that the rule must not meet; checked when the file is loaded"),
    },
    required=("when", "then"),
)
_MCP: Final = Field(
    "table",
    "tools of one MCP server; a tool that nobody names is asked for",
    {word: Field("texts", "names of tools") for word in ("allow", "ask", "deny")},
)
_REMOTE: Final = Field(
    "table",
    "one git remote",
    {
        "url": Field("text", "where it is; else it is looked up once, at the start"),
        "refs": Field("texts", "what may be pushed there"),
        "public": Field("switch", "strangers read it: a push asks once anything private was seen"),
        "allow_delete": Field("switch", "refs may be deleted"),
        "allow_force": Field("switch", "refs may be moved to what is not a descendant"),
    },
)

POLICY: Final = Field(
    "table",
    "a Nucleus policy",
    {
        "version": Field("count", "1"),
        "profile": Field("text", "the ceiling; nothing below can exceed it"),
        "about": Field("text", "one sentence for people"),
        "allow": _per_key("grants under the ceiling; they count only from a trusted file"),
        "ask": _per_key("what is asked for; always honoured", but=("templates",)),
        "deny": _per_key("what is denied; always honoured; denied paths are invisible", but=("templates",)),
        "otherwise": Field(
            "table",
            "what is said of values that [allow] does not name",
            {key: Field("text", "ask or deny", choices=("ask", "deny")) for key in KEYS},
        ),
        "labels": Field("table", "what is known of paths", dict.fromkeys(LABELS, _PATTERNS)),
        "capabilities": Field("table", "levels", dict.fromkeys((*CAPABILITIES, *GROUPS), _LEVEL)),
        "remotes": Field("table", "git remotes by name", each=_REMOTE),
        "mcp": Field("table", "MCP servers by name", each=_MCP),
        "budget": Field(
            "table",
            "ceilings of a session",
            {
                "minutes": Field("count", "wall clock"),
                "calls": Field("count", "mediated calls"),
                "egress_mb": Field("count", "megabytes that leave"),
                "usd": Field("amount", "the bill; only where the gate sees it"),
            },
        ),
        "rule": Field("tables", "rules", each=_RULE),
        "audit": Field(
            "table",
            "settings of nucleus audit: what is reported, never what is permitted",
            {
                "persona": Field("text", "who reads the report", choices=("regular", "pedantic", "auditor")),
                "min_confidence": Field("text", "below it nothing is shown", choices=("low", "medium", "high")),
                "fail_on": Field(
                    "text", "severity from which the run fails", choices=("info", "low", "medium", "high", "never")
                ),
                "exclude": Field("texts", "paths of which nothing is reported"),
                "ignore": Field(
                    "tables",
                    "findings that somebody decided to keep",
                    each=Field(
                        "table",
                        "one rule, at some paths or everywhere",
                        {
                            "rule": Field("text", "its id"),
                            "path": Field("text", "a glob; left out: everywhere"),
                            "reason": Field("text", "why it is kept"),
                        },
                        required=("rule", "reason"),
                    ),
                ),
            },
        ),
    },
    required=("version",),
)
PROFILE: Final = Field(
    "table",
    "a built-in profile",
    {
        **{key: value for key, value in POLICY.keys.items() if key not in {"profile", "mcp", "audit"}},
        "name": _per_key("what a trusted policy may name beyond [allow]"),
        "flags": Field(
            "table", "switches", {name: Field("switch", "see Flags") for name in Flags.__dataclass_fields__}
        ),
    },
    required=("version", "about"),
)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a policy file, for editors."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Nucleus policy",
        **_describe(POLICY),
    }


def _describe(what: Field) -> dict[str, Any]:
    """Return the JSON Schema of one field."""
    shape: dict[str, Any] = {"description": what.about}
    if what.kind == "table":
        shape |= {"type": "object", "additionalProperties": _describe(what.each) if what.each else False}
        if what.keys:
            shape["properties"] = {name: _describe(inner) for name, inner in what.keys.items()}
        if what.required:
            shape["required"] = list(what.required)
    elif what.kind == "tables":
        shape |= {"type": "array", "items": _describe(what.each) if what.each else False}
    elif what.kind == "texts":
        shape |= _TEXTS
    elif what.kind == "one_or_more":
        shape["anyOf"] = [_TEXT, _TEXTS]
    else:
        shape |= _SCALARS[what.kind]
    if what.choices:
        shape["enum"] = list(what.choices)
    return shape


_TEXT: Final[Mapping[str, Any]] = {"type": ["string", "integer"], "minLength": 1}
_TEXTS: Final[Mapping[str, Any]] = {"type": "array", "minItems": 1, "items": _TEXT}
_SCALARS: Final[Mapping[str, Mapping[str, Any]]] = {
    "text": {"type": "string", "minLength": 1},
    "count": {"type": "integer", "minimum": 1},
    "amount": {"type": "number", "exclusiveMinimum": 0},
    "switch": {"type": "boolean"},
}
