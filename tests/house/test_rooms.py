"""Arrows point down only. The same law as .importlinter, by a reading of our own."""

import sys
from pathlib import Path

import pytest

from tests.house.source import Module, imported, modules, plant

LEVELS = {
    "errors": -1,
    "lean": -1,
    "kernel": 0,
    "policy": 1,
    "trace": 1,
    "tokens": 1,
    "gate": 2,
    "apply": 2,
    "egress": 2,
    "seal": 2,
    "tools": 3,
    "local": 3,
    "vm": 3,
    "mcp": 3,
    "identity": 3,
    "serve": 3,
    "session": 4,
    "aio": 4,
    "quarantine": 4,
    "adapters": 4,
    "observe": 4,
    "audit": 4,
    "demo": 5,
    "clients": 5,
    "cli": 6,
    "privileged": 6,
    "__main__": 7,
}
SDK = {"session", "aio", "quarantine", "adapters"}
"""One room in several modules."""
ONLY = {
    "errors": {"errors"},
    "lean": {"lean"},
    "kernel": {"kernel"},
    "audit": {"audit", "kernel", "policy", "errors", "lean"},
}
"""Rooms that may import less of Nucleus than their level would allow."""
KERNEL_IMPORTS = {"enum", "dataclasses", "typing"}
PUBLIC = {"Session": "session", "approve": "session"}
"""Public names of the package -> the room that they come from."""
FOREIGN = {
    "trace": {"cryptography"},
    "tokens": {"cryptography", "biscuit_auth"},
    "identity": {"cryptography"},
    "serve": {"cryptography", "grpc"},
    "vm": {"grpc"},
}
"""Who may import a package that is neither Nucleus nor of the standard library. Everybody else: none."""


def violations(found: list[Module]) -> list[str]:
    """Return one line for each import against the law."""
    lines = []
    for module in found:
        for line, name in imported(module):
            reason = _fault(module.room, name)
            if reason:
                lines.append(f"{module.name}:{line} imports {name}: {reason}")
    return lines


def _fault(room: str, name: str) -> str:
    top, _, rest = name.partition(".")
    other = rest.partition(".")[0]
    return _inside(room, PUBLIC.get(other, other)) if top == "nucleus" else _outside(room, top)


def _outside(room: str, package: str) -> str:
    if room == "kernel" and package not in KERNEL_IMPORTS:
        return "the kernel imports enum, dataclasses and typing only"
    known = package in sys.stdlib_module_names or package in FOREIGN.get(room, set())
    return "" if known else "not of the standard library"


def _inside(room: str, other: str) -> str:
    if not room or other in {"", room} or {room, other} <= SDK:
        # nucleus/__init__.py names what is public, lazily; it is above all rooms.
        return "" if room in {"", *LEVELS} else f"room {room!r} has no level"
    if not {room, other} <= LEVELS.keys():
        return f"{room!r} or {other!r} has no level"
    if other not in ONLY.get(room, {other}):
        return f"{room} may not import {other}"
    low = LEVELS[other] < LEVELS[room]
    return "" if low else f"level {LEVELS[room]} may not import level {LEVELS[other]}"


def test_arrows_point_down_only() -> None:
    """No room imports a room of its own level or above, nor a package that it has no licence for."""
    assert violations(modules()) == []


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ("nucleus/kernel/bad.py", "from nucleus.policy import call"),
        ("nucleus/kernel/bad.py", "from nucleus import errors"),
        ("nucleus/kernel/bad.py", "import os"),
        ("nucleus/policy/bad.py", "from nucleus.trace.chain import link"),
        ("nucleus/policy/bad.py", "from ..gate import core"),
        ("nucleus/policy/bad.py", "def late():\n    import cryptography"),
        ("nucleus/gate/bad.py", "import nucleus.tools.fs"),
        ("nucleus/gate/bad.py", "import requests"),
        ("nucleus/gate/bad.py", "from importlib import import_module\nimport_module('nucleus.session')"),
        ("nucleus/tools/bad.py", "from nucleus.mcp import frames"),
        ("nucleus/audit/bad.py", "from nucleus.trace import verify"),
        ("nucleus/observe/bad.py", "from nucleus import session"),
        ("nucleus/trace/bad.py", "import biscuit_auth"),
        ("nucleus/unheard/bad.py", "import nucleus.kernel"),
        ("nucleus/cli/bad.py", "import nucleus.unheard"),
    ],
)
def test_a_planted_import_against_the_law_is_found(tmp_path: Path, path: str, text: str) -> None:
    assert len(violations(plant(tmp_path, {path: text}))) == 1


def test_imports_along_the_arrows_are_not_found(tmp_path: Path) -> None:
    planted = {
        "nucleus/kernel/good.py": "from dataclasses import dataclass\nfrom nucleus.kernel import state",
        "nucleus/gate/good.py": "import json\nfrom nucleus.trace import chain\nfrom . import core",
        "nucleus/aio.py": "from nucleus.session import Session",
        "nucleus/trace/good.py": "import cryptography.hazmat",
    }
    assert violations(plant(tmp_path, planted)) == []
