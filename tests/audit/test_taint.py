"""Which names hold what the model gave."""

import ast

import pytest

from nucleus.audit.taint import dotted, tainted_names, uses


def function(text: str) -> ast.FunctionDef:
    (found,) = ast.parse(text).body
    assert isinstance(found, ast.FunctionDef)
    return found


def test_parameters_and_names_made_from_them() -> None:
    text = 'def f(self, a, *, b, ctx):\n    c = f"x {a}"\n    d = c.strip()\n    e = 1\n'
    text += "    g: str = b\n    if (h := d): pass\n"
    assert tainted_names(function(text)) == {"a", "b", "c", "d", "g", "h"}


@pytest.mark.parametrize(
    ("expression", "used"),
    [
        ("a", True),
        ("f'{a}'", True),
        ("g(x, [a])", True),
        ("int(a)", False),
        ("shlex.quote(a)", False),
        ("x + 1", False),
    ],
)
def test_conversions_that_leave_no_text_end_it(expression: str, used: bool) -> None:
    assert uses(ast.parse(expression, mode="eval").body, {"a"}) == used


def test_names_with_dots() -> None:
    assert dotted(ast.parse("a.b.c", mode="eval").body) == "a.b.c"
    assert dotted(ast.parse("f().c", mode="eval").body) == "c"
    assert dotted(ast.parse("f()", mode="eval").body) == ""
