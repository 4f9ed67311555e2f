"""Every small change of the kernel is caught by a property, or proved to change nothing.

Mutants are made from the syntax tree of each kernel module: comparisons,
connectives, bit operations, constants, names, fields, conditions, statements,
arguments. A mutant is tried on the battery first; what survives is put to the
solver, contract by contract. If the solver proves it equal to the
specification, it has to be listed in ``equivalents.toml`` with a reason; if
not, the build fails and names the function whose specification is too weak.
"""

import ast
import copy
import tomllib
import types
import warnings
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path
from typing import Any, Final

from proofs.battery import Item, failure
from proofs.contracts import CONTRACTS, Contract, prove
from proofs.kernels import MODULES, Kernel, production, source, variant
from proofs.symex.solve import discharge
from proofs.symex.values import Trap

EQUIVALENTS: Final = Path(__file__).with_name("equivalents.toml")
COMPARE: Final[dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]]] = {
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
}
BINARY: Final[dict[type[ast.operator], tuple[type[ast.operator], ...]]] = {
    ast.BitAnd: (ast.BitOr, ast.BitXor),
    ast.BitOr: (ast.BitAnd, ast.BitXor),
    ast.BitXor: (ast.BitAnd, ast.BitOr),
    ast.Add: (ast.Sub,),
    ast.Sub: (ast.Add,),
    ast.LShift: (ast.RShift,),
    ast.RShift: (ast.LShift,),
}
GROUPS: Final = (
    ("PRIVATE", "UNTRUSTED", "EXFIL", "FOREIGN", "SECRET"),
    ("EGRESS", "IRREVERSIBLE", "CONTROL"),
    ("DENY", "ASK", "ALLOW"),
    ("SESSION", "MALFORMED", "CAPABILITY", "SCOPE", "BUDGET", "CONTROL_RULE", "DESTINATION", "SECRET_RULE"),
    ("UNINHABITABLE_RULE", "LOW_RISK_RULE", "SCOPE"),
    ("READ_FILES", "RUN_BASH", "GLOB_SEARCH", "GREP_SEARCH", "WEB_SEARCH", "WEB_FETCH", "GIT_PUSH", "CREATE_PR"),
    ("MANAGE_PODS", "READ_FILES"),
    ("SCOPE_DENY", "SCOPE_ASK", "SCOPE_ALLOW"),
    ("TRUSTED_NO", "TRUSTED_WHILE_CLEAN", "TRUSTED_YES"),
    ("NEVER", "LOW_RISK", "ALWAYS"),
    ("LOW_BITS", "HIGH_BITS", "EVERYTHING"),
    ("legs", "carried", "sink"),
    ("seen", "sink"),
    ("a", "b"),
    ("e", "f"),
    ("private", "untrusted", "exfil"),
    ("authority", "exposure", "budget", "version"),
    ("op", "cost", "live", "legs", "carried", "sink", "scope", "trusted", "home", "attested", "public", "fixed"),
    ("approved", "live"),
)
"""Names that could be mistaken for one another; each is replaced by the next of its group."""


@dataclass(frozen=True)
class Mutant:
    """One change: where, from what, to what."""

    module: str
    function: str
    what: str
    code: Any = field(compare=False, repr=False)

    @property
    def id(self) -> str:
        """Return the name under which an equivalent is listed."""
        return f"{self.module}.{self.function}: {self.what}"


@dataclass
class Gate:
    """The outcome of the mutation gate."""

    mutants: int = 0
    killed_by_battery: int = 0
    killed_by_solver: int = 0
    equivalent: list[str] = field(default_factory=list)
    survivors: list[str] = field(default_factory=list)

    @property
    def killed(self) -> int:
        """Return how many were refuted."""
        return self.killed_by_battery + self.killed_by_solver


def mutants(module: str) -> list[Mutant]:
    """Return every mutant of a module, each once."""
    tree = ast.parse(source(module))
    found: dict[str, Mutant] = {}
    for name, statement, path in _sites(tree):
        inside = _at(statement, path[:-1]) if path else statement
        for label, after in _changes(_at(statement, path), inside):
            changed = copy.deepcopy(tree)
            target = next(s for n, s, _ in _top(changed) if n == name)
            _replace(target, path, copy.deepcopy(after))
            ast.fix_missing_locations(changed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore", SyntaxWarning)
                code = compile(changed, f"{module}.py", "exec")
            mutant = Mutant(module, name, label, code)
            key = mutant.id
            while key in found and found[key].code != code:
                mutant = Mutant(module, name, f"{mutant.what} (again)", code)
                key = mutant.id
            found.setdefault(key, mutant)
    return list(found.values())


Place = tuple[tuple[str, int | None], ...]


def _top(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, Place]]:
    """Yield each function, class and constant at the top of a module."""
    for statement in tree.body:
        if isinstance(statement, ast.FunctionDef | ast.ClassDef):
            yield statement.name, statement, ()
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name):
            yield statement.target.id, statement, ()


