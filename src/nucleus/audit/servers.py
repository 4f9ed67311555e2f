"""MCP servers, in one shape for all that clients spell in different ways."""

import re
from collections.abc import Iterator
from typing import final

from nucleus.audit.launch import Launch, launch, remote_of, split_words
from nucleus.audit.node import MAP, SEQ, STRING, Node
from nucleus.audit.text import Source
from nucleus.lean import dataclass, field

_MAP_KEYS = ("mcpServers", "mcp_servers", "context_servers", "mcp.servers", "amp.mcpServers")
_APPROVE_KEYS = ("autoApprove", "alwaysAllow", "auto_approve", "always_allow", "autoApproveTools", "auto_approve_tools")
_TRUST_KEYS = ("trust", "trusted", "autoApproveAll", "dangerouslySkipApproval")
_TOOL_KEYS = (
    "includeTools",
    "enabledTools",
    "enabled_tools",
    "allowedTools",
    "allowed_tools",
    "tools",
    "available_tools",
    "toolFilter",
)


@final
@dataclass(slots=True, eq=False)
class Server:
    """One MCP server as a client starts or calls it."""

    source: Source
    client: str
    name: str
    key: Node
    node: Node
    words: list[Node] = field(default_factory=list)
    """The command and its arguments."""
    env: list[tuple[Node, Node]] = field(default_factory=list)
    headers: list[tuple[Node, Node]] = field(default_factory=list)
    url: Node | None = None
    approved: list[Node] = field(default_factory=list)
    """Tools that run without a question."""
    trust: Node | None = None
    """The flag that lets all of them run without a question."""
    tools: list[str] | None = None
    """The tools that the client is limited to, None where it is not."""
    disabled: bool = False
    launch: Launch = field(default_factory=lambda: Launch("", ""))

    @property
    def place(self) -> Node:
        """The word that says best what this server is: package, image, script or URL."""
        return self.launch.at or self.url or self.key

    def remote(self) -> Node | None:
        """Return the URL that calls go to, through a bridge too."""
        return self.url if self.url is not None else remote_of(self.launch)


def servers_of(source: Source, client: str, roots: "tuple[Node, ...]") -> "list[Server]":
    """Return the servers of a parsed configuration, wherever its client keeps them."""
    found: list[Server] = []
    for root in roots:
        for table in _tables(root, client):
            for key, node in table.entries():
                if node.kind == MAP:
                    server = _server(source, client, key, node)
                    if server.words or server.url is not None:
                        found.append(server)
    return found


def _tables(root: Node, client: str) -> Iterator[Node]:  # noqa: C901  one clause for each client or kind
    """Yield the maps from server name to server."""
    for name in _MAP_KEYS:
        table = root.get(name)
        if table is not None:
            yield from _named_list(table)
    for table in (root.at("mcp", "servers"), root.at("mcp", "mcpServers"), root.at("settings", "mcp", "servers")):
        if table is not None:
            yield table
    servers = root.get("servers")
    if servers is not None and (client in {"vscode", "mcp", "copilot"} or root.get("inputs") is not None):
        yield from _named_list(servers)
    if client in {"opencode", "crush"} and (mcp := root.get("mcp")) is not None:
        yield mcp
    if client == "goose" and (extensions := root.get("extensions")) is not None:
        yield extensions
    for _, project in (root.get("projects") or Node(MAP, None, 0, 0)).entries():
        table = project.get("mcpServers")
        if table is not None:
            yield table
    if client == "mcp" and root.kind == MAP and all(root.get(name) is None for name in (*_MAP_KEYS, "servers", "mcp")):
        looks = [node for _, node in root.entries() if node.get("command") is not None and node.get("args") is not None]
        if looks and len(looks) == len(root.children):
            yield root


def _named_list(table: Node) -> Iterator[Node]:
    """Yield ``table``, or a map made of a list of servers that carry their names inside."""
    if table.kind != SEQ:
        yield table
        return
    made = Node(MAP, None, table.start, table.end)
    for element in table.children:
        name = element.get("name")
        if name is not None and name.kind == STRING:
            made.keys.append(name)
            made.children.append(element)
    yield made


def _server(source: Source, client: str, key: Node, node: Node) -> Server:  # noqa: C901, PLR0912  one clause for each client or kind
    server = Server(source, client, str(key.value), key, node)
    server.words = _words(node)
    for name in ("url", "serverUrl", "httpUrl", "server_url", "uri", "endpoint", "baseUrl"):
        found = node.get(name)
        if found is not None and found.kind == STRING:
            server.url = found
            break
    for name in ("env", "environment", "envs"):
        found = node.get(name)
        if found is not None:
            server.env.extend(found.entries())
            server.env.extend(_assignments(found))
    for name in ("headers", "http_headers", "requestInit"):
        found = node.get(name)
        if found is not None:
            server.headers.extend((found.get("headers") or found).entries())
    for name in _APPROVE_KEYS:
        found = node.get(name)
        if found is not None:
            server.approved.extend(found.strings())
            if found.is_true():
                server.trust = found
    for name in _TRUST_KEYS:
        found = node.get(name)
        if found is not None and found.is_true():
            server.trust = found
    for name in _TOOL_KEYS:
        found = node.get(name)
        if found is not None and found.kind in {SEQ, MAP}:
            names = found.strings() if found.kind == SEQ else found.keys
            listed = [str(one.value) for one in names]
            server.tools = None if "*" in listed or not listed else listed
    disabled, enabled = node.get("disabled"), node.get("enabled")
    server.disabled = bool(
        (disabled is not None and disabled.is_true()) or (enabled is not None and enabled.is_false())
    )
    server.launch = launch(server.words)
    return server


def _words(node: Node) -> "list[Node]":
    """Return command and arguments, from whichever form the client uses."""
    command = node.get("command") or node.get("cmd")
    if command is None:
        return []
    if command.kind == SEQ:
        return command.strings()
    if command.kind == MAP:
        path = command.get("path")
        inner = [path] if path is not None and path.text() else []
        return [*inner, *(command.get("args") or Node(SEQ, None, 0, 0)).strings()]
    args = node.get("args")
    given = args.strings() if args is not None else []
    if not command.text():
        return []
    if not given and re.search(r"\s", command.text()) and not re.search(r"[\\/][^\\/]* [^\\/]*[\\/]", command.text()):
        return split_words(command.text(), command)
    return [command, *given]


def _assignments(found: Node) -> "list[tuple[Node, Node]]":
    """Return ``NAME=value`` elements of a list as pairs."""
    pairs = []
    for element in found.strings() if found.kind == SEQ else []:
        name, equals, value = element.text().partition("=")
        if equals:
            pairs.append(
                (Node(STRING, name, element.start, element.end), Node(STRING, value, element.start, element.end))
            )
    return pairs
