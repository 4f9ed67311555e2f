"""Which file belongs to which client, decided by its path alone.

A form says how the content is read. Forms that end in ``?`` are candidates:
the content decides whether there is anything for us in it.
"""

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

SKIPPED_DIRECTORIES = frozenset({
    ".git", ".hg", ".svn", ".jj", "node_modules", "site-packages", "__pycache__", ".venv", "venv", ".tox", ".nox",
    ".mypy_cache", ".ruff_cache", ".pytest_cache", ".hypothesis",
})  # fmt: skip
"""Other people's code and caches: not what this repository configures."""
MAX_BYTES = 2_000_000
"""A configuration file beyond this size is refused with a finding, never skipped."""


class Kind(NamedTuple):
    """Whose file it is, and how it is read."""

    client: str
    form: str


CONFIG = "config"
INSTRUCTIONS = "instructions"
PROSE = "prose"
WORKFLOW = "workflow"
COMPOSE = "compose"
DEVCONTAINER = "devcontainer"
DOCKERFILE = "dockerfile"
POLICY = "policy"
OWNERS = "codeowners"
REPOSITORY = "repository"
EXEC_RULES = "exec-rules"
SOURCE_MAYBE = "source?"
POD_MAYBE = "pod?"
SCRIPT_MAYBE = "script?"

_FOLDERS = {
    ".claude": "claude-code", ".claude-plugin": "claude-code", ".cursor": "cursor", ".vscode": "vscode",
    ".codex": "codex", ".gemini": "gemini", ".qwen": "qwen", ".windsurf": "windsurf", ".codeium": "windsurf",
    "windsurf": "windsurf", ".zed": "zed", "zed": "zed", "opencode": "opencode", ".opencode": "opencode",
    ".kiro": "kiro", ".amazonq": "amazonq", ".roo": "roo", ".cline": "cline", ".continue": "continue",
    ".junie": "junie", ".trae": "trae", ".factory": "factory", ".copilot": "copilot", ".amp": "amp", "goose": "goose",
    ".goose": "goose", ".crush": "crush", ".lmstudio": "lmstudio", ".github": "copilot", ".antigravity": "antigravity",
    ".augment": "augment", ".agents": "agents",
}  # fmt: skip
"""A directory that speaks for a client, whatever lies above it."""
_NAMES = {
    "nucleus.toml": Kind("nucleus", POLICY),
    ".claude.json": Kind("claude-code", CONFIG),
    "managed-mcp.json": Kind("claude-code", CONFIG),
    "managed_config.toml": Kind("codex", CONFIG),
    "opencode.json": Kind("opencode", CONFIG),
    "opencode.jsonc": Kind("opencode", CONFIG),
    "crush.json": Kind("crush", CONFIG),
    ".crush.json": Kind("crush", CONFIG),
    "gemini-extension.json": Kind("gemini", CONFIG),
    ".aider.conf.yml": Kind("aider", CONFIG),
    "cline_mcp_settings.json": Kind("cline", CONFIG),
    "mcp_settings.json": Kind("roo", CONFIG),
    "smithery.yaml": Kind("mcp", CONFIG),
    "devcontainer.json": Kind("devcontainer", DEVCONTAINER),
    ".devcontainer.json": Kind("devcontainer", DEVCONTAINER),
    "dockerfile": Kind("container", DOCKERFILE),
    "containerfile": Kind("container", DOCKERFILE),
    "codeowners": Kind("github", OWNERS),
    "makefile": Kind("script", SCRIPT_MAYBE),
    "justfile": Kind("script", SCRIPT_MAYBE),
    ".gitlab-ci.yml": Kind("script", SCRIPT_MAYBE),
    "readme.md": Kind("prose", PROSE),
    "readme": Kind("prose", PROSE),
    "llms.txt": Kind("prose", PROSE),
    **dict.fromkeys(
        ("agents.md", "agents.override.md", "agent.md", ".rules", ".goosehints", "conventions.md", "skill.md"),
        Kind("agents", INSTRUCTIONS),
    ),
    **dict.fromkeys(("claude.md", "claude.local.md"), Kind("claude-code", INSTRUCTIONS)),
    "gemini.md": Kind("gemini", INSTRUCTIONS),
    "qwen.md": Kind("qwen", INSTRUCTIONS),
    "crush.md": Kind("crush", INSTRUCTIONS),
    "warp.md": Kind("warp", INSTRUCTIONS),
    ".cursorrules": Kind("cursor", INSTRUCTIONS),
    ".windsurfrules": Kind("windsurf", INSTRUCTIONS),
    ".clinerules": Kind("cline", INSTRUCTIONS),
    ".roorules": Kind("roo", INSTRUCTIONS),
    "copilot-instructions.md": Kind("copilot", INSTRUCTIONS),
}
_MCP_NAME = re.compile(
    r"\.?(?:[\w.-]*[._-])?mcp(?:[._-]?(?:servers?|config|settings))?(?:[._-][\w.-]+)?\.(?:jsonc?|toml|ya?ml)$"
)
_DESKTOP_NAME = re.compile(r"claude[_-]desktop[_-]config[\w.-]*\.json$")
_SETTINGS_NAME = re.compile(
    r"(?:settings|config|hooks|cli|cli-config|permissions|sandbox|requirements|managed[_-]settings)[\w.-]*\.(?:jsonc?|toml|ya?ml)$"
)
_MANAGED_NAME = re.compile(r"managed[_-]settings[\w.-]*\.json$")
_TEXT_SUFFIXES = (".md", ".mdc", ".txt", ".markdown")
_INSTRUCTION_ENDS = (".mdc", ".instructions.md", ".prompt.md", ".chatmode.md", ".agent.md")
_INSTRUCTION_FOLDERS = frozenset({
    "agents", "commands", "skills", "rules", "steering", "prompts", "instructions", "chatmodes", "output-styles",
    "workflows", "memories", "memory", "guidelines", "personas", "hooks",
})  # fmt: skip
_COMPOSE_NAME = re.compile(r"(?:docker-)?compose[\w.-]*\.ya?ml$")
_DATA_SUFFIXES = (".json", ".jsonc", ".toml", ".yml", ".yaml")


