"""The methods of every MCP revision, and what each field of a client's message can carry.

The tables are data (``methods.toml``). Source: the ``schema.ts`` of each
revision of the Model Context Protocol specification.
"""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, Literal, final

from nucleus.lean import dataclass
from nucleus.mcp.messages import INVALID_REQUEST, METHOD_NOT_FOUND, MessageError, Request

REVISIONS: Final = ("2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
STATELESS: Final = "2026-07-28"
META_REVISION: Final = "io.modelcontextprotocol/protocolVersion"
LEVELS: Final = frozenset(("debug", "info", "notice", "warning", "error", "critical", "alert", "emergency"))
TREATMENTS: Final = frozenset(
    (
        *("revision", "level", "once", "cursor", "prompt", "resource", "task", "state", "request"),
        *("filter", "token", "servers", "small", "drop", "sink"),
    )
)


@final
@dataclass(frozen=True, slots=True)
class Method:
    """One message that a client may send."""

    name: str
    first: str
    last: str
    judge: Literal["never", "read", "call"]
    fields: Mapping[str, str]
    """Field of ``params`` -> treatment."""
    lists: str = ""
    special: frozenset[str] = frozenset(("_meta",))
    """Fields of ``params`` that are treated in another way than the rest of a judged message."""

    def known_in(self, revision: str) -> bool:
        """Whether ``revision`` has this method. Revisions are dates: text order is their order."""
        return self.first <= revision <= self.last


@final
@dataclass(frozen=True, slots=True)
class Tables:
    """All of ``methods.toml``, checked."""

    meta: Mapping[str, str]
    requests: Mapping[str, Method]
    notifications: Mapping[str, Method]
    questions: Mapping[str, tuple[str, str, str]]
    """What a server may ask: first and last revision, and the treatment of the answer."""
    news: Mapping[str, tuple[str, str, bool]]
    """What a server may tell: first and last revision, and whether it is content."""


def read_tables(text: str) -> Tables:
    """Return the tables in ``text``. Raises ValueError for a treatment, revision or judge that nobody knows."""
    data = tomllib.loads(text)
    return Tables(
        _treatments(data["meta"]),
        {name: _method(name, row) for name, row in data["request"].items()},
        {name: _method(name, row) for name, row in data["notification"].items()},
        {name: (*_span(row), str(row["answer"])) for name, row in data["question"].items()},
        {name: (*_span(row), bool(row["content"])) for name, row in data["news"].items()},
    )


def _method(name: str, row: Mapping[str, Any]) -> Method:
    first, last = _span(row)
    judge = row["judge"]
    if judge not in {"never", "read", "call"}:
        raise ValueError(f"{name}: nobody knows how to judge {judge!r}")
    fields = _treatments(row["fields"])
    special = frozenset(("_meta", *(one for one, treatment in fields.items() if treatment != "sink")))
    return Method(name, first, last, judge, fields, row.get("lists", ""), special)


def _span(row: Mapping[str, Any]) -> tuple[str, str]:
    first, last = row.get("from", REVISIONS[0]), row.get("to", REVISIONS[-1])
    if first not in REVISIONS or last not in REVISIONS or first > last:
        raise ValueError(f"no span of revisions: {first!r} to {last!r}")
    return first, last


def _treatments(fields: Mapping[str, Any]) -> dict[str, str]:
    for name, treatment in fields.items():
        if treatment not in TREATMENTS:
            raise ValueError(f"{name}: nobody knows the treatment {treatment!r}")
    return dict(fields)


def known(request: Request, revision: str) -> tuple[Method, str]:
    """Return the method of a client's request, and the revision that is agreed on after it ("" for none yet).

    Raises MessageError where there is no such method, or not in this revision, or not at this point.
    """
    meta = request.params.get("_meta")
    named = meta.get(META_REVISION) if isinstance(meta, dict) else None
    spoken = revision or (named if named == STATELESS else "")
    method = TABLES.requests.get(request.method)
    if method is None:
        raise MessageError("no such method", METHOD_NOT_FOUND)
    if not spoken:
        if method.name not in {"initialize", "ping", "server/discover"}:
            raise MessageError("the first request is initialize, or names a revision", INVALID_REQUEST)
    elif not method.known_in(spoken):
        raise MessageError(f"{spoken} has no such method", METHOD_NOT_FOUND)
    elif method.name == "initialize":
        raise MessageError("initialize is said once", INVALID_REQUEST)
    # Not agreed by the question whether it is spoken: a client may shake hands after the answer.
    agreed = STATELESS if spoken == STATELESS and method.name != "server/discover" else revision
    return method, agreed


def can_elicit(said: Mapping[str, Any], revision: str) -> bool:
    """Whether a client said that it has a dialog for its person, in a revision in which it is asked by a request."""
    capabilities = said.get("capabilities")
    return "2025-06-18" <= revision < STATELESS and isinstance(capabilities, dict) and "elicitation" in capabilities


TABLES: Final = read_tables(Path(__file__).with_name("methods.toml").read_text(encoding="utf-8"))
