"""What a client's hook says of a tool that is about to run -> the calls that it would make.

The tables are data (``hooktools.toml``): each tool of each client that
somebody reviewed, with every argument it has. Any other tool, and a call with
an argument that is not named there, is a tool that nobody reviewed: it asks.
An event of a shape that nobody knows raises, and is refused.

A path is resolved as far as it is there, links included: the client's tool
follows them. What is put in its place afterwards is not seen; a box is for
that (``nucleus run``).
"""

import os
import re
import tomllib
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any, Final, final

from nucleus.lean import dataclass
from nucleus.mcp.messages import MessageError, parse_object, written
from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.client_tools import TREES

NOTHING: Final = "nothing"
PATCH: Final = "patch"
SEARCH: Final = "search"
ASKED_OF_PROVIDER: Final = {SEARCH: "web_search", "fetch": "web_fetch"}
"""What the model's provider does for the client: the words leave for it -> the capability."""
SERVER: Final = "server"
"""It asks an MCP server for something that is no tool."""
WHERE: Final = ("path", "text", "url", "cwd", "pattern", "glob", "server")
_PATCHED: Final = {
    "*** Add File: ": kinds.WRITE,
    "*** Update File: ": kinds.EDIT,
    "*** Delete File: ": kinds.DELETE,
    "*** Move to: ": kinds.WRITE,
}
_FRAME: Final = frozenset(("*** Begin Patch", "*** End Patch", "*** End of File"))
_MCP_NAME: Final = re.compile(r"mcp__(.+?)__(.+)", re.DOTALL)

Mediated = Callable[[str, str], bool]
"""(server's name, its command line or "") -> it is behind the mediator in this session, which decides its calls."""


def nobody(_server: str, _command: str) -> bool:
    """Return False: no server is known to be behind the mediator."""
    return False


@final
@dataclass(frozen=True, slots=True)
class Tool:
    """One reviewed tool."""

    does: str
    where: Mapping[str, str]
    """Our argument -> the client's."""
    known: frozenset[str]
    at: str = ""


@final
@dataclass(frozen=True, slots=True)
class Client:
    """One client's hook: what its events look like, and its tools."""

    events: frozenset[str]
    name: str
    input: str
    tools: Mapping[str, Tool]
    event_tools: Mapping[str, Tool]
    """Events that stand for one tool and have its arguments at the top."""


def read_clients(text: str) -> dict[str, Client]:
    """Return the clients in ``text``. Raises ValueError for a word that is not known."""
    return {name: _client(row) for name, row in tomllib.loads(text).items()}


def _client(row: Mapping[str, Any]) -> Client:
    always = tuple(row.get("with", ()))
    tools = {name: _tool(fields, always) for name, fields in row["tool"].items()}
    events = {name: _tool(fields, ()) for name, fields in row.get("event", {}).items()}
    return Client(frozenset(row["events"]), row["name"], row["input"], tools, events)


def _tool(fields: Mapping[str, Any], always: tuple[str, ...]) -> Tool:
    where = {ours: str(fields[ours]) for ours in WHERE if ours in fields}
    odd = set(fields) - set(where) - {"does", "with", "at"}
    if odd:
        raise ValueError(f"nobody knows what {sorted(odd)} is of a tool")
    return Tool(
        fields["does"], where, frozenset((*where.values(), *always, *fields.get("with", ()))), fields.get("at", "")
    )


CLIENTS: Final = read_clients(files("nucleus.mcp").joinpath("hooktools.toml").read_text(encoding="utf-8"))


def calls_of(client: str, event: Mapping[str, Any], mediated: Mediated = nobody) -> tuple[Call, ...]:
    """Return the calls that an event stands for; none where its tool touches nothing outside of the client.

    Raises ValueError for a client, or an event, of a shape that nobody knows.
    """
    shape = CLIENTS.get(client)
    if shape is None:
        raise ValueError(f"nobody knows the hooks of {client}")
    said = event.get("hook_event_name", "")
    if said in shape.event_tools:
        row = shape.event_tools[said]
        arguments = {name: event[name] for name in row.known if name in event}
        return _calls(client, str(said), row, arguments, event)
    if client == "cursor" and said == "beforeMCPExecution":
        place = event.get("command") or event.get("url") or ""
        return _mcp(client, "", _text(event, "tool_name"), _input(event, "tool_input"), str(place), mediated)
    if said not in shape.events:
        raise ValueError(f"{client} has no event {said!r:.40} that comes before a tool")
    # Copilot has the names of another client, too.
    other = "tool_name" in event and shape.name not in event
    name = _text(event, "tool_name" if other else shape.name)
    arguments = _input(event, "tool_input" if other else shape.input)
    served = _server_of(client, name, event)
    if served is not None:
        return () if client == "cursor" else _mcp(client, *served[:2], arguments, served[2], mediated)
    tool = shape.tools.get(name)
    asked = "" if tool is None or tool.does != SERVER else arguments.get(tool.where[SERVER], "")
    if tool is not None and asked and type(asked) is str and set(arguments) <= tool.known:
        return _mcp(client, asked, name, arguments, "", mediated)
    return _calls(client, name, tool, arguments, event)


