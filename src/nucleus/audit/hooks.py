"""Commands that a client runs by itself: hooks, status lines, key helpers."""

import re
from collections.abc import Iterator
from typing import final

from nucleus.audit.node import MAP, SEQ, STRING, Node
from nucleus.audit.text import Source
from nucleus.lean import dataclass

_GUARD_EVENTS = re.compile(
    r"(?:pre|before)[-_]?(?:tool|shell|mcp|bash|command|read|edit|write|prompt|submit)|permission|beforetool|userprompt|tabfileread",
    re.IGNORECASE,
)
_GUARD_WORDS = re.compile(
    r"block|guard|deny|protect|safety|secur|check|validat|verify|lint|forbid|polic|gate", re.IGNORECASE
)
_HELPERS = (
    "apiKeyHelper",
    "awsAuthRefresh",
    "awsCredentialExport",
    "gcpAuthRefresh",
    "otelHeadersHelper",
    "headersHelper",
)


@final
@dataclass(frozen=True, slots=True, eq=False)
class Hook:
    """One command and the event that runs it."""

    source: Source
    client: str
    event: str
    node: Node
    """The string with the command."""
    matcher: str = ""
    event_key: Node | None = None

    @property
    def command(self) -> str:
        """The command as text."""
        return self.node.text()

    def guards(self) -> bool:
        """Whether its event stands before an effect, so that its answer can stop it."""
        return _GUARD_EVENTS.search(self.event) is not None

    def means_to_block(self) -> bool:
        """Whether its own words say that it is there to stop something."""
        return self.guards() and _GUARD_WORDS.search(self.command) is not None


def hooks_of(source: Source, client: str, roots: "tuple[Node, ...]") -> "list[Hook]":
    """Return the hooks of a parsed configuration."""
    found: list[Hook] = []
    for root in roots:
        table = root.get("hooks")
        if table is not None:
            for key, events in table.entries():
                found.extend(_event(source, client, key, events))
        then = root.get("then")
        when = root.at("when", "type")
        if client == "kiro" and then is not None and (command := then.get("command")) is not None:
            found.append(Hook(source, client, when.text() if when is not None else "hook", command))
    return found


def _event(source: Source, client: str, key: Node, events: Node) -> Iterator[Hook]:
    for entry in events.elements() or ([events] if events.kind in {MAP, STRING} else []):
        matcher = entry.get("matcher")
        text = matcher.text() if matcher is not None else ""
        if entry.kind == STRING:
            yield Hook(source, client, str(key.value), entry, text, key)
        inner = entry.get("hooks")
        for holder in [entry, *(inner.elements() if inner is not None and inner.kind == SEQ else [])]:
            for name in ("command", "bash", "powershell"):
                command = holder.get(name)
                if command is not None and command.kind == STRING:
                    yield Hook(source, client, str(key.value), command, text, key)


def helpers_of(source: Source, client: str, roots: "tuple[Node, ...]") -> "list[Hook]":  # noqa: C901  one clause for each client or kind
    """Return commands that settings name for other ends than events; the event is the setting's name."""
    found: list[Hook] = []
    for root in roots:
        for name in _HELPERS:
            node = root.get(name)
            if node is not None and node.text():
                found.append(Hook(source, client, name, node, "", root.key(name)))
        status = root.at("statusLine", "command")
        if status is not None and status.text():
            found.append(Hook(source, client, "statusLine", status, "", root.key("statusLine")))
        notify = root.get("notify")
        if client == "codex" and notify is not None and notify.strings():
            words = notify.strings()
            text = " ".join(word.text() for word in words)
            found.append(
                Hook(source, client, "notify", Node(STRING, text, notify.start, notify.end), "", root.key("notify"))
            )
        for name in ("discoveryCommand", "callCommand", "toolDiscoveryCommand", "toolCallCommand"):
            node = root.get(name) or root.at("tools", name)
            if client in {"gemini", "qwen"} and node is not None and node.text():
                found.append(Hook(source, client, name, node))
        for table in (root.get("mcpServers"), root.get("servers")):
            for _, server in table.entries() if table is not None else ():
                helper = server.get("headersHelper")
                if helper is not None and helper.text():
                    found.append(Hook(source, client, "headersHelper", helper, "", server.key("headersHelper")))
    return found
