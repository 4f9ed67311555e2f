"""The kernel and the specification keep to their subsets; whatever leaves them is named."""

import pytest

from proofs import lint

BAD = {
    "a store to an attribute, as the kernel that zeroed a budget and was proved": "def f(s):\n    s.budget = 0\n",
    "a store to a subscript": "def f(s):\n    s[0] = 1\n    return s\n",
    "an augmented store": "def f(s):\n    s.x |= 1\n    return s\n",
    "a store hidden in a tuple": "def f(a):\n    (a.b, c) = 1, 2\n    return c\n",
    "a loop": "def f(s):\n    for i in s:\n        pass\n",
    "a while": "def f(s):\n    while s:\n        s = s - 1\n    return s\n",
    "identity": "def f(s):\n    return s is 1\n",
    "membership": "def f(s):\n    return s in (1, 2)\n",
    "a builtin": "def f(s):\n    return min(s, 1)\n",
    "a default": "def f(s, d=1):\n    return s\n",
    "a star": "def f(*s):\n    return s\n",
    "a module import": "import os\n",
    "a foreign import": "from os import system\n",
    "a mutable global": "x = 1\n",
    "recursion": "def f(s):\n    return f(s)\n",
    "mutual recursion": "def f(s):\n    return g(s)\ndef g(s):\n    return f(s)\n",
    "multiplication": "def f(s):\n    return s * 2\n",
    "a method": "def f(s):\n    return s.append(1)\n",
    "a lambda": "def f(s):\n    return (lambda: s)()\n",
    "a dunder": "def f(s):\n    return s.__class__\n",
    "a comprehension": "def f(s):\n    return [s for s in s]\n",
    "a try": "def f(s):\n    try:\n        return s\n    except Exception:\n        return 1\n",
    "a delete": "def f(s):\n    del s\n    return 1\n",
    "a global": "def f(s):\n    global X\n    X = 1\n    return 1\n",
    "a format": "def f(s):\n    return f'{s}'\n",
    "a walrus": "def f(s):\n    return (y := s)\n",
    "a class with code": "class A:\n    x = 1\n",
    "a float": "def f(s):\n    return 1.5\n",
    "a string": "def f(s):\n    return 'x'\n",
    "a decorator": "@g\ndef f(s):\n    return s\n",
    "an expression for its effect": "def f(s):\n    s + 1\n    return s\n",
    "a keyword call": "def g(s):\n    return s\ndef f(s):\n    return g(s=s)\n",
}


def test_the_kernel_and_the_specification_keep_to_their_subsets() -> None:
    assert lint.problems() == []


@pytest.mark.parametrize("text", BAD.values(), ids=BAD)
def test_whatever_leaves_the_subset_is_named(text: str) -> None:
    assert lint.check_kernel("x", text)


def test_only_the_door_may_look_at_types() -> None:
    text = "def f(s: object) -> bool:\n    return type(s) is int\n"
    assert lint.check_kernel("decide", text)
    assert lint.check_kernel("boundary", text) == []
    assert lint.check_kernel("boundary", "def f(s):\n    s.x = 1\n    return s\n")


def test_the_specification_may_not_read_the_kernel() -> None:
    for text in ("from nucleus.kernel.facts import EGRESS\n", "import nucleus\n", "x = __import__('nucleus')\n"):
        assert lint.check_spec("x", text)
