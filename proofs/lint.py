"""Keeps the kernel inside the subset that the symbolic executor runs faithfully.

An allow-list of syntax: what is not named here is refused. So no loop, no
``try``, no lambda, no default argument, no ``is`` or ``in``, no call but of
the kernel's own functions and classes, no name from the builtins, and above
all no store to an attribute or a subscript: a kernel that zeroes ``s.budget``
before it returns would look right to anybody who only reads what it returns.

``boundary.py`` is the exception. Its work is to look at types, which a
symbolic int can't show; it may also use ``type``, ``getattr``, ``all``,
``len``, ``cast``, ``is``, and comprehensions. It is tested instead of proved:
a million random cases, every kind of wrong value in every place, and a proof
of ``admit`` that takes its type check as given.

The specification is linted too: it may not import the product.
"""

import ast
from collections.abc import Iterator
from pathlib import Path
from typing import Final

from proofs.kernels import FOLDER, MODULES

SPEC: Final = Path(__file__).with_name("spec")
STATEMENTS: Final = (ast.If, ast.Return, ast.Assign, ast.AugAssign, ast.Expr)
EXPRESSIONS: Final = (
    ast.BoolOp,
    ast.Compare,
    ast.BinOp,
    ast.UnaryOp,
    ast.IfExp,
    ast.Name,
    ast.Attribute,
    ast.Call,
    ast.Constant,
    ast.Tuple,
)
OPERATORS: Final = (
    *(ast.And, ast.Or, ast.Not, ast.Invert, ast.USub),
    *(ast.Eq, ast.NotEq, ast.Lt, ast.LtE, ast.Gt, ast.GtE),
    *(ast.BitAnd, ast.BitOr, ast.BitXor, ast.Add, ast.Sub, ast.LShift, ast.RShift),
    *(ast.Load, ast.Store),
)
DOOR: Final = "boundary"
DOOR_SYNTAX: Final = (ast.ListComp, ast.GeneratorExp, ast.comprehension, ast.Is, ast.IsNot, ast.Starred, ast.Subscript)
DOOR_NAMES: Final = {"type", "getattr", "all", "len", "cast", "list", "int", "object", "tuple", "str", "bool"}
IMPORTS: Final = ("typing", "dataclasses", "nucleus.kernel")
SPEC_IMPORTS: Final = ("typing", "collections.abc", "z3", "proofs.spec")