def _server_of(client: str, name: str, event: Mapping[str, Any]) -> tuple[str, str, str] | None:
    """Return server, tool and command line of a tool that an MCP server has; None for one of the client's own."""
    context = event.get("mcp_context")
    if client == "gemini" and type(context) is dict:
        words = [context.get("command"), *(context.get("args") or ())] if type(context.get("args")) is list else []
        line = " ".join(word for word in words if type(word) is str)
        return str(context.get("server_name", "")), str(context.get("tool_name") or name), line
    found = _MCP_NAME.fullmatch(name)
    if found is not None:
        return found[1], found[2], ""
    if client == "cursor" and name.startswith("MCP:"):
        return "", name[4:], ""  # beforeMCPExecution says more of it, and decides
    return None


def _mcp(
    client: str, server: str, tool: str, arguments: Mapping[str, Any], command: str, mediated: Mediated
) -> tuple[Call, ...]:
    if mediated(server, command):
        return ()
    fields = {"client": client, "tool": tool, "does": kinds.MCP, "server": server}
    return (Call(kinds.CLIENT, fields, written(arguments)),)


def _calls(
    client: str, name: str, row: Tool | None, arguments: Mapping[str, Any], event: Mapping[str, Any]
) -> tuple[Call, ...]:
    body = written(arguments)
    fields: dict[str, Any] = {"client": client, "tool": name}
    unreviewed = (Call(kinds.CLIENT, {**fields, "does": kinds.UNKNOWN, "server": client}, body),)
    if row is None or row.does == SERVER or not set(arguments) <= row.known:
        return unreviewed
    if row.does == NOTHING:
        return ()
    if row.does in ASKED_OF_PROVIDER:
        op = ASKED_OF_PROVIDER[row.does]
        asked = {**fields, "does": kinds.TOOL, "op": op, "destination": row.at, "arguments": dict(arguments)}
        return (Call(kinds.CLIENT, asked, body),)
    if row.does == PATCH:
        changes = _patched(arguments.get(row.where["text"]))
        if not changes:
            return unreviewed
        return tuple(
            Call(kinds.CLIENT, {**fields, "does": does, "path": _place(event, path)}, body) for does, path in changes
        )
    places = arguments.get(row.where.get("path", ""))
    several = places if type(places) is list and places and row.does in TREES else [places]
    return tuple(
        Call(kinds.CLIENT, {**fields, "does": row.does, **_where(row, arguments, event, one)}, body) for one in several
    )


def _where(row: Tool, arguments: Mapping[str, Any], event: Mapping[str, Any], place: object) -> dict[str, Any]:
    """Return our arguments, for one of the places that are named. Raises ValueError for one that is no text."""
    found: dict[str, Any] = {}
    for ours, theirs in row.where.items():
        value = place if ours == "path" else arguments.get(theirs)
        if value is None and ours != "path":
            continue
        if ours == "text" and type(value) is list and all(type(word) is str for word in value):
            found["argv"] = value
        elif value is not None and type(value) is not str:
            raise ValueError(f"{theirs} is no text")
        else:
            found[ours] = _place(event, value or ".") if ours in {"path", "cwd"} else value
    if row.does in {kinds.READ, kinds.WRITE, kinds.EDIT, kinds.DELETE} and not place:
        raise ValueError(f"{row.where['path']} is missing")
    if row.does == kinds.RUN:
        found.setdefault("cwd", _place(event, "."))
    return found


def _place(event: Mapping[str, Any], path: str) -> str:
    """Return a path as the client's tool opens it: below the event's directory, links followed as far as they are."""
    base = event.get("cwd")
    if type(base) is not str or not base.startswith("/"):
        roots = event.get("workspace_roots")
        base = roots[0] if type(roots) is list and roots and type(roots[0]) is str else "."
    if "\0" in path + base or path.startswith("~"):
        return path
    joined = os.path.join(base, path)
    return os.path.realpath(joined) if joined.startswith("/") else joined


def _patched(text: object) -> list[tuple[str, str]]:
    """Return what a patch changes, none where it has a line that is not known."""
    if type(text) is not str:
        return []
    found = []
    for line in text.split("\n"):
        mark = next((mark for mark in _PATCHED if line.strip().startswith(mark.strip())), "")
        if mark:
            found.append((_PATCHED[mark], line.strip()[len(mark.strip()) :].strip()))
        elif line.strip().startswith("***") and line.strip() not in _FRAME:
            return []
    return found if all(path for _, path in found) else []


def _text(event: Mapping[str, Any], name: str) -> str:
    value = event.get(name)
    if type(value) is str and value:
        return value
    raise ValueError(f"an event without {name}")


def _input(event: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Return a tool's arguments: an object, or JSON in a text. Raises ValueError."""
    value = event.get(name, {})
    if type(value) is str:
        try:
            return parse_object(value.encode("utf-8", "surrogatepass")) if value.strip() else {}
        except MessageError as error:
            raise ValueError(f"{name} is no JSON object: {error}") from error
    if type(value) is dict:
        return value
    raise ValueError(f"{name} is no object")
