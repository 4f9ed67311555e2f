"""MCP servers as clients' files name them: ``mcpServers`` (or ``servers``), read strictly, for ``run --mcp-config``."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final, final

from nucleus.errors import CannotEnforce
from nucleus.lean import dataclass, field
from nucleus.mcp.messages import MessageError, parse_object

KEYS: Final = ("mcpServers", "servers")
KNOWN: Final = frozenset(("type", "command", "args", "env", "url", "headers", "disabled"))
TYPES: Final = frozenset(("stdio", "http", "streamable-http"))
NAMES: Final = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.")


@final
@dataclass(frozen=True, slots=True)
class Server:
    """One entry: a command with its words and variables, or a URL with its headers."""

    name: str
    words: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    url: str = ""
    headers: Mapping[str, str] = field(default_factory=dict)


def read_servers(path: Path) -> list[Server]:
    """Return the servers that a file names, without those that are disabled. Raises CannotEnforce, OSError."""
    try:
        fields = parse_object(path.read_bytes())
    except MessageError as error:
        raise _wrong(path, str(error)) from error
    found = [fields[key] for key in KEYS if key in fields]
    if len(found) != 1 or not isinstance(found[0], dict):
        raise _wrong(path, "it has one of mcpServers and servers, an object of servers by name")
    return [
        _server(path, name, entry)
        for name, entry in found[0].items()
        if not (isinstance(entry, dict) and entry.get("disabled") is True)
    ]


def _server(path: Path, name: str, entry: object) -> Server:
    if not name or len(name) > 64 or not NAMES.issuperset(name) or not isinstance(entry, dict):
        raise _wrong(path, f"{name[:64]!r}: a server has a name of letters, digits, - _ . and an object")
    unknown = sorted(set(entry) - KNOWN)
    if unknown or entry.get("type", "stdio") not in TYPES:
        raise _wrong(path, f"{name}: nobody knows {', '.join(unknown) or entry.get('type')!r} here")
    command, args, url = entry.get("command", ""), entry.get("args", []), entry.get("url", "")
    words = [command, *args] if isinstance(command, str) and isinstance(args, list) else [None]
    texts = all(isinstance(one, str) and "\0" not in one for one in (*words, url))
    if not texts or bool(command) == bool(url):
        raise _wrong(path, f"{name}: a server has a command with args, or a url, as text")
    return Server(
        name,
        tuple(str(one) for one in words) if command else (),
        _pairs(path, name, entry.get("env", {})),
        url,
        _pairs(path, name, entry.get("headers", {})),
    )


def _pairs(path: Path, name: str, value: Any) -> dict[str, str]:
    if isinstance(value, dict) and all(isinstance(one, str) and "\0" not in one for one in value.values()):
        return dict(value)
    raise _wrong(path, f"{name}: env and headers map names to text")


def _wrong(path: Path, why: str) -> CannotEnforce:
    return CannotEnforce(f"{path} names no MCP servers that can be used", why=why, fix="correct it, or leave it out")
