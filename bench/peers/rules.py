"""The kernel's rules once more, as plain boolean expressions that every policy language can be given.

Written in Python's syntax, and rendered into each language by ``render``. The
peers get less work than the kernel: the level of the capability is looked up
for them, what was seen and what is carried is joined and split into booleans,
``malformed`` has no meaning for named and typed facts, and none of them says
what the state is afterwards. Whether an expression is right is not a matter of
opinion: every cell is compared with the kernel before anything is timed.
"""

import ast
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from bench.cells import Cell
from nucleus.kernel import capability as cap
from nucleus.kernel.capability import level
from nucleus.kernel.decide import ALLOW, ASK, DENY
from nucleus.kernel.exposure import FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import CONTROL, EGRESS, IRREVERSIBLE

OPS: Final = (
    *("read_files", "write_files", "edit_files", "run_bash", "glob_search", "grep_search"),
    *("web_search", "web_fetch", "git_commit", "git_push", "create_pr", "manage_pods"),
)
SCOPES: Final = ("deny", "ask", "allow")
TRUST: Final = ("no", "clean", "yes")
LEVELS: Final = {cap.NEVER: "never", cap.LOW_RISK: "low_risk", cap.ALWAYS: "always"}

DERIVED: Final = {
    "shell": "op == 'run_bash' and not attested",
    "sends": "op == 'git_push' or op == 'create_pr'",
    "asks_the_web": "op == 'web_fetch' or op == 'web_search'",
    "out": "egress or shell or op == 'manage_pods' or ((sends or asks_the_web) and not fixed)",
    "for_good": "irreversible or shell or (sends and not fixed)",
    "steers": "control or op == 'manage_pods'",
    "strange_seen": "untrusted or shell",
    "private_seen": "private or shell or ((op == 'run_bash' or op == 'git_push') and not public)",
}
"""The floors of ``kernel.facts``, by name. Later ones use earlier ones."""

DENIALS: Final = {
    "session": "not live",
    "capability": "level == 'never'",
    "scope": "scope == 'deny'",
    "budget": "cost > budget",
}
QUESTIONS: Final = {
    "scope": "scope == 'ask'",
    "control": "steers",
    "destination": "(out or for_good) and (trusted == 'no' or (trusted == 'clean' and private_seen))",
    "secret": "out and secret",
    "uninhabitable": "out and strange_seen and ((home and foreign) or (not home and private_seen))",
    "low_risk": "level == 'low_risk' and (out or for_good or steers) and strange_seen",
}
"""A question counts unless the request is approved."""


@dataclass(frozen=True, slots=True)
class Style:
    """How one language writes an expression."""

    both: str
    """Format of a conjunction of ``{0}`` and ``{1}``."""
    either: str
    negated: str
    equal: str
    greater: str
    flag: str
    """Format of a boolean fact."""


def facts_of(cell: Cell) -> dict[str, Any]:
    """Return a cell as named facts: what a program would hand to a policy engine."""
    state, facts = cell
    op, cost, live, _legs, carried, sink, scope, trusted, home, attested, public, fixed, approved = facts
    seen = state.exposure | carried
    return {
        "op": OPS[op],
        "level": LEVELS[level(state.authority, op)],
        "scope": SCOPES[scope],
        "trusted": TRUST[trusted],
        "cost": cost,
        "budget": state.budget,
        "live": live == 1,
        "home": home == 1,
        "attested": attested == 1,
        "public": public == 1,
        "fixed": fixed == 1,
        "approved": approved == 1,
        "egress": sink & EGRESS != 0,
        "irreversible": sink & IRREVERSIBLE != 0,
        "control": sink & CONTROL != 0,
        "private": seen & PRIVATE != 0,
        "untrusted": seen & UNTRUSTED != 0,
        "foreign": seen & FOREIGN != 0,
        "secret": seen & SECRET != 0,
    }


def expanded(expression: str) -> ast.expr:
    """Return the tree of an expression with every derived fact written out."""
    tree = ast.parse(expression, mode="eval").body
    return _Expand().visit(tree)  # type: ignore[no-any-return]  # visit of an expression is one


class _Expand(ast.NodeTransformer):
    def visit_Name(self, node: ast.Name) -> ast.expr:
        return expanded(DERIVED[node.id]) if node.id in DERIVED else node


def render(tree: ast.expr, style: Style, names: Mapping[str, str] | None = None) -> str:
    """Return ``tree`` in a language. ``names`` says how a fact is called, where that is not a matter of style."""
    names = names or {}

    def write(node: ast.expr) -> str:
        match node:
            case ast.BoolOp(op, values):
                joined = style.both if isinstance(op, ast.And) else style.either
                text = write(values[0])
                for value in values[1:]:
                    text = joined.format(text, write(value))
                return text
            case ast.UnaryOp(ast.Not(), operand):
                return style.negated.format(write(operand))
            case ast.Compare(ast.Name(left), [ast.Eq()], [ast.Constant(value)]):
                return style.equal.format(names.get(left, left), value)
            case ast.Compare(ast.Name(left), [ast.Gt()], [ast.Name(right)]):
                return style.greater.format(names.get(left, left), names.get(right, right))
            case ast.Name(name):
                return style.flag.format(names.get(name, name))
        raise ValueError(f"no language here has {ast.dump(node)}")

    return write(tree)


def terms(tree: ast.expr) -> list[list[tuple[bool, ast.expr]]]:
    """Return the disjunctive normal form: alternatives of (wanted, atom), for languages that have no ``or``."""
    return _terms(tree, wanted=True)


def _terms(node: ast.expr, *, wanted: bool) -> list[list[tuple[bool, ast.expr]]]:
    match node:
        case ast.UnaryOp(ast.Not(), operand):
            return _terms(operand, wanted=not wanted)
        case ast.BoolOp(op, values):
            parts = [_terms(value, wanted=wanted) for value in values]
            if isinstance(op, ast.Or) == wanted:
                return [term for part in parts for term in part]
            product: list[list[tuple[bool, ast.expr]]] = [[]]
            for part in parts:
                product = [[*one, *other] for one in product for other in part]
            return product
    return [[(wanted, node)]]


Judge = Callable[[Any], int]
"""From named facts, as the peer's ``prepare`` returned them, to DENY, ASK or ALLOW."""
VERDICTS: Final = {"deny": DENY, "ask": ASK, "allow": ALLOW}
