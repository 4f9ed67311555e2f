"""The shape of the house: sizes, names, texts, and a test file for each source file."""

import ast
import re
import tomllib
from pathlib import Path

import pytest

from tests.house.source import ROOT, SRC, Module, code_lines, modules, plant, tracked

EXCEPTIONS = Path(__file__).with_name("exceptions.toml")
LINES = 500
"""A module is read in one sitting."""
KERNEL_LINES = 400
"""Code lines of the whole kernel: what a person can hold in mind, and a solver can discharge."""
FORBIDDEN_NAMES = {"utils", "util", "helpers", "helper", "manager", "common", "misc"}
WINGS_OF_THEIR_OWN = {"house", "contract", "adversarial", "replay", "typing", "proofs", "bench"}
"""Test folders that mirror no room."""

FORBIDDEN_TEXT = {
    # Spelled in two halves, so that this file does not hold what it forbids.
    "a package registry's host": "(?:py" + r"pi|python" + r"hosted|registry\.npm" + r"js|deb\." + r"debian)\.org",
    "a path of one machine": "/" + r"work/(?:main|shared)|/root/\." + r"pyenv|/opt/" + "wheels",
    "an instruction to install somebody else's package": r"pip install " + r"nucleus(?!-runtime)",
    "an unfinished spot": r"\b(?:TO" + r"DO|FIX" + r"ME|XX" + r"X|NotImplemented" + r"Error)\b",
    "a word about how the work is organised": r"\b(?:sub" + r"agent of|issue [0-9]" + r"+ section|session [0-9] of)\b",
}


def too_long(found: list[Module], limit: int = LINES) -> list[str]:
    """Return the modules of ``limit`` lines or more."""
    counted = [(module.name, module.text.count("\n")) for module in found]
    return [f"{name}: {lines} lines" for name, lines in counted if lines >= limit]


def badly_named(paths: list[Path]) -> list[str]:
    """Return the paths that have a name which says nothing."""
    return [str(path) for path in paths if {part.split(".")[0].lower() for part in path.parts} & FORBIDDEN_NAMES]


def badly_worded(texts: dict[str, str]) -> list[str]:
    """Return a line for each piece of forbidden text."""
    lines = []
    for name, text in texts.items():
        for what, pattern in FORBIDDEN_TEXT.items():
            lines.extend(
                f"{name}:{text.count(chr(10), 0, hit.start()) + 1}: {what}: {hit.group()}"
                for hit in re.finditer(pattern, text)
            )
    return lines


def swallowed(found: list[Module]) -> list[str]:
    """Return where an exception of any kind is caught and nothing at all is done about it."""
    lines = []
    for module in found:
        for node in ast.walk(module.tree):
            if isinstance(node, ast.ExceptHandler) and _catches_all(node.type) and _does_nothing(node.body):
                lines.append(f"{module.name}:{node.lineno}")
            if isinstance(node, ast.Call) and getattr(node.func, "attr", getattr(node.func, "id", "")) == "suppress":
                lines.extend(f"{module.name}:{node.lineno}" for kind in node.args if _catches_all(kind))
    return lines


def _catches_all(kind: ast.expr | None) -> bool:
    if isinstance(kind, ast.Tuple):
        return any(_catches_all(element) for element in kind.elts)
    return kind is None or (isinstance(kind, ast.Name) and kind.id in {"Exception", "BaseException"})


def _does_nothing(body: list[ast.stmt]) -> bool:
    return all(
        isinstance(node, ast.Pass | ast.Continue)
        or (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))
        for node in body
    )


def unmatched(sources: set[str], tests: set[str], exceptions: dict[str, dict[str, str]]) -> list[str]:
    """Return source files without a test file, test files without a source file, and stale exceptions."""
    expected = {_test_of(source): source for source in sources}
    untested = {source for test, source in expected.items() if test not in tests}
    astray = {test for test in tests if test not in expected and test.split("/")[0] not in WINGS_OF_THEIR_OWN}
    lines = []
    for kind, actual in (("source_without_test", untested), ("test_without_source", astray)):
        excused = set(exceptions.get(kind, {}))
        lines.extend(f"{kind}: {name}" for name in sorted(actual - excused))
        lines.extend(f"{kind}: the exception for {name} is no longer needed" for name in sorted(excused - actual))
    return lines


def _test_of(source: str) -> str:
    folder, _, name = source.rpartition("/")
    return f"{folder}/test_{name.lstrip('_')}".lstrip("/")


