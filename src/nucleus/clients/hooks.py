"""Where each client keeps its hooks, and how ours is put there and taken out to the byte.

Adding is one insertion after another into the text; taking out is the same in
the other order. What was not there before (the event, the table of hooks, the
file) is counted in the entry's own command, so no record of the old text is
needed.
"""

import json
import re
from collections.abc import Callable, Mapping
from typing import Any, Final, final

from nucleus.audit.fixes import apply
from nucleus.audit.model import Edit
from nucleus.audit.node import MAP, SEQ, STRING, Node
from nucleus.audit.text import Source, decode, encode
from nucleus.clients.config import tree
from nucleus.clients.hookscript import SECONDS
from nucleus.clients.layout import Table, Unfit
from nucleus.lean import dataclass

PATIENCE: Final = 60
"""Seconds that a client waits for its hook: more than the hook waits for its answer."""
assert PATIENCE > SECONDS  # noqa: S101  else a client would go on before its hook refuses

ENTRY, EVENT, HOOKS, FILE = range(4)
"""What was made beside the entry: nothing, its event, the table of hooks, the whole file."""


def _grouped(command: str) -> dict[str, Any]:
    return {"matcher": "*", "hooks": [{"type": "command", "command": command, "timeout": PATIENCE}]}


def _gemini(command: str) -> dict[str, Any]:
    hook = {"type": "command", "name": "nucleus", "command": command, "timeout": PATIENCE * 1000}
    return {"matcher": ".*", "hooks": [hook]}


def _cursor(command: str) -> dict[str, Any]:
    return {"command": command, "timeout": PATIENCE, "failClosed": True}


def _copilot(command: str) -> dict[str, Any]:
    return {"type": "command", "bash": command, "timeoutSec": PATIENCE}


@final
@dataclass(frozen=True, slots=True)
class Hooked:
    """One client: its file below the home directory, the events before a tool, and the form of an entry."""

    file: str
    events: tuple[str, ...]
    entry: Callable[[str], dict[str, Any]]
    top: Mapping[str, Any]
    """What a new file has besides."""
    next: str
    """What a person has to do for it to count."""
    off: tuple[tuple[str, ...], ...] = ()
    """Settings by which the client runs no hooks: a path of keys, the last with the value."""


CLIENTS: Final[Mapping[str, Hooked]] = {
    "claude-code": Hooked(
        ".claude/settings.json",
        ("PreToolUse",),
        _grouped,
        {},
        "start Claude Code anew; /hooks shows it",
        (("disableAllHooks", "true"), ("allowManagedHooksOnly", "true")),
    ),
    "codex": Hooked(
        ".codex/hooks.json",
        ("PreToolUse",),
        _grouped,
        {},
        "start Codex anew and trust the hook with /hooks: Codex skips, without a word, one that nobody trusted",
    ),
    "gemini": Hooked(
        ".gemini/settings.json",
        ("BeforeTool",),
        _gemini,
        {},
        "start Gemini CLI anew; /hooks panel shows it",
        (("tools", "enableHooks", "false"), ("hooksConfig", "enabled", "false")),
    ),
    "cursor": Hooked(
        ".cursor/hooks.json",
        ("beforeShellExecution", "beforeMCPExecution", "beforeReadFile", "preToolUse"),
        _cursor,
        {"version": 1},
        "start Cursor anew; its settings show the hooks that ran",
    ),
    "copilot": Hooked(
        ".copilot/hooks/nucleus.json", ("preToolUse",), _copilot, {"version": 1}, "start Copilot CLI anew"
    ),
}


@final
@dataclass(frozen=True, slots=True)
class Ours:
    """One entry of ours: where it stands, its command, what was made with it."""

    event: str
    index: int
    command: str
    made: int


def installed(client: str, data: bytes | None, command: Callable[[int], str]) -> bytes:
    """Return a client's file with our entry before every tool. Raises Unfit. Entries of ours that differ are replaced.

    ``data`` is None where there is no file: then taking ours out leaves an empty text. ``command`` returns the
    command for what was made with the entry.
    """
    shape = CLIENTS[client]
    events = list(shape.events)
    found = [] if data is None else ours(client, data)
    same = [one.event for one in found] == events and all(one.command == command(one.made) for one in found)
    if data is not None and same:
        return data
    before = new = b"" if data is None else removed(client, data)
    if not before:
        table = {**shape.top, "hooks": {events[0]: [shape.entry(command(FILE))]}}
        new = (json.dumps(table, indent=2) + "\n").encode()
        events = events[1:]
    for event in events:
        new = _added(client, new, event, command)
    if removed(client, new) != before:
        raise Unfit("it could not be put back to the byte; nothing is changed")
    return new


def removed(client: str, data: bytes) -> bytes:
    """Return a client's file without our entries, and without what was made for them. Raises Unfit.

    An empty text where nothing else is left of a file that was made for them.
    """
    for one in reversed(ours(client, data)):
        data = _without(client, data, one)
    return data