def problems() -> list[str]:
    """Return every line of the kernel or the specification that leaves its subset."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        if path.stem not in (*MODULES, "__init__"):
            found.append(f"{path.name}: a kernel module that the proofs do not know")
        found += check_kernel(path.stem, path.read_text(encoding="utf-8"))
    for path in sorted(SPEC.glob("*.py")):
        found += check_spec(path.stem, path.read_text(encoding="utf-8"))
    return found


def check_kernel(module: str, text: str) -> list[str]:
    """Return what is outside of the subset in the source of one kernel module."""
    return [f"{module}.py:{node.lineno}: {why}" for node, why in _Module(module, ast.parse(text)).problems()]


def check_spec(module: str, text: str) -> list[str]:
    """Return the imports that a module of the specification may not have."""
    found = []
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
        found += [
            f"spec/{module}.py:{node.lineno}: the specification may not import {name}"  # type: ignore[attr-defined]
            for name in names
            if not name.startswith(SPEC_IMPORTS)
        ]
        if isinstance(node, ast.Name) and node.id in {"__import__", "importlib", "eval", "exec", "open", "globals"}:
            found.append(f"spec/{module}.py:{node.lineno}: the specification may not use {node.id}")
    return found


Problem = tuple[ast.stmt | ast.expr, str]


class _Module:
    """One module of the kernel, and what its names mean."""

    def __init__(self, name: str, tree: ast.Module) -> None:
        self.door = name == DOOR
        self.tree = tree
        self.calls: dict[str, set[str]] = {}
        self.names = {"int", "bool", "tuple", *(DOOR_NAMES if self.door else ())}
        self.imported = set()
        for node in tree.body:
            if isinstance(node, ast.FunctionDef | ast.ClassDef):
                self.names.add(node.name)
            elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
                self.names.add(node.target.id)
            elif isinstance(node, ast.ImportFrom):
                bound = {alias.asname or alias.name for alias in node.names}
                self.names |= bound
                self.imported |= bound if (node.module or "").startswith("nucleus.kernel") else set()

    def problems(self) -> Iterator[Problem]:
        for node in self.tree.body:
            match node:
                case ast.Expr(value=ast.Constant(value=str())):
                    pass
                case ast.ImportFrom():
                    if node.level or not (node.module or "").startswith(IMPORTS):
                        yield node, f"imports {node.module}"
                case ast.AnnAssign(target=ast.Name(), annotation=ast.Name(id="Final"), value=ast.expr() as value):
                    yield from self._expression(value, set())
                case ast.FunctionDef():
                    yield from self._function(node)
                case ast.ClassDef():
                    yield from self._class(node)
                case _:
                    yield node, f"{type(node).__name__} at module level"
        yield from self._recursion()

    def _class(self, node: ast.ClassDef) -> Iterator[Problem]:
        decorators = [ast.unparse(decorator) for decorator in node.decorator_list]
        if decorators != ["final", "dataclass(slots=True)"] or node.bases or node.keywords:
            yield node, "a class that is not a plain final dataclass with slots"
        for item in node.body:
            docstring = isinstance(item, ast.Expr) and isinstance(item.value, ast.Constant)
            field = isinstance(item, ast.AnnAssign) and item.value is None and _final(item.annotation)
            if not docstring and not field:
                yield item, "a class body that is not Final fields"

    def _function(self, node: ast.FunctionDef) -> Iterator[Problem]:
        arguments = node.args
        plain = not (arguments.vararg or arguments.kwarg or arguments.defaults or arguments.kwonlyargs)
        if not plain or arguments.posonlyargs or node.decorator_list:
            yield node, "a function with defaults, stars or decorators"
        local = {argument.arg for argument in arguments.args}
        self.calls[node.name] = set()
        for name in ast.walk(node):
            if isinstance(name, ast.Name) and isinstance(name.ctx, ast.Store):
                local.add(name.id)
            if isinstance(name, ast.Call) and isinstance(name.func, ast.Name):
                self.calls[node.name].add(name.func.id)
        if local & {"True", "False", "None"} or local & self.imported & self.calls[node.name]:
            yield node, "a local name that hides a kernel function"
        for statement in node.body:
            yield from self._statement(statement, local)

    def _statement(self, node: ast.stmt, local: set[str]) -> Iterator[Problem]:
        if not isinstance(node, STATEMENTS):
            yield node, f"the statement {type(node).__name__}"
            return
        match node:
            case ast.Expr(value=ast.Constant(value=str())):
                return
            case ast.Expr():
                yield node, "an expression for its effect"
            case ast.Assign():
                for target in node.targets:
                    yield from self._target(target)
            case ast.AugAssign():
                yield from self._target(node.target)
        for child in ast.iter_child_nodes(node):
            if isinstance(child, ast.stmt):
                yield from self._statement(child, local)
            elif isinstance(child, ast.expr):
                yield from self._expression(child, local)

    def _target(self, node: ast.expr) -> Iterator[Problem]:
        names = node.elts if isinstance(node, ast.Tuple) else [node]
        for name in names:
            if not isinstance(name, ast.Name):
                yield name, f"a store to a {type(name).__name__.lower()}: {ast.unparse(name)}"

    def _expression(self, node: ast.expr, local: set[str]) -> Iterator[Problem]:
        inner = {n.id for n in ast.walk(node) if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)}
        known = local | (inner if self.door else set())
        for part in ast.walk(node):
            if isinstance(part, EXPRESSIONS):
                yield from ((part, why) for why in self._part(part, known))
            elif not isinstance(part, OPERATORS) and not (self.door and isinstance(part, DOOR_SYNTAX)):
                yield node, f"the syntax {type(part).__name__} in {ast.unparse(node)}"

    def _part(self, node: ast.expr, known: set[str]) -> Iterator[str]:
        match node:
            case ast.Name(id=name) if name not in known and name not in self.names:
                yield f"the name {name}"
            case ast.Attribute(attr=name) if name.startswith("_") and not (self.door and name == "__slots__"):
                yield f"the attribute {name}"
            case ast.Call(keywords=[_, *_]):
                yield "a call with keywords"
            case ast.Call(func=ast.Name(id=name)) if name not in self.names:
                yield f"a call of {name}"
            case ast.Call(func=ast.Attribute(value=ast.Name(id=name))) if name not in self.imported:
                yield f"a method call: {ast.unparse(node)}"
            case ast.Call(func=func) if not isinstance(func, ast.Name | ast.Attribute):
                yield f"a computed call: {ast.unparse(node)}"
            case ast.Call(func=ast.Attribute(value=value)) if not isinstance(value, ast.Name):
                yield f"a computed call: {ast.unparse(node)}"
            case ast.Constant(value=value) if type(value) not in {int, bool} and not (self.door and type(value) is str):
                yield f"the constant {value!r}"

    def _recursion(self) -> Iterator[Problem]:
        reach = {name: set(called) for name, called in self.calls.items()}
        for _ in reach:
            for name, called in reach.items():
                reach[name] = called | {far for near in called for far in reach.get(near, ())}
        for node in self.tree.body:
            if isinstance(node, ast.FunctionDef) and node.name in reach.get(node.name, ()):
                yield node, f"{node.name} is recursive"


def _final(annotation: ast.expr) -> bool:
    return ast.unparse(annotation).startswith("Final[")
