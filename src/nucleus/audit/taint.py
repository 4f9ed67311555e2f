"""Which names of a tool's function hold what the model gave it.

One pass over the assignments of the function, repeated until nothing is added.
Other functions are not followed.
"""

import ast
from collections.abc import Iterator

Function = ast.FunctionDef | ast.AsyncFunctionDef
_PASSES = 4
"""Rounds over the assignments: a chain of names longer than this is not followed."""
_CLEANERS = frozenset({"int", "float", "bool", "len", "shlex.quote", "quote", "hash", "isinstance"})


def tainted_names(function: Function) -> frozenset[str]:
    """Return the parameters (but for the context) and the names made from them."""
    arguments = function.args
    names = {
        one.arg
        for one in (*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs)
        if one.arg not in {"self", "ctx", "context"}
    }
    for _ in range(_PASSES):
        before = len(names)
        for node in ast.walk(function):
            if isinstance(node, ast.Assign) and uses(node.value, names):
                names.update(t.id for t in node.targets if isinstance(t, ast.Name))
            elif isinstance(node, ast.AnnAssign | ast.AugAssign | ast.NamedExpr):
                made = node.value is not None and uses(node.value, names)
                names.update([node.target.id] if made and isinstance(node.target, ast.Name) else [])
        if len(names) == before:
            break
    return frozenset(names)


def uses(node: ast.AST, names: "frozenset[str] | set[str]") -> bool:
    """Whether an expression holds one of ``names``, other than by a conversion that leaves no text of it."""
    stack = [node]
    while stack:
        one = stack.pop()
        if isinstance(one, ast.Name) and one.id in names:
            return True
        if not (isinstance(one, ast.Call) and dotted(one.func) in _CLEANERS):
            stack.extend(ast.iter_child_nodes(one))
    return False


def calls(function: Function) -> Iterator[ast.Call]:
    """Yield the calls of a function in the order of the text."""
    found = [node for node in ast.walk(function) if isinstance(node, ast.Call)]
    yield from sorted(found, key=lambda call: (call.lineno, call.col_offset))


def dotted(node: ast.expr) -> str:
    """Return ``a.b.c`` of a name or attribute, empty for anything else."""
    if isinstance(node, ast.Name):
        return node.id
    if isinstance(node, ast.Attribute):
        outer = dotted(node.value)
        return f"{outer}.{node.attr}" if outer else node.attr
    return ""
