"""A policy in the making: patterns that the policy language takes, and what it does not.

Every pattern is parsed by the policy room's own parser before it is kept, and
the finished text is loaded by the product's own loader, so what is printed is
a policy.
"""

import json
import re
from typing import Final, final

from nucleus.audit.node import Node
from nucleus.audit.permissions import ALLOW, ASK, DENY, FETCH, MCP, READ, SEARCH, SHELL, WRITE, Grant
from nucleus.audit.rules.destructive_verb_allowed import does
from nucleus.audit.rules.interpreter_wildcard import severity_of
from nucleus.audit.rules.network_verb_allowed import sends
from nucleus.audit.suggest import closest_profile
from nucleus.audit.text import Source, visible
from nucleus.kernel import capability as cap
from nucleus.lean import dataclass, field
from nucleus.policy.globs import PatternError, parse
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from nucleus.policy.model import KEYS

TABLES: Final = (ALLOW, ASK, DENY)
_OPS: Final = {
    "read": (cap.READ_FILES, cap.GLOB_SEARCH, cap.GREP_SEARCH),
    "write": (cap.WRITE_FILES, cap.EDIT_FILES),
    "commands": (cap.RUN_BASH,),
    "fetch": (cap.WEB_FETCH,),
    "search": (cap.WEB_SEARCH,),
}


@final
@dataclass(slots=True)
class Draft:
    """Tables of a policy, tools of servers, and lines on what could not be carried over."""

    source: Source
    tables: dict[str, dict[str, list[str]]] = field(default_factory=lambda: {name: {} for name in TABLES})
    servers: dict[str, dict[str, list[str]]] = field(default_factory=dict)
    lost: list[str] = field(default_factory=list)
    ops: set[int] = field(default_factory=set)

    def add(self, table: str, key: str, pattern: str, node: Node) -> None:
        """Put a pattern under ``[table] key``, or say why it can't stand there."""
        try:
            parse(KEYS[key], pattern, grants=table == ALLOW, home="/home/user")
        except PatternError as error:
            self.lose(node, f"{error}" + (f" ({error.fix})" if error.fix else ""))
            return
        some = self.tables[table].setdefault(key, [])
        if pattern not in some:
            some.append(pattern)
        if table != DENY:
            self.ops.update(_OPS.get(key, ()))

    def tool(self, server: str, table: str, tool: str) -> None:
        """Put a tool of a server under ``[mcp.server] table``."""
        some = self.servers.setdefault(server, {}).setdefault(table, [])
        if tool not in some:
            some.append(tool)

    def lose(self, node: Node, why: str) -> None:
        """Say that what stands at ``node`` was not carried over."""
        line, _ = self.source.position(node.start)
        start, end = node.start, min(node.end, node.start + 80)
        words = " ".join(self.source.shown(start, end).split())
        self.lost.append(f"{self.source.path}:{line}: {words}: {visible(why)}")

    def grant(self, grant: Grant) -> None:
        """Carry one permission rule over. Rules that admit any code, or sending anywhere, become questions."""
        if grant.tool == SHELL:
            self._shell(grant)
        elif grant.tool in {READ, WRITE}:
            key = "read" if grant.tool == READ else "write"
            self.add(grant.action, key, path_pattern(grant.spec), grant.node)
        elif grant.tool == FETCH:
            host = grant.spec.removeprefix("domain:").strip()
            wide = host in {"", "*"}
            self.add(
                ASK if wide and grant.action == ALLOW else grant.action, "fetch", "**" if wide else host, grant.node
            )
        elif grant.tool == SEARCH:
            self.lose(grant.node, "search goes to the engines of the profile; [allow] search names others")
            self.ops.add(cap.WEB_SEARCH)
        elif grant.tool == MCP:
            server, tool = grant.server()
            if not tool or "*" in tool or not server:
                self.lose(grant.node, "a whole server is not allowed by name; list its tools under [mcp.NAME] allow")
            else:
                self.tool(server, grant.action, tool)
        else:
            self.lose(grant.node, "this tool has no counterpart in a policy")

    def _shell(self, grant: Grant) -> None:
        words = grant.words()
        pattern = re.sub(r"(?::\*|\s*\*)$", "", grant.spec).strip()
        if not words:
            self.add(ASK if grant.action == ALLOW else grant.action, "commands", "**", grant.node)
            if grant.action == ALLOW:
                self.lose(grant.node, "any command without a question becomes a question; list the commands instead")
            return
        if grant.open_ended():
            pattern += " **"
        risky = grant.action == ALLOW and (severity_of(grant) is not None or sends(grant) is not None or does(grant))
        self.add(ASK if risky else grant.action, "commands", pattern, grant.node)
        if risky:
            self.lose(grant.node, "runs any code, sends, or can't be undone: it became a question")

    def policy(self) -> str:
        """Return the text of the policy: loadable, with the smallest profile that gives what it names."""
        profile = closest_profile(sum(cap.ALWAYS << 2 * op for op in self.ops) or cap.ALWAYS << 2 * cap.READ_FILES)
        lines = ["version = 1", f'profile = "{profile}"']
        for table in TABLES:
            if self.tables[table]:
                lines += ["", f"[{table}]", *(f"{key} = {_list(some)}" for key, some in self.tables[table].items())]
        for server, tables in self.servers.items():
            lines += ["", f"[mcp.{_name(server)}]", *(f"{table} = {_list(some)}" for table, some in tables.items())]
        text = "\n".join(lines) + "\n"
        loaded = load_policy(
            [LayerFile("--policy", "nucleus.toml", text.encode(), trusted=True, why="imported")],
            OwnerChoices(home="/home/user"),
        )
        self.lost.extend(loaded.notes)
        return text


def path_pattern(spec: str) -> str:
    """Return a path of a client's rule in the policy language: ``//x`` is absolute, ``/x`` and ``./x`` are here."""
    text = spec.strip()
    if text in {"", "*", "**", "/**", "./**", "."}:
        return "**"
    if text.startswith("//"):
        text = text[1:]
    elif not text.startswith("~/"):
        text = text.removeprefix("./").removeprefix("/")
    return text + "**" if text.endswith("/") else text


def absolute_pattern(path: str) -> str:
    """Return what is meant by a directory of the machine: itself and all below."""
    text = path.strip()
    if text in {"", "."}:
        return "**"
    text = text.removeprefix("./").rstrip("/") or "/"
    return text if "*" in text else text + "/**" if text != "/" else "/**"


def _list(values: "list[str]") -> str:
    inline = "[" + ", ".join(json.dumps(value) for value in values) + "]"
    if len(inline) < 100:
        return inline
    return "[\n" + "".join(f"    {json.dumps(value)},\n" for value in values) + "]"


def _name(server: str) -> str:
    return server if re.fullmatch(r"[A-Za-z0-9_-]+", server) else json.dumps(server)