def classify(path: str) -> Kind | None:  # noqa: PLR0911  one return for each kind
    """Return what ``path`` (with forward slashes) is for us, None if nothing."""
    parts = path.lower().split("/")
    name = parts[-1]
    folders = parts[:-1]
    known = _NAMES.get(name)
    if known is not None:
        return known
    if name.endswith(".nucleus.toml"):
        return Kind("nucleus", POLICY)
    if ".github" in folders:
        found = _github(folders, name)
        if found is not None:
            return found
    if _DESKTOP_NAME.match(name):
        return Kind("claude-desktop", CONFIG)
    if _MANAGED_NAME.match(name):
        return Kind("claude-code", CONFIG)
    client = _client(folders)
    if client:
        found = _of_client(client, folders, name)
        if found is not None:
            return found
    if _MCP_NAME.match(name):
        return Kind(client or ("claude-code" if name.startswith(".mcp") else "mcp"), CONFIG)
    return _by_suffix(name)


def named(path: str) -> Kind:
    """Return what a file that a person named is read as: never nothing."""
    found = classify(path)
    if found is not None and not found.form.endswith("?"):
        return found
    name = path.lower().rsplit("/", 1)[-1]
    if name.endswith((".json", ".jsonc", ".toml")):
        return Kind("mcp", CONFIG)
    if found is not None:
        return found
    return Kind("prose", PROSE)


UNLISTED = "can't be listed"


def walk(root: Path, skipped: "list[tuple[str, str]]") -> Iterator[tuple[str, Kind]]:
    """Yield relative paths and kinds below ``root`` in a fixed order; ``skipped`` gets what was left out, and why.

    The last two directories of ``root`` count too: they may be a client's own. Links are not followed.
    A directory that can't be listed is left out with a reason that starts with ``UNLISTED``.
    """
    above = "/".join(root.absolute().parts[-2:]).strip("/")
    stack = [""]
    while stack:
        folder = stack.pop()
        try:
            with os.scandir(root / folder if folder else root) as entries:
                listed = sorted(entries, key=lambda entry: entry.name)
        except OSError as error:
            skipped.append((folder or ".", f"{UNLISTED}: {error.strerror}"))
            continue
        below: list[str] = []
        for entry in listed:
            path = f"{folder}/{entry.name}" if folder else entry.name
            if entry.is_symlink():
                kind = classify(f"{above}/{path}")
                if kind is not None and not kind.form.endswith("?"):
                    skipped.append((path, "a symbolic link; its target is judged where it stands"))
            elif entry.is_dir():
                if entry.name in SKIPPED_DIRECTORIES:
                    skipped.append((path, "a directory of dependencies or caches"))
                else:
                    below.append(path)
            else:
                kind = classify(f"{above}/{path}")
                if kind is not None:
                    yield path, kind
        stack.extend(reversed(below))


def _client(folders: "list[str]") -> str:
    """Return the client of the innermost directory that speaks for one."""
    for folder in reversed(folders):
        if folder in _FOLDERS:
            return _FOLDERS[folder]
        if folder.startswith(".antigravity"):
            return "antigravity"
    return ""


def _of_client(client: str, folders: "list[str]", name: str) -> Kind | None:  # noqa: PLR0911  one return for each kind
    """Return the kind of a file in a client's own directory."""
    if name.endswith(_INSTRUCTION_ENDS):
        return Kind(client, INSTRUCTIONS)
    if name.endswith(_TEXT_SUFFIXES):
        return Kind(client, INSTRUCTIONS)
    if name.endswith(".rules"):
        return Kind(client, EXEC_RULES)
    if name.endswith(".kiro.hook"):
        return Kind(client, CONFIG)
    if client == "copilot" and ".github" in folders:
        return None
    if _SETTINGS_NAME.match(name) or _MCP_NAME.match(name):
        return Kind(client, CONFIG)
    in_own_folder = folders and folders[-1] in {
        "agents",
        "cli-agents",
        "hooks",
        "mcpservers",
        "settings",
        "permissions",
        "profiles",
    }
    if name.endswith(_DATA_SUFFIXES) and in_own_folder:
        return Kind(client, CONFIG)
    return None


