"""Results of servers: what of them is remembered, and what passes of those that nobody judged."""

import re
from collections.abc import Mapping
from typing import Any, Final

from nucleus.mcp.messages import Id
from nucleus.mcp.methods import REVISIONS, Method
from nucleus.mcp.pins import CAPABILITIES, SERVER, Pins
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
SERVER_INFO: Final = "io.modelcontextprotocol/serverInfo"
_CLOSED: Final = {"resultType": ("complete", "input_required"), "cacheScope": ("private", "public")}
DISCOVERED: Final = f"{CAPABILITIES} discovered"
"""The key of what a server can do where it is asked by ``server/discover``."""
_ERAS: Final = frozenset((CAPABILITIES, DISCOVERED))
_CAPABILITIES: Final = frozenset(
    (
        *("tools", "prompts", "resources", "logging", "completions", "tasks", "experimental", "extensions"),
        *("listChanged", "subscribe", "list", "cancel", "requests", "call"),
    )
)
"""Words of the protocol for what a server can do."""
_VERSION: Final = re.compile(r"[0-9A-Za-z.+-]{1,32}")
_NAMED: Final = {
    "prompts": ("prompt", "name"),
    "resources": ("resource", "uri"),
    "tasks": ("task", "taskId"),
}
"""Member of a list result -> the kind under which its names are remembered, and where they stand."""


def issue(method: Method, result: Mapping[str, Any], issued: Issued) -> None:
    """Remember what a result gives the client to name later: cursors, URIs, names, tasks, states."""
    if "nextCursor" in result:
        issued.add(f"cursor {method.name}", result["nextCursor"])
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
    page: dict[str, Any] = {"nextCursor": cursor} if more else {}
    return {**page, **closed(result), **_stamp(result, pins), "tools": shown}, hidden


def closed(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the fields of a result that hold one of a closed set, or a number."""
    kept: dict[str, Any] = {name: result[name] for name, known in _CLOSED.items() if result.get(name) in known}
    return {**kept, "ttlMs": result["ttlMs"]} if type(result.get("ttlMs")) is int else kept


def _stamp(result: Mapping[str, Any], pins: Pins) -> dict[str, Any]:
    """Return the metadata of a result that nobody judged: who the server is, if that is what it always said."""
    meta = result.get("_meta")
    said = meta.get(SERVER_INFO) if isinstance(meta, dict) else None
    return {} if said is None or pins.see_said(SERVER, said) else {"_meta": {SERVER_INFO: said}}


def introduced(result: Mapping[str, Any], pins: Pins) -> tuple[dict[str, Any], list[str]]:
    """Return what a client is told of a server, and why the rest is withheld.

    What the server says of itself is verbatim where it is as pinned, and else what the protocol's own words can say.
    """
    shown: dict[str, Any] = {}
    reasons = []
    # What a server can do is another thing in each era, and its answers say which one it is.
    era = DISCOVERED if "supportedVersions" in result else CAPABILITIES
    for name, key, reduced in (
        ("capabilities", era, _capable),
        ("serverInfo", SERVER, lambda said: _known_server(said, pins)),
    ):
        if name in result and key in _ERAS and not pins.learning and key not in pins.pinned and _met(pins):
            shown[name] = reduced(result[name])
        elif name in result:
            why = pins.see_said(key, result[name])
            shown[name] = reduced(result[name]) if why else inert(result[name])
            reasons += [why] if why else []
    why = pins.see_instructions(result.get("instructions"))
    reasons += [why] if why else []
    if "instructions" in result and not why:
        shown["instructions"] = inert(result["instructions"])
    for name in ("protocolVersion", "supportedVersions"):
        if name in result:
            shown[name] = _revisions(result[name])
    return {**shown, **closed(result), **_stamp(result, pins)}, reasons


def _met(pins: Pins) -> bool:
    """Whether the server said in some era what it can do: what it says in the other one is late."""
    return any(key in pins.pinned for key in _ERAS)


def _revisions(said: object) -> Any:
    return [one for one in said if one in REVISIONS] if isinstance(said, list) else said if said in REVISIONS else ""


def _capable(said: object) -> Any:
    """Return capabilities of which every word is the protocol's."""
    if isinstance(said, dict):
        return {name: _capable(item) for name, item in said.items() if name in _CAPABILITIES}
    return said is True


def _known_server(said: object, pins: Pins) -> dict[str, Any]:
    """Return the name that was pinned, with the version of now."""
    known = pins.pinned.get(SERVER)
    name = known.get("name") if isinstance(known, dict) else ""
    version = said.get("version") if isinstance(said, dict) else ""
    fits = isinstance(version, str) and _VERSION.fullmatch(version)
    return {"name": name or "", "version": version if fits else ""}


def empty(result: Mapping[str, Any]) -> dict[str, Any]:
    """Return the empty result, of the revision that ``result`` is of."""
    return {"resultType": "complete"} if "resultType" in result else {}


def plain(value: Any) -> Any:
    """Return a JSON value in which nothing hides and no link works."""
    return _shown(inert(value))


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


def own_ids(value: dict[str, Any], ours: int, theirs: Id) -> dict[str, Any]:
    """Return a result or params whose subscription id is the client's again; itself where it has none."""
    meta = value.get("_meta")
    if isinstance(meta, dict) and meta.get(SUBSCRIPTION) == ours:
        return {**value, "_meta": {**meta, SUBSCRIPTION: theirs}}
    return value


def _shown(value: Any) -> Any:
    if isinstance(value, str):
        return HIDDEN.sub("", value)
    if isinstance(value, dict):
        return {_shown(name): _shown(item) for name, item in value.items()}
    return [_shown(item) for item in value] if isinstance(value, list) else value


def _objects(value: object) -> list[dict[str, Any]]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