def _sites(tree: ast.Module) -> Iterator[tuple[str, ast.stmt, Place]]:
    """Yield every place inside a top statement that could be changed."""
    for name, statement, _ in _top(tree):
        for path in _paths(statement, ()):
            yield name, statement, path


_SKIPPED: Final = {"annotation", "returns", "type_params", "args", "target", "targets", "ctx", "bases"}


def _paths(node: ast.AST, path: Place) -> Iterator[Place]:
    yield path
    for key, value in ast.iter_fields(node):
        if key in _SKIPPED and not (key == "args" and isinstance(node, ast.Call)):
            continue
        if isinstance(value, ast.AST):
            yield from _paths(value, (*path, (key, None)))
        elif isinstance(value, list):
            for index, item in enumerate(value):
                if isinstance(item, ast.AST) and not (isinstance(item, ast.Name) and key == "decorator_list"):
                    yield from _paths(item, (*path, (key, index)))


def _at(root: ast.AST, path: Place) -> ast.AST:
    node: Any = root
    for key, index in path:
        node = getattr(node, key) if index is None else getattr(node, key)[index]
    assert isinstance(node, ast.AST)
    return node


def _replace(root: ast.AST, path: Place, new: ast.AST) -> None:
    parent = _at(root, path[:-1])
    key, index = path[-1]
    if index is None:
        setattr(parent, key, new)
    else:
        getattr(parent, key)[index] = new


Change = tuple[str, ast.AST]


def _changes(node: ast.AST, inside: ast.AST) -> Iterator[Change]:
    """Yield the changes of one node, each with a label; of a small node, also what it stands in."""
    small = isinstance(node, ast.Constant | ast.Name | ast.Attribute) and isinstance(inside, ast.expr)
    context = f" in {ast.unparse(inside)}" if small else ""
    before = ast.unparse(node) if isinstance(node, ast.expr | ast.stmt) else ""
    for after in _variants(node):
        text = ast.unparse(after)
        if text != before:
            first = before.splitlines()[0] if before else ""
            yield f"{first} -> {text.splitlines()[0]}{context}", after


def _variants(node: ast.AST) -> Iterator[ast.expr | ast.stmt]:  # noqa: C901, PLR0912  one arm for each kind of node
    match node:
        case ast.Compare():
            yield from _compare(node)
        case ast.BoolOp():
            yield ast.BoolOp(ast.Or() if isinstance(node.op, ast.And) else ast.And(), node.values)
            yield from (
                _joined(node.op, [v for j, v in enumerate(node.values) if j != i]) for i in range(len(node.values))
            )
        case ast.BinOp():
            yield from (ast.BinOp(node.left, op(), node.right) for op in BINARY.get(type(node.op), ()))
            yield from (node.left, node.right)
        case ast.UnaryOp():
            yield node.operand
        case ast.Constant():
            yield from _constant(node)
        case ast.Name():
            yield from (ast.Name(other, ast.Load()) for other in _others(node.id))
        case ast.Attribute():
            yield from (ast.Attribute(node.value, other, ast.Load()) for other in _others(node.attr))
        case ast.If():
            yield from (ast.If(ast.Constant(value), node.body, node.orelse) for value in (True, False))
            yield ast.If(ast.UnaryOp(ast.Not(), node.test), node.body, node.orelse)
        case ast.IfExp():
            yield from (node.body, node.orelse)
        case ast.AugAssign():
            yield ast.Pass()
            yield from (ast.AugAssign(node.target, op(), node.value) for op in BINARY.get(type(node.op), ()))
            yield ast.Assign([node.target], node.value, lineno=0)
        case ast.Call():
            yield from _call(node)
        case ast.Tuple():
            for i in range(len(node.elts) - 1):
                swapped = [*node.elts[:i], node.elts[i + 1], node.elts[i], *node.elts[i + 2 :]]
                yield ast.Tuple(swapped, ast.Load())


def _compare(node: ast.Compare) -> Iterator[ast.expr]:
    for i, op in enumerate(node.ops):
        for other in COMPARE.get(type(op), ()):
            yield ast.Compare(node.left, [*node.ops[:i], other(), *node.ops[i + 1 :]], node.comparators)
    if len(node.ops) > 1:
        yield ast.Compare(node.left, node.ops[:1], node.comparators[:1])
        yield ast.Compare(node.comparators[0], node.ops[1:], node.comparators[1:])
    yield ast.Constant(value=True)
    yield ast.Constant(value=False)


def _joined(op: ast.boolop, values: list[ast.expr]) -> ast.expr:
    return values[0] if len(values) == 1 else ast.BoolOp(op, values)


def _constant(node: ast.Constant) -> Iterator[ast.expr]:
    if isinstance(node.value, bool):
        yield ast.Constant(not node.value)
    elif isinstance(node.value, int):
        yield from (ast.Constant(value) for value in {node.value + 1, node.value - 1, 0} - {node.value} if value >= 0)


