"""Something is written where its client does not look.

## Why

A guard or a limit that the client never reads protects nobody, and a server that never starts confuses everybody.
Claude Code takes MCP servers from `.mcp.json` and its own state file, not from `settings.json`; Claude Desktop and
Cursor want `mcpServers` spelled so.

## Example

```json
{ "mcp_servers": { "mail": { "command": "uv", "args": ["run", "server.py"] } } }
```

in `claude_desktop_config.json`.

## Fix

Move the table to the file and the name that the client reads.

## Limits

Clients change; confidence is medium.
"""

from collections.abc import Iterator

from nucleus.audit.model import Confidence, Finding, Rule, Severity
from nucleus.audit.project import Project

RULE = Rule("ignored-configuration", "configuration that its client ignores", Severity.LOW, Confidence.MEDIUM)
_TABLES = ("mcpServers", "servers", "mcp", "mcp_servers", "context_servers", "mcp.servers")
_JSON_CLIENTS = frozenset({"claude-desktop", "claude-code", "cursor", "windsurf", "kiro", "gemini", "antigravity"})


def check(project: Project) -> Iterator[Finding]:
    """Yield tables of servers and hooks in files or under names that their client does not read."""
    with_servers = {server.source for server in project.servers}
    for document, root in project.configs():
        name = document.path.rsplit("/", 1)[-1]
        key = root.key("mcpServers")
        if (
            document.kind.client == "claude-code"
            and name.startswith("settings")
            and "/.claude/" in "/" + document.path
            and key is not None
        ):
            yield RULE.at(
                document.source,
                key.start,
                key.end,
                "Claude Code does not read MCP servers from settings files; use .mcp.json",
                subject="mcpServers",
            )
        key = root.key("mcp_servers")
        if (
            document.kind.client in _JSON_CLIENTS
            and name.endswith(".json")
            and key is not None
            and root.get("mcpServers") is None
        ):
            yield RULE.at(
                document.source,
                key.start,
                key.end,
                "this client reads 'mcpServers'; what stands here is ignored",
                subject="mcp_servers",
            )
        named = "mcp" in name and document.kind.client != "goose"
        tables = [found for known in _TABLES if (found := root.get(known)) is not None and found.kind in {"map", "seq"}]
        started = document.source in with_servers
        if (
            named
            and root.kind == "map"
            and root.children
            and not started
            and not any(table.kind == "map" for table in tables)
        ):
            message = "no client finds a table of servers in this file"
            yield RULE.at(
                document.source, root.start, root.start + 1, message, subject="none", confidence=Confidence.LOW
            )
        key = root.key("servers")
        if document.kind.client == "cursor" and key is not None and root.get("mcpServers") is None:
            yield RULE.at(
                document.source,
                key.start,
                key.end,
                "Cursor reads 'mcpServers'; what stands here is ignored",
                subject="servers",
            )
