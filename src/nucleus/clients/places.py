"""Where clients keep their servers, for a project and for a person.

The paths are the clients' own; the form of each is known from its path
(``nucleus.audit.discover``).
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Final, final

from nucleus.audit.discover import USER_FILES
from nucleus.lean import dataclass

PROJECT: Final = (
    ".mcp.json", ".cursor/mcp.json", ".vscode/mcp.json", ".vscode/settings.json", ".codex/config.toml",
    ".gemini/settings.json", ".windsurf/mcp_config.json", ".zed/settings.json", ".qwen/settings.json",
    "opencode.json", "opencode.jsonc", ".kiro/settings/mcp.json", ".amazonq/mcp.json", ".roo/mcp.json",
    ".factory/mcp.json", ".junie/mcp/mcp.json", ".trae/mcp.json",
)  # fmt: skip
SETTINGS: Final = (".claude/settings.json", ".claude/settings.local.json", ".cursor/cli.json")
"""What may switch a client's questions off, and names no servers."""
SYSTEM: Final = ("/etc/claude-code/managed-mcp.json", "/etc/claude-code/managed-settings.json")


@final
@dataclass(frozen=True, slots=True)
class Place:
    """One file of a client's."""

    path: Path
    shown: str
    own: bool
    """It lies in a person's home, not in a project that somebody else may have written."""


def project(root: Path) -> Iterator[Place]:
    """Yield the files of a project that clients read servers from."""
    return (Place(root / name, name, own=False) for name in PROJECT if (root / name).is_file())


def others(root: Path, home: Path, system: tuple[str, ...] = SYSTEM) -> Iterator[Place]:
    """Yield every file that clients read here: the project's, the person's, the machine's."""
    yield from project(root)
    yield from (Place(root / name, name, own=False) for name in SETTINGS if (root / name).is_file())
    files = [path for path, client in USER_FILES if path.endswith((".json", ".jsonc", ".toml")) and client != "nucleus"]
    yield from (Place(home / name, f"~/{name}", own=True) for name in files if (home / name).is_file())
    yield from (Place(Path(name), name, own=True) for name in system if Path(name).is_file())