def ours(client: str, data: bytes) -> list[Ours]:
    """Return our entries, in the order in which they were added. Raises Unfit for a file that is not plain JSON."""
    _, root = _read(client, data)
    found = []
    for event in CLIENTS[client].events:
        holder = root.at("hooks", event)
        for index, entry in enumerate(holder.elements() if holder is not None else ()):
            text = _command_of(entry)
            match = _OURS.search(text)
            if match is not None and match["client"] == client:
                found.append(Ours(event, index, text, int(match["made"])))
    return found


_OURS: Final = re.compile(r"/hooks/(?P<client>[a-z-]+)\.(?:pl|py)' made:(?P<made>[0-3]) \|\| ")
"""What follows is another version's business: its entries are ours too."""


def switched_off(client: str, data: bytes) -> str:
    """Return the setting in a client's file by which it runs no hooks, "" where there is none. Raises Unfit."""
    _, root = _read(client, data)
    for *path, value in CLIENTS[client].off:
        node = root.at(*path)
        if node is not None and (node.is_true() if value == "true" else node.is_false()):
            return f"{'.'.join(path)} = {value}"
    return ""


def _command_of(entry: Node) -> str:
    inner = entry.get("hooks")
    for holder in (entry, *(inner.elements() if inner is not None else ())):
        for name in ("command", "bash"):
            node = holder.get(name)
            text = "" if node is None or node.kind != STRING else str(node.value)
            if _OURS.search(text):
                return text
    return ""


def _read(client: str, data: bytes) -> tuple[Source, Node]:
    try:
        source = decode(CLIENTS[client].file, data)
    except UnicodeDecodeError as error:
        raise Unfit(f"it is no text in UTF-8 or UTF-16 (byte {error.start})") from error
    if not source.text.strip():
        raise Unfit("it is empty; remove it")
    (root,) = tree(source).roots
    if root.kind != MAP:
        raise Unfit("it holds no table")
    return source, root


def _added(client: str, data: bytes, event: str, command: Callable[[int], str]) -> bytes:
    """Return the file with an entry for one event. Raises Unfit."""
    source, root = _read(client, data)
    hooks = root.get("hooks")
    holder = hooks.get(event) if hooks is not None else None
    entry = CLIENTS[client].entry
    if hooks is None:
        edit = _into_map(source, root, "hooks", {event: [entry(command(HOOKS))]})
    elif hooks.kind != MAP:
        raise Unfit("its hooks are no table")
    elif holder is None:
        edit = _into_map(source, hooks, event, [entry(command(EVENT))])
    elif holder.kind != SEQ:
        raise Unfit(f"its {event} is no list")
    else:
        edit = _put(source, holder, json.dumps(entry(command(ENTRY))))
    return encode(source, apply(source.text, [edit]))


def _into_map(source: Source, holder: Node, name: str, value: object) -> Edit:
    return _put(source, holder, f"{json.dumps(name)}: {json.dumps(value)}")


def _put(source: Source, holder: Node, text: str) -> Edit:
    """Return the edit that puts something last in a list or table, on a line of its own where the others have one."""
    if not holder.children:
        return Edit(source, holder.start + 1, holder.start + 1, text)
    first = (holder.keys or holder.children)[0]
    line = source.text.rfind("\n", 0, first.start) + 1
    lead = source.text[line : first.start]
    lead = "\n" + lead if line and not lead.strip() and line > holder.start else " "
    end = holder.children[-1].end
    return Edit(source, end, end, f",{lead}{text}")


def _without(client: str, data: bytes, one: Ours) -> bytes:
    source, root = _read(client, data)
    hooks = root.get("hooks")
    holder = hooks.get(one.event) if hooks is not None else None
    assert hooks is not None  # noqa: S101  the entry was found in it
    assert holder is not None  # noqa: S101  likewise
    alone = len(holder.children) == 1
    if one.made == FILE and alone and len(hooks.children) == 1 and _only_ours(client, root):
        return b""
    if one.made >= HOOKS and alone and len(hooks.children) == 1:
        edits = Table(source, root).remove("hooks")
    elif one.made >= EVENT and alone:
        edits = Table(source, hooks).remove(one.event)
    else:
        edits = [_taken(source, holder, one.index)]
    return encode(source, apply(source.text, edits))


def _only_ours(client: str, root: Node) -> bool:
    """Whether nothing is in a file but what a new one has."""
    rest = {str(key.value): value.plain() for key, value in root.entries() if key.value != "hooks"}
    return rest == dict(CLIENTS[client].top)


def _taken(source: Source, holder: Node, index: int) -> Edit:
    """Return the edit that takes one element out of a list, with its comma."""
    node = holder.children[index]
    if index:
        return Edit(source, holder.children[index - 1].end, node.end, "")
    stop = holder.children[1].start if len(holder.children) > 1 else node.end
    return Edit(source, node.start, stop, "")
