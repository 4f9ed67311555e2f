"""Results of servers: what of them is remembered, and what passes of those that nobody judged."""

from collections.abc import Mapping
from typing import Any, Final

from nucleus.mcp.messages import Id
from nucleus.mcp.methods import REVISIONS, Method
from nucleus.mcp.pins import Pins
from nucleus.mcp.rebuild import Issued
from nucleus.mcp.text import HIDDEN, inert

SUBSCRIPTION: Final = "io.modelcontextprotocol/subscriptionId"
UNSUPPORTED: Final = -32022
"""The server does not speak the revision that a request names (2026-07-28, basic/versioning)."""
_ERRORS: Final = {
    -32700: "Parse error",
    -32600: "Invalid Request",
    -32601: "Method not found",
    -32602: "Invalid params",
    -32603: "Internal error",
    UNSUPPORTED: "Unsupported protocol version",
}
"""What each code means (JSON-RPC 2.0, section 5.1), in the words of the specification and not of a server."""
_PAGE: Final = ("nextCursor", "resultType", "ttlMs", "cacheScope")
_INTRODUCTION: Final = frozenset(
    (
        *("protocolVersion", "supportedVersions", "capabilities", "serverInfo", "instructions"),
        *("resultType", "ttlMs", "cacheScope", "_meta"),
    )
)
_NAMED: Final = {
    "prompts": ("prompt", "name"),
    "resources": ("resource", "uri"),
    "tasks": ("task", "taskId"),
}
"""Member of a list result -> the kind under which its names are remembered, and where they stand."""


def issue(method: Method, result: Mapping[str, Any], issued: Issued) -> None:
    """Remember what a result gives the client to name later: cursors, URIs, names, tasks, states."""
    issued.add(f"cursor {method.name}", result.get("nextCursor"))
    issued.add("state", result.get("requestState"))
    task = result.get("task")
    if isinstance(task, dict):
        issued.add("task", task.get("taskId"))
    if method.lists in _NAMED:
        kind, key = _NAMED[method.lists]
        for item in _objects(result.get(method.lists)):
            issued.add(kind, item.get(key))
    for item in _objects(result.get("content")):
        if item.get("type") == "resource_link":
            issued.add("resource", item.get("uri"))


def tool_page(result: Mapping[str, Any], pins: Pins, issued: Issued) -> tuple[dict[str, Any], dict[str, str]]:
    """Return a page of tools of which only pinned ones are left, and why the others are hidden.

    What is shown is verbatim: a digest that a client keeps of it stays the same.
    """
    tools = result.get("tools")
    cursor = result.get("nextCursor")
    more = isinstance(cursor, str)
    shown, hidden = pins.see(tools if isinstance(tools, list) else [], last=not more)
    issued.add("cursor tools/list", cursor)
    page = {name: result[name] for name in _PAGE if name in result and (name != "nextCursor" or more)}
    return {**page, "tools": shown}, hidden


def empty(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the empty result, of the revision that ``result`` is of."""
    return {"resultType": "complete"} if "resultType" in result else {}


def plain(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the known fields of an introduction, in which nothing hides and no link works."""
    return {name: _shown(inert(value)) for name, value in result.items() if name in _INTRODUCTION}


def plain_error(error: Mapping[str, Any]) -> dict[str, Any]:
    """Return an error of which only the code is the server's, and the revisions that it says it speaks."""
    code = error["code"]
    shown = {"code": code, "message": _ERRORS.get(code, "the server answered with an error")}
    data = error.get("data")
    if code == UNSUPPORTED and isinstance(data, dict):
        supported, requested = data.get("supported"), data.get("requested")
        known = [one for one in supported if one in REVISIONS] if isinstance(supported, list) else []
        shown["data"] = {"supported": known, **({"requested": requested} if requested in REVISIONS else {})}
    return shown


def own_ids(value: Mapping[str, Any], ours: int, theirs: Id) -> dict[str, Any]:
    """Return a result or params whose subscription id is the client's again."""
    meta = value.get("_meta")
    if isinstance(meta, dict) and meta.get(SUBSCRIPTION) == ours:
        return {**value, "_meta": {**meta, SUBSCRIPTION: theirs}}
    return dict(value)


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return HIDDEN.sub("", value)
    if isinstance(value, dict):
        return {_shown(name): _shown(item) for name, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
