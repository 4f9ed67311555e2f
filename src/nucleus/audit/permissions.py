"""Permission rules of all clients in one shape: what may run without a question, and what may not."""

import re
import shlex
from collections.abc import Iterator
from typing import final

from nucleus.audit.launch import base_name
from nucleus.audit.node import BOOL, MAP, SEQ, STRING, Node
from nucleus.audit.text import Source
from nucleus.lean import dataclass

ALLOW = "allow"
ASK = "ask"
DENY = "deny"
SHELL = "shell"
READ = "read"
WRITE = "write"
FETCH = "fetch"
SEARCH = "search"
MCP = "mcp"
OTHER = "other"

_TOOLS = {
    **dict.fromkeys(("bash", "powershell", "shell", "run_shell_command", "shelltool", "execute_bash", "terminal", "run_command", "execute_command", "exec"), SHELL),  # noqa: E501  one pattern or table row, one line
    **dict.fromkeys(("read", "fs_read", "read_file", "readfiletool", "view", "notebookread", "read_many_files"), READ),
    **dict.fromkeys(("glob", "grep", "ls", "list_directory", "search_file_content"), READ),
    **dict.fromkeys(("write", "edit", "multiedit", "notebookedit", "fs_write", "write_file", "replace", "writefiletool", "edittool", "patch"), WRITE),  # noqa: E501  one pattern or table row, one line
    **dict.fromkeys(("webfetch", "web_fetch", "fetch", "webfetchtool"), FETCH),
    **dict.fromkeys(("websearch", "web_search", "google_web_search", "websearchtool"), SEARCH),
    "mcp": MCP,
}  # fmt: skip
_RULE = re.compile(r"\s*([A-Za-z_][\w*.-]*|@[\w./*-]+)\s*(?:\((.*)\))?\s*$", re.DOTALL)
_WILDCARD = re.compile(r"(?::\*|\s*\*)$")
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_DURATION = re.compile(r"\d+[smh]?$")
_WRAPPERS = frozenset(
    {"sudo", "env", "timeout", "nohup", "nice", "time", "command", "exec", "wsl", "doas", "stdbuf", "caffeinate"}
)


@final
@dataclass(slots=True, eq=False)
class Grant:
    """One permission rule. ``spec`` is empty where the whole tool is meant."""

    source: Source
    client: str
    action: str
    tool: str
    spec: str
    node: Node
    text: str
    """As the person wrote it."""
    listed: Node | None = None
    """The list that it is an element of."""
    _words: "list[str] | None" = None
    _verb: str = ""

    def words(self) -> "list[str]":
        """Return the words of a shell rule, without the wildcard at its end."""
        if self._words is None:
            self._words = _unwrapped(_split(_WILDCARD.sub("", self.spec)))
            self._verb = base_name(self._words[0]) if self._words else ""
        return self._words

    def open_ended(self) -> bool:
        """Whether a shell rule admits more words than it names."""
        return self.spec in {"", "*", ":*"} or self.spec.endswith("*")

    def verb(self) -> str:
        """Return the program of a shell rule; empty where any program is meant."""
        self.words()
        return self._verb

    def whole(self) -> bool:
        """Whether the rule means every use of its tool."""
        return self.spec.strip() in {"", "*", "**", ":*", "domain:*", "/**", "./**", "//**", "~/**", "*:*"}

    def server(self) -> tuple[str, str]:
        """Return server and tool of an MCP rule; the tool is empty or a pattern where several are meant."""
        text = self.text.strip()
        if text.startswith("@"):
            server, _, tool = text[1:].partition("/")
            return server, tool
        if text.lower().startswith("mcp__"):
            parts = text[5:].split("__", 1)
            return parts[0], parts[1] if len(parts) > 1 else ""
        server, _, tool = self.spec.partition(":")
        return server, tool


def _split(text: str) -> "list[str]":
    """Return words as a shell has them; text without quotes is split at blanks, which is much faster."""
    if "'" in text or '"' in text or "\\" in text:
        try:
            return shlex.split(text)
        except ValueError:
            return text.split()
    return text.split()


def _unwrapped(words: "list[str]") -> "list[str]":
    while words and (base_name(words[0]) in _WRAPPERS or _ASSIGNMENT.match(words[0])):
        if len(words) == 1 and "=" not in words[0]:
            return words
        words = words[1:]
        while words and (words[0].startswith("-") or _DURATION.match(words[0]) or _ASSIGNMENT.match(words[0])):
            words = words[1:]
    return words


def parse_rule(source: Source, client: str, action: str, node: Node, listed: Node | None = None) -> Grant:
    """Return the rule that a string like ``Bash(git log:*)`` means."""
    return rule_of_text(source, client, action, node, node.text(), listed)


def rule_of_text(source: Source, client: str, action: str, node: Node, text: str, listed: Node | None = None) -> Grant:
    """Return the rule that ``text`` means, standing at ``node``."""
    match = _RULE.match(text)
    if match is None:
        return Grant(source, client, action, OTHER, text, node, text, listed)
    name, spec = match[1], match[2] or ""
    if name.lower().startswith("mcp__") or name.startswith("@"):
        return Grant(source, client, action, MCP, spec, node, text, listed)
    return Grant(source, client, action, _TOOLS.get(name.lower(), OTHER), spec, node, text, listed)


