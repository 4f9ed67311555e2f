"""The vocabulary of effects is legal only where effects.toml says so, with a reason."""

import tomllib
from pathlib import Path

import pytest

from tests.house.source import Module, modules, plant
from tests.house.vocabulary import effects

LIST = Path(__file__).with_name("effects.toml")


def allowed() -> dict[str, set[str]]:
    """Return module -> groups, from the one list."""
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["allow"]
    return {entry["module"]: set(entry["effects"]) for entry in entries}


def violations(found: list[Module], legal: dict[str, set[str]]) -> list[str]:
    """Return a line for each word where it is not legal, and for each licence that nothing uses."""
    used: dict[str, set[str]] = {}
    lines = []
    for module in found:
        for line, group, word in effects(module):
            used.setdefault(module.name, set()).add(group)
            if group not in legal.get(module.name, set()):
                lines.append(f"{module.name}:{line} {group}: {word}")
    for name, groups in legal.items():
        lines.extend(f"{name}: {group} is listed and not used" for group in sorted(groups - used.get(name, set())))
    return lines


def test_effects_happen_only_where_they_are_listed() -> None:
    """A new place for effects is a new entry with a reason; an entry that is not needed goes."""
    assert violations(modules(), allowed()) == []


def test_each_entry_is_there_once_with_a_reason() -> None:
    entries = tomllib.loads(LIST.read_text(encoding="utf-8"))["allow"]
    assert len({entry["module"] for entry in entries}) == len(entries)
    for entry in entries:
        assert entry.keys() == {"module", "effects", "reason"}
        assert len(entry["reason"].split()) >= 4, entry


@pytest.mark.parametrize("room", ["kernel", "policy", "audit"])
def test_the_rooms_that_only_think_have_no_licence_for_processes_or_network(room: str) -> None:
    for name, groups in allowed().items():
        if name.startswith(f"nucleus.{room}."):
            assert groups <= {"write"}, name


@pytest.mark.parametrize(
    ("group", "text"),
    [
        ("process", "import subprocess"),
        ("process", "def late():\n    from subprocess import run"),
        ("process", "import os\nos.execv('/bin/sh', [])"),
        ("process", "import os as o\no.kill(1, 9)"),
        ("process", "from os import fork"),
        ("process", "import os\ngetattr(os, 'system')('x')"),
        ("process", "import os\nrun = os.posix_spawn"),
        ("process", "import asyncio\nasyncio.create_subprocess_exec('x')"),
        ("network", "import socket"),
        ("network", "import urllib.request"),
        ("network", "from http.client import HTTPConnection"),
        ("network", "import asyncio\nasyncio.open_connection('x', 1)"),
        ("write", "open('x', 'w')"),
        ("write", "open('x', mode='rb+')"),
        ("write", "def f(mode):\n    open('x', mode)"),
        ("write", "def f(path):\n    path.open('a')"),
        ("write", "def f(path):\n    path.write_text('x')"),
        ("write", "def f(path, other):\n    path.replace(other)"),
        ("write", "import os\nos.open('x', os.O_WRONLY | os.O_CREAT)"),
        ("write", "import os\ndef f(flags):\n    os.open('x', flags)"),
        ("write", "import os\nFLAGS = os.O_RDONLY | os.O_CREAT\nos.open('x', FLAGS)"),
        ("write", "import os\nos.open('x', os.O_RDONLY | getattr(os, 'O_TRUNC', 0))"),
        ("write", "import os\nos.fdopen(3, 'w')"),
        ("write", "import os\nos.write(1, b'x')"),
        ("write", "import os\nos.unlink('x')"),
        ("write", "import shutil"),
        ("native", "from ctypes import CDLL"),
        ("dynamic", "eval('1')"),
        ("dynamic", "from importlib import import_module\ndef f(n):\n    import_module(n)"),
    ],
)
def test_a_planted_effect_is_found(tmp_path: Path, group: str, text: str) -> None:
    found = violations(plant(tmp_path, {"nucleus/policy/bad.py": text}), {})
    assert len(found) == 1
    assert f" {group}: " in found[0]


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "open('x', 'rb')",
        "def f(path):\n    path.open()\n    path.open('rb')",
        "import os\nos.open('x', os.O_RDONLY | os.O_NOFOLLOW, dir_fd=3)",
        "import os\nos.open('x', os.O_RDONLY | getattr(os, 'O_NOFOLLOW', 0))",
        "import os\nREAD = os.O_RDONLY | os.O_CLOEXEC\nos.fdopen(os.open('x', READ), 'rb')",
        "'a'.replace('a', 'b')",
        "import dataclasses\ndataclasses.replace(1, x=2)",
        "import os\nos.path.join('a', 'b')",
    ],
)
def test_what_only_reads_is_not_found(tmp_path: Path, text: str) -> None:
    assert violations(plant(tmp_path, {"nucleus/policy/good.py": text}), {}) == []


def test_a_licence_that_nothing_uses_is_found(tmp_path: Path) -> None:
    found = plant(tmp_path, {"nucleus/gate/quiet.py": "x = 1"})
    assert violations(found, {"nucleus.gate.quiet": {"write"}}) == ["nucleus.gate.quiet: write is listed and not used"]