def _call(node: ast.Call) -> Iterator[ast.expr]:
    for i in range(len(node.args) - 1):
        swapped = [*node.args[:i], node.args[i + 1], node.args[i], *node.args[i + 2 :]]
        yield ast.Call(node.func, swapped, node.keywords)
    if isinstance(node.func, ast.Name) and node.func.id in {"valid", "well_formed", "_exact", "strange", "all"}:
        yield from (ast.Constant(value) for value in (True, False))


def _others(name: str) -> set[str]:
    """Return what a name could be mistaken for."""
    return {group[(group.index(name) + 1) % len(group)] for group in GROUPS if name in group}


_BATTERY: list[Item] = []


def _try(mutant: Mutant) -> tuple[str, str]:
    """Return how a mutant fared: killed, solver, equivalent or survivor; and why."""
    try:
        kernel = variant(mutant.module, mutant.code)
    except Exception as error:  # noqa: BLE001  a mutant that can't be imported is dead
        return "killed", f"import: {error!r}"
    own = [item for item in _BATTERY if item.contract.function == f"{mutant.module}.{mutant.function}"]
    why = failure(kernel, own) or failure(kernel, _BATTERY)
    return ("killed", why) if why is not None else _ask_solver(kernel, mutant)


def _ask_solver(kernel: Kernel, mutant: Mutant) -> tuple[str, str]:
    """Prove the mutant equal to the specification, or find ints that tell them apart."""
    touched = [contract for contract in CONTRACTS if mutant.function in _inlined(contract)]
    if mutant.module == "boundary" or not touched:
        return "survivor", "the battery of the door does not tell it apart"
    for contract in touched:
        try:
            refuted = discharge(prove(kernel, contract).obligations)
        except Trap as trap:
            return "solver", f"{contract.function}: {trap}"
        if refuted:
            return "solver", str(refuted[0])
    return "equivalent", "proved equal on every input"


def _inlined(contract: Contract) -> set[str]:
    """Return the names of all that a contract's function uses without a contract of its own in between.

    By bare name: too many rather than too few.
    """
    kernel = production()
    summarised = {name.split(".")[1] for name in contract.uses}
    names = {contract.function.split(".")[1]}
    queue: list[Any] = [contract.of(kernel)]
    while queue:
        code = queue.pop().__code__
        for name in set(code.co_names) - names - summarised:
            names.add(name)
            found = [getattr(getattr(kernel, module), name, None) for module in MODULES]
            queue += [value for value in found if isinstance(value, types.FunctionType)]
    return names


def run(battery: list[Item], workers: int = 2) -> Gate:
    """Try every mutant of the kernel. ``Gate.survivors`` is empty if all is well."""
    _BATTERY[:] = battery
    made = [mutant for module in MODULES for mutant in mutants(module)]
    gate = Gate(mutants=len(made))
    listed = reasons()
    with ProcessPoolExecutor(workers, mp_context=get_context("fork")) as pool:
        fates = list(pool.map(_fate, ((m.module, i) for m, i in _numbered(made)), chunksize=8))
    for mutant, (fate, why) in zip(made, fates, strict=True):
        if fate == "killed":
            gate.killed_by_battery += 1
        elif fate == "solver":
            gate.killed_by_solver += 1
        elif fate == "equivalent" or (mutant.module == "boundary" and mutant.id in listed):
            gate.equivalent.append(mutant.id)
            if not listed.get(mutant.id):
                gate.survivors.append(f"{mutant.id}: equivalent, but no reason is stated in {EQUIVALENTS.name}")
        else:
            missing = f"the specification of {mutant.module}.{mutant.function} is too weak: {why}"
            gate.survivors.append(f"{mutant.id}: {missing}")
    stale = sorted(set(listed) - set(gate.equivalent))
    gate.survivors += [f"{name}: listed in {EQUIVALENTS.name}, but no longer an equivalent mutant" for name in stale]
    return gate


def _numbered(made: list[Mutant]) -> Iterator[tuple[Mutant, int]]:
    counts: dict[str, int] = {}
    for mutant in made:
        yield mutant, counts.setdefault(mutant.module, 0)
        counts[mutant.module] += 1


_MADE: dict[str, list[Mutant]] = {}


def _fate(place: tuple[str, int]) -> tuple[str, str]:
    """Try one mutant in a worker; code objects do not travel between processes, so it is made again."""
    module, index = place
    if module not in _MADE:
        _MADE[module] = mutants(module)
    return _try(_MADE[module][index])


def reasons() -> dict[str, str]:
    """Return the listed equivalent mutants and why each is one."""
    if not EQUIVALENTS.exists():
        return {}
    table = tomllib.loads(EQUIVALENTS.read_text(encoding="utf-8"))
    return {entry["mutant"]: entry["reason"] for entry in table.get("equivalent", [])}
