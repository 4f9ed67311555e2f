"""What a start imports: by names and numbers of modules, never by time. A start that grows is seen here first."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus import privileged

ROOT = Path(privileged.__file__).parents[1]
ROLE = """
import json, sys
sys.path.append({root!r})
from nucleus import privileged
privileged.complete_path(privileged.__file__)
{imports}
from nucleus.gate import hardening
import importlib
for name in {late}:
    importlib.import_module(name)
print(json.dumps(sorted(sys.modules)))
"""
START = """
import json, os, sys
from nucleus.gate import spawn

def start(*_):
    print(json.dumps(sorted(sys.modules)))
    sys.stdout.flush()
    os._exit(0)

spawn.start = start
from nucleus.cli import main
main(["--state", sys.argv[1], "run", "--workspace", sys.argv[2], "--", "true"])
"""
RUN = """
import json, sys
import nucleus.cli.run, nucleus.cli.run_box, nucleus.local.agent, nucleus.local.network, nucleus.local.supervise
import nucleus.local.tracked
nucleus.local.agent.agent(["true"], {}, login=False)
print(json.dumps(sorted(sys.modules)))
"""
ROLES = {
    "gate": ("from nucleus.gate.server import serve", "(*hardening.REPORTING, *privileged.LAZY)"),
    "mediator": ("from nucleus.mcp.mediate import mediate", "(*hardening.LATE, *privileged.MEDIATOR_LAZY)"),
    "egress": ("from nucleus.egress.serve import serve", "(*hardening.LATE, *privileged.EGRESS_LAZY)"),
}
MOST = {"gate": 275, "mediator": 192, "egress": 262}
"""Modules, those of the interpreter itself included. Below each stand a few more than there are."""
NOT = {
    "gate": {"asyncio", "ssl", "email", "http", "argparse", "tempfile", "shutil", "_strptime", "nucleus.session"},
    "mediator": {"asyncio", "ssl", "email", "cryptography", "argparse", "nucleus.trace.writer", "nucleus.session"},
    "egress": {"cryptography", "argparse", "nucleus.policy.load", "nucleus.trace.writer", "nucleus.session"},
}
BEFORE_THE_GATE = {
    *("nucleus", "nucleus.errors", "nucleus.lean", "nucleus.cli", "nucleus.gate", "nucleus.local"),
    *("nucleus.cli.run", "nucleus.cli.run_options", "nucleus.cli.outcome", "nucleus.cli.words"),
    *("nucleus.gate.hardening", "nucleus.gate.spawn", "nucleus.local.argv", "nucleus.local.ground"),
}
"""All of ours that ``nucleus run`` may import before its gate starts, which is what the start waits for."""


def modules(source: str, *arguments: str) -> set[str]:
    """Return the modules that a script of an isolated interpreter ended with."""
    words = [sys.executable, "-I", "-S", "-B", "-c", source, *arguments]
    done = subprocess.run(words, capture_output=True, text=True, check=True, timeout=60)
    return set(json.loads(done.stdout))


@pytest.mark.parametrize("role", sorted(ROLES))
def test_a_privileged_process_imports_what_it_needs_and_little_more(role: str) -> None:
    imports, late = ROLES[role]
    found = modules(ROLE.format(root=str(ROOT), imports=imports, late=late))
    assert NOT[role] & found == set()
    assert len(found) <= MOST[role], sorted(found)


def test_a_run_starts_its_gate_before_it_imports_anything_else_of_ours(tmp_path: Path) -> None:
    workspace = tmp_path / "project"
    workspace.mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    source = f"import sys; sys.path.append({str(ROOT)!r})\n{START}"
    found = modules(source, str(tmp_path / "state"), str(workspace))
    assert {name for name in found if name.split(".")[0] == "nucleus"} <= BEFORE_THE_GATE
    assert {"inspect", "dataclasses", "hashlib", "ssl", "tomllib", "ctypes"} & found == set()


def test_a_run_that_changed_nothing_imports_nothing_of_an_apply_nor_of_the_kernel() -> None:
    """What comes after the gate's start is on the way too: the box waits for it."""
    found = modules(f"import sys; sys.path.append({str(ROOT)!r})\n{RUN}")
    assert {name for name in found if name.startswith(("nucleus.apply", "nucleus.kernel", "nucleus.trace"))} == set()
    assert {"inspect", "dataclasses", "asyncio", "ssl", "cryptography"} & found == set()


def test_switched_off_a_heavy_import_is_seen() -> None:
    imports, late = ROLES["gate"]
    found = modules(ROLE.format(root=str(ROOT), imports=f"{imports}\nimport asyncio", late=late))
    assert NOT["gate"] & found == {"asyncio", "ssl"}
