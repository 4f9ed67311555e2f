"""Sources of MCP servers: the tools that they declare and the words that a model will read.

Python is parsed, never imported. Of other languages only the descriptions in
tool declarations are read.
"""

import ast
import re
from typing import final

from nucleus.audit.text import Source
from nucleus.lean import dataclass, field

_PYTHON_MARK = re.compile(r"\b(?:FastMCP|mcp\.server|McpServer|mcp\s*=\s*|from mcp\b|import mcp\b|@\w*\.?tool\b)")
_SCRIPT_MARK = re.compile(r"@modelcontextprotocol/|McpServer\s*\(|\bfastmcp\b|\.registerTool\s*\(")
_DESCRIPTION = re.compile(
    r"description\s*[:=]\s*(\"(?:[^\"\\\n]|\\.){0,8000}\"|'(?:[^'\\\n]|\\.){0,8000}'|`(?:[^`\\]|\\.){0,8000}`)|\.tool\(\s*[\"'`][\w-]+[\"'`]\s*,\s*(\"(?:[^\"\\\n]|\\.){0,8000}\"|'(?:[^'\\\n]|\\.){0,8000}'|`(?:[^`\\]|\\.){0,8000}`)",
    re.DOTALL,
)
_LIBRARIES = frozenset({"mcp", "fastmcp"})
_DECORATORS = frozenset({"tool", "resource", "prompt"})


@final
@dataclass(frozen=True, slots=True, eq=False)
class Description:
    """Words that a server gives to a model: which tool they describe and where they stand."""

    name: str
    text: str
    start: int
    end: int


@final
@dataclass(slots=True, eq=False)
class ServerSource:
    """One source file of an MCP server."""

    source: Source
    descriptions: list[Description] = field(default_factory=list)
    functions: "list[ast.FunctionDef | ast.AsyncFunctionDef]" = field(default_factory=list)
    """Python only: functions that a model can call."""
    tree: ast.Module | None = None
    redefined: list[ast.Assign] = field(default_factory=list)
    """Python only: assignments that change what a tool says of itself."""

    def offset(self, line: int, column: int) -> int:
        """Return the offset of a place as ``ast`` gives it: a line, and a column in UTF-8 bytes."""
        start, end = self.source.line_span(line)
        text = self.source.text[start:end]
        return start + (column if text.isascii() else len(text.encode()[:column].decode("utf-8", "ignore")))

    def span(self, node: "ast.expr | ast.stmt") -> tuple[int, int]:
        """Return the stretch of a node."""
        end_line = node.end_lineno or node.lineno
        return self.offset(node.lineno, node.col_offset), self.offset(end_line, node.end_col_offset or node.col_offset)


def is_server(path: str, text: str) -> bool:
    """Whether a source file declares tools for models."""
    mark = _PYTHON_MARK if path.endswith(".py") else _SCRIPT_MARK
    return "mcp" in text.lower() and mark.search(text) is not None


def server_source(source: Source) -> ServerSource:
    """Return what a source declares. Raises SyntaxError where it is no Python that this interpreter reads."""
    found = ServerSource(source)
    if not source.path.endswith(".py"):
        for match in _DESCRIPTION.finditer(source.text):
            group = 1 if match[1] else 2
            found.descriptions.append(Description("", match[group][1:-1], match.start(group) + 1, match.end(group) - 1))
        return found
    tree = ast.parse(source.text)
    if not _serves(tree):
        return found
    found.tree = tree
    for node in ast.walk(tree):
        _collect(found, node)
    return found


def _collect(found: ServerSource, node: ast.AST) -> None:
    """Take from one node what a server declares with it."""
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(_declares(d) for d in node.decorator_list):
        found.functions.append(node)
        _describe(found, node)
    elif isinstance(node, ast.Assign) and any(_describes(target) for target in node.targets):
        found.redefined.append(node)
        if isinstance(node.value, ast.Constant) and isinstance(node.value.value, str):
            start, end = found.span(node.value)
            found.descriptions.append(Description("", node.value.value, start, end))
    elif isinstance(node, ast.Call) and _called(node) in {"Tool", "tool", "Resource", "Prompt"}:
        for keyword in node.keywords:
            if (
                keyword.arg == "description"
                and isinstance(keyword.value, ast.Constant)
                and isinstance(keyword.value.value, str)
            ):
                start, end = found.span(keyword.value)
                found.descriptions.append(Description(_called(node), keyword.value.value, start, end))


def _serves(tree: ast.Module) -> bool:
    """Whether a module imports an MCP library or declares tools: words in its strings are not enough."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import) and any(one.name.split(".")[0] in _LIBRARIES for one in node.names):
            return True
        if isinstance(node, ast.ImportFrom) and (node.module or "").split(".")[0] in _LIBRARIES:
            return True
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and any(_declares(d) for d in node.decorator_list):
            return True
    return False


def _describe(found: ServerSource, node: "ast.FunctionDef | ast.AsyncFunctionDef") -> None:
    first = node.body[0] if node.body else None
    if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant) and isinstance(first.value.value, str):
        start, end = found.span(first.value)
        found.descriptions.append(Description(node.name, found.source.text[start:end], start, end))


def _declares(decorator: ast.expr) -> bool:
    target = decorator.func if isinstance(decorator, ast.Call) else decorator
    name = target.attr if isinstance(target, ast.Attribute) else target.id if isinstance(target, ast.Name) else ""
    return name in _DECORATORS or name in {"call_tool", "read_resource", "get_prompt"}


def _describes(target: ast.expr) -> bool:
    return isinstance(target, ast.Attribute) and target.attr in {"__doc__", "description"}


def _called(node: ast.Call) -> str:
    return (
        node.func.attr
        if isinstance(node.func, ast.Attribute)
        else node.func.id
        if isinstance(node.func, ast.Name)
        else ""
    )