def test_no_module_is_too_long() -> None:
    assert too_long(modules()) == []


def test_the_kernel_is_small_enough_to_prove() -> None:
    kernel = [module for module in modules() if module.room == "kernel"]
    assert kernel
    assert sum(code_lines(module) for module in kernel) < KERNEL_LINES


def test_names_say_something() -> None:
    assert badly_named([path.relative_to(ROOT) for path in tracked()]) == []


def test_no_text_says_what_it_must_not() -> None:
    texts = {}
    for path in tracked():
        try:
            texts[str(path.relative_to(ROOT))] = path.read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # binary test data holds no sentences
    assert badly_worded(texts) == []


def test_no_exception_is_swallowed() -> None:
    assert swallowed(modules()) == []


def test_each_source_file_has_a_test_file_and_the_reverse() -> None:
    """``src/nucleus/room/x.py`` and ``tests/room/test_x.py``."""
    root = SRC / "nucleus"
    sources = {path.relative_to(root).as_posix() for path in root.rglob("*.py") if path.name != "__init__.py"}
    here = ROOT / "tests"
    tests = {path.relative_to(here).as_posix() for path in here.rglob("test_*.py")}
    assert unmatched(sources, tests, tomllib.loads(EXCEPTIONS.read_text(encoding="utf-8"))) == []


def test_a_planted_module_that_is_too_long_is_found(tmp_path: Path) -> None:
    found = plant(tmp_path, {"nucleus/gate/long.py": "x = 1\n" * LINES, "nucleus/gate/short.py": "x = 1\n"})
    assert too_long(found) == [f"nucleus.gate.long: {LINES} lines"]


@pytest.mark.parametrize("name", ["src/nucleus/utils.py", "src/nucleus/common/x.py", "tests/Helpers.py"])
def test_a_planted_name_that_says_nothing_is_found(name: str) -> None:
    assert badly_named([Path(name), Path("src/nucleus/gate/core.py")]) == [name]


@pytest.mark.parametrize(
    "text",
    [
        "see https://py" + "pi.org/simple",
        "cd /" + "work/main",
        "pip install nuc" + "leus",
        "x = 1  # TO" + "DO later",
        "raise NotImplemented" + "Error",
    ],
)
def test_a_planted_text_is_found(text: str) -> None:
    assert len(badly_worded({"README.md": "fine\n" + text})) == 1
    assert badly_worded({"README.md": "pip install nucleus-runtime"}) == []


@pytest.mark.parametrize(
    "text",
    [
        "try:\n    f()\nexcept Exception:\n    pass",
        "try:\n    f()\nexcept:\n    ...",
        "for x in y:\n    try:\n        f()\n    except (OSError, BaseException):\n        continue",
        "import contextlib\nwith contextlib.suppress(Exception):\n    f()",
    ],
)
def test_a_planted_swallowed_exception_is_found(tmp_path: Path, text: str) -> None:
    assert len(swallowed(plant(tmp_path, {"nucleus/gate/bad.py": text}))) == 1


def test_an_exception_that_is_answered_is_not_found(tmp_path: Path) -> None:
    text = "try:\n    f()\nexcept Exception:\n    deny()\ntry:\n    f()\nexcept FileNotFoundError:\n    pass"
    assert swallowed(plant(tmp_path, {"nucleus/gate/good.py": text})) == []


def test_planted_files_without_their_counterpart_are_found() -> None:
    sources = {"gate/core.py", "gate/_wire.py", "session.py", "gate/new.py"}
    tests = {"gate/test_core.py", "gate/test_wire.py", "test_session.py", "gate/test_old.py", "house/test_any.py"}
    assert unmatched(sources, tests, {}) == [
        "source_without_test: gate/new.py",
        "test_without_source: gate/test_old.py",
    ]
    stale = {"source_without_test": {"gate/core.py": "no longer true", "gate/new.py": "data only"}}
    assert unmatched(sources, tests - {"gate/test_old.py"}, stale) == [
        "source_without_test: the exception for gate/core.py is no longer needed"
    ]


def test_docstrings_comments_and_blank_lines_are_not_code(tmp_path: Path) -> None:
    documented = '"""Two\nlines."""\n\n# a comment\nX = 1\n"""About X."""\n\n\n'
    text = documented + 'def f() -> int:\n    """Say."""\n    return (\n        1\n    )\n'
    assert [code_lines(module) for module in plant(tmp_path, {"nucleus/kernel/x.py": text})] == [5]