def grants_of(source: Source, client: str, roots: "tuple[Node, ...]") -> "list[Grant]":
    """Return the permission rules of a parsed configuration."""
    found: list[Grant] = []
    for root in roots:
        if root.kind == MAP:
            found.extend(_claude(source, client, root))
            found.extend(_opencode(source, client, root))
            found.extend(_gemini(source, client, root))
            found.extend(_vscode(source, client, root))
            found.extend(_kiro(source, client, root))
    return found


def _claude(source: Source, client: str, root: Node) -> Iterator[Grant]:
    permissions = root.get("permissions")
    if permissions is None:
        return
    for action in (ALLOW, ASK, DENY):
        listed = permissions.get(action)
        if listed is not None and listed.kind == SEQ:
            for node in listed.strings():
                yield parse_rule(source, client, action, node, listed)


def _opencode(source: Source, client: str, root: Node) -> Iterator[Grant]:
    if client not in {"opencode", "mcp"}:
        return
    tables = [root.get("permission"), *(agent.get("permission") for _, agent in (root.get("agent") or root).entries())]
    for table in tables:
        if table is None:
            continue
        if table.kind == STRING:
            yield Grant(source, client, table.text(), OTHER, "", table, "*")
        for key, value in table.entries():
            tool = _TOOLS.get(str(key.value), OTHER)
            for node, spec in (
                [(value, "")] if value.kind == STRING else [(inner, str(k.value)) for k, inner in value.entries()]
            ):
                if node.text() in {ALLOW, ASK, DENY}:
                    text = f"{key.value}({spec})" if spec else str(key.value)
                    yield Grant(source, client, node.text(), tool, "" if spec == "*" else spec, node, text)


def _gemini(source: Source, client: str, root: Node) -> Iterator[Grant]:
    if client not in {"gemini", "qwen", "mcp"}:
        return
    for listed, action in (
        (root.at("tools", "allowed"), ALLOW),
        (root.get("allowedTools"), ALLOW),
        (root.at("tools", "exclude"), DENY),
        (root.get("excludeTools"), DENY),
    ):
        if listed is not None and listed.kind == SEQ:
            for node in listed.strings():
                grant = parse_rule(source, client, action, node, listed)
                if grant.tool == SHELL and grant.spec and not grant.spec.endswith("*"):
                    grant = Grant(source, client, action, SHELL, grant.spec + " *", node, grant.text, listed)
                yield grant


def _vscode(source: Source, client: str, root: Node) -> Iterator[Grant]:
    for holder in (root, root.get("settings")):
        table = holder.get("chat.tools.terminal.autoApprove") if holder is not None else None
        for key, value in table.entries() if table is not None else ():
            on = value.is_true() or bool((approve := value.get("approve")) is not None and approve.is_true())
            if value.kind in {BOOL, MAP}:
                pattern = str(key.value)
                spec = _of_regex(pattern) if pattern.startswith("/") else pattern + " *"
                yield Grant(source, client, ALLOW if on else DENY, SHELL, spec, key, pattern)


def _of_regex(pattern: str) -> str:
    """Return a rule for a regular expression: the literal words that it starts with, then anything."""
    body = re.sub(r"/[a-z]*$", "", pattern[1:]).removeprefix("^")
    literal = re.match(r"[\w ./-]*", body)
    words = literal[0] if literal else ""
    return (words + " *").strip() if words and not body.startswith((".*", ".+")) else ""


def _kiro(source: Source, client: str, root: Node) -> Iterator[Grant]:
    listed = root.get("allowedTools")
    if client not in {"kiro", "amazonq"} or listed is None:
        return
    limits = root.get("toolsSettings")
    for node in listed.strings():
        grant = parse_rule(source, client, ALLOW, node, listed)
        limit = limits.get(node.text()) if limits is not None else None
        allowed = limit.get("allowedCommands") if limit is not None else None
        if grant.tool == SHELL and allowed is not None and allowed.strings():
            for command in allowed.strings():
                yield Grant(
                    source, client, ALLOW, SHELL, command.text().replace(".*", "*"), command, command.text(), allowed
                )
        else:
            yield grant


def exec_rules(source: Source) -> "list[Grant]":
    """Return the prefix rules of a Codex rules file: calls of ``prefix_rule`` in a subset of Python."""
    found = []
    for match in re.finditer(r"prefix_rule\s*\((.{0,400}?)\)", source.text, re.DOTALL):
        decision = re.search(r"decision\s*=\s*[\"'](\w+)[\"']", match[1])
        pattern = re.search(r"pattern\s*=\s*\[(.*)\]", match[1], re.DOTALL)
        if pattern is None:
            continue
        words = re.findall(r"[\"']([^\"']*)[\"']", pattern[1])
        action = {"allow": ALLOW, "prompt": ASK, "forbidden": DENY}.get(decision[1] if decision else "allow", ASK)
        node = Node(STRING, " ".join(words), match.start(), match.end())
        found.append(Grant(source, "codex", action, SHELL, " ".join(words) + " *", node, node.value))
    return found


def rule_list(source: Source, client: str, node: Node, text: str) -> "list[Grant]":
    """Return the rules of a comma or blank separated list, as ``--allowedTools`` and front matter have it."""
    found, depth, word = [], 0, ""
    for char in text + ",":
        depth += (char == "(") - (char == ")")
        if depth <= 0 and char in ", \t\r\n":
            if word.strip():
                found.append(rule_of_text(source, client, ALLOW, node, word.strip()))
            word = ""
        else:
            word += char
    return found
