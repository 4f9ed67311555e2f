"""The MCP servers of ``nucleus run --mcp-config``: found, identified, and served to the box from outside of it."""

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from nucleus.cli import Usage
from nucleus.errors import CannotEnforce

if TYPE_CHECKING:
    from nucleus.gate.connection import Connection
    from nucleus.local.argv import View
    from nucleus.mcp.configured import Server
    from nucleus.mcp.mediate import Task

SOCKET: Final = "mcp.sock"
ROUTES: Final = "http://127.0.0.1:3129/mcp"
SECONDS: Final = 5.0


def names(file: str) -> tuple[str, ...]:
    """Return the names of the servers that a file names, none without a file. Raises Usage, CannotEnforce."""
    if not file:
        return ()
    from nucleus.mcp.configured import read_servers

    try:
        return tuple(server.name for server in read_servers(Path(file)))
    except OSError as error:
        raise Usage(f"--mcp-config {file}: {error.strerror}") from error


@final
class Servers:
    """Every server that one file names. ``places`` is what the egress process needs to reach them."""

    def __init__(
        self,
        file: str,
        gate: "Connection",
        opened: Mapping[str, Any],
        view: "View",
        say: Callable[[str], None],
    ) -> None:
        """Start serving to the box that shows ``view``. Raises CannotEnforce, OSError."""
        from nucleus.mcp.behind import begin
        from nucleus.mcp.configured import read_servers

        place = Path(view.upper).parent / SOCKET
        tasks = [task_of(server, view.state, view.workspace) for server in read_servers(Path(file))]
        self._spawned = begin(place, tasks, gate, opened) if tasks else None
        self.places: Final = {task.name: str(place) for task in tasks}
        for task in tasks:
            say(f"MCP server {task.name}: {ROUTES}/{task.name}")

    def close(self) -> None:
        """End the servers."""
        if self._spawned is not None:
            self._spawned.end(SECONDS)


def task_of(server: "Server", state: str, workspace: str) -> "Task":
    """Return what is to be mediated for one entry. Raises CannotEnforce."""
    from nucleus.gate.hardening import clean_environment
    from nucleus.mcp import launch
    from nucleus.mcp.mediate import Task
    from nucleus.mcp.wire import address_of

    fields = {"state": state, "workspace": workspace}
    if server.url:
        address_of(server.url)
        if any(not value.isascii() or not value.isprintable() for value in server.headers.values()):
            raise CannotEnforce(f"a header of {server.name} is no plain text", fix="correct the file")
        return Task(server.name, (server.url,), {}, fields, url=server.url, headers=server.headers)
    settings = [f"{name}={value}" for name, value in server.env.items()]
    environment = launch.server_environment(clean_environment(), os.environ, settings)
    path = server.env.get("PATH") or os.environ.get("PATH") or environment["PATH"]
    return Task(server.name, launch.identity(server.words, path).command, environment, fields)