def _github(folders: "list[str]", name: str) -> Kind | None:
    """Return the kind of a file below a ``.github`` directory."""
    below = folders[folders.index(".github") + 1 :]
    if below[:1] == ["workflows"] and name.endswith((".yml", ".yaml")):
        return Kind("github", WORKFLOW)
    if name.endswith(_INSTRUCTION_ENDS) or (below and below[0] in _INSTRUCTION_FOLDERS and name.endswith(".md")):
        return Kind("copilot", INSTRUCTIONS)
    if name in {"action.yml", "action.yaml"}:
        return Kind("github", WORKFLOW)
    if below[:1] == ["hooks"] and name.endswith(".json"):
        return Kind("copilot", CONFIG)
    settings = not below and name in {"settings.yml", "settings.yaml"}
    if settings or (below[:1] in (["rulesets"], ["settings"]) and name.endswith(_DATA_SUFFIXES)):
        return Kind("github", REPOSITORY)
    return None


def _by_suffix(name: str) -> Kind | None:  # noqa: PLR0911  one return for each kind
    """Return a candidate where the content must decide."""
    if name.endswith(_INSTRUCTION_ENDS):
        return Kind("agents", INSTRUCTIONS)
    if name.endswith(".code-workspace"):
        return Kind("vscode", CONFIG)
    if _COMPOSE_NAME.match(name):
        return Kind("container", COMPOSE)
    if name.startswith("dockerfile.") or name.endswith(".dockerfile"):
        return Kind("container", DOCKERFILE)
    if name in {"action.yml", "action.yaml"}:
        return Kind("github", WORKFLOW)
    if name.endswith((".yml", ".yaml")):
        return Kind("container", POD_MAYBE)
    if name.endswith((".py", ".ts", ".js", ".mjs", ".cjs", ".mts")):
        return Kind("server", SOURCE_MAYBE)
    if name.endswith((".sh", ".bash", ".zsh", ".mk", ".ps1")):
        return Kind("script", SCRIPT_MAYBE)
    return None


USER_FILES = (
    (".claude.json", "claude-code"),
    (".claude/settings.json", "claude-code"),
    (".claude/settings.local.json", "claude-code"),
    (".claude/CLAUDE.md", "claude-code"),
    (".config/Claude/claude_desktop_config.json", "claude-desktop"),
    ("Library/Application Support/Claude/claude_desktop_config.json", "claude-desktop"),
    ("AppData/Roaming/Claude/claude_desktop_config.json", "claude-desktop"),
    (".cursor/mcp.json", "cursor"),
    (".cursor/hooks.json", "cursor"),
    (".cursor/cli-config.json", "cursor"),
    (".config/Code/User/mcp.json", "vscode"),
    (".config/Code/User/settings.json", "vscode"),
    ("Library/Application Support/Code/User/mcp.json", "vscode"),
    ("Library/Application Support/Code/User/settings.json", "vscode"),
    (".codex/config.toml", "codex"),
    (".codex/AGENTS.md", "codex"),
    (".codex/rules/default.rules", "codex"),
    (".gemini/settings.json", "gemini"),
    (".gemini/GEMINI.md", "gemini"),
    (".qwen/settings.json", "qwen"),
    (".codeium/windsurf/mcp_config.json", "windsurf"),
    (".config/zed/settings.json", "zed"),
    (".config/opencode/opencode.json", "opencode"),
    (".config/opencode/opencode.jsonc", "opencode"),
    (".config/opencode/AGENTS.md", "opencode"),
    (".kiro/settings/mcp.json", "kiro"),
    (".aws/amazonq/mcp.json", "amazonq"),
    (".copilot/mcp-config.json", "copilot"),
    (".copilot/config.json", "copilot"),
    (".config/goose/config.yaml", "goose"),
    (".config/amp/settings.json", "amp"),
    (".config/crush/crush.json", "crush"),
    (".continue/config.yaml", "continue"),
    (".factory/mcp.json", "factory"),
    (".junie/mcp/mcp.json", "junie"),
    (".lmstudio/mcp.json", "lmstudio"),
    (".aider.conf.yml", "aider"),
    (".config/nucleus/nucleus.toml", "nucleus"),
)
"""Where clients keep a person's own settings, below the home directory."""


def user_files(home: Path) -> Iterator[tuple[str, Kind]]:
    """Yield those of ``USER_FILES`` that exist below ``home``."""
    for path, client in USER_FILES:
        if (home / path).is_file():
            kind = classify(path)
            form = kind.form if kind is not None and not kind.form.endswith("?") else CONFIG
            yield path, Kind(client, form)
