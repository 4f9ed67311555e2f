"""The set-up scripts: they say what is missing, choose a Python that is recent enough, and work once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.house.source import ROOT

PROGRAMS = ("sh", "dirname", "cat", "cut", "sha256sum", "find", "sort", "xargs", "mkdir", "rm", "pwd", "env")


@pytest.fixture
def machine(tmp_path: Path) -> Path:
    """Make a checkout on a machine that has a handful of programs and no Python; the user is not root."""
    for part in ("scripts", "locks"):
        shutil.copytree(ROOT / part, tmp_path / part)
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    (tmp_path / "bin").mkdir()
    for name in PROGRAMS:
        found = shutil.which(name)
        if found is not None:
            (tmp_path / "bin" / name).symlink_to(found)
    program(tmp_path, "id", "echo 1000")
    return tmp_path


def program(machine: Path, name: str, body: str) -> None:
    """Put a program of a few shell lines on the machine."""
    path = machine / "bin" / name
    path.write_text(f"#!/bin/sh\n{body}\n")
    path.chmod(0o755)


def run(machine: Path, *words: str, **more: str) -> "subprocess.CompletedProcess[str]":
    environ = {"PATH": str(machine / "bin"), "HOME": str(machine), **more}
    return subprocess.run(words, cwd=machine, env=environ, capture_output=True, text=True, timeout=60, check=False)


def test_without_python_the_one_line_to_run_is_printed(machine: Path) -> None:
    done = run(machine, "scripts/bootstrap")
    assert done.returncode == 1
    assert "sudo apt-get install -y python3 python3-pip" in done.stderr
    assert not (machine / ".venv").exists()


def test_a_python_that_is_too_old_counts_as_none(machine: Path) -> None:
    program(machine, "python3", "exit 1")
    assert "no Python >= 3.11 found" in run(machine, "scripts/bootstrap").stderr


def test_without_pip_the_one_line_to_run_is_printed(machine: Path) -> None:
    """A newer Python is found beside an old python3; what it lacks is named."""
    program(machine, "python3", "exit 1")
    program(machine, "git", "exit 0")
    answers = f'*print*sys.executable*) echo {machine}/bin/python3.11 ;; "-m pip"*) exit 1 ;;'
    program(machine, "python3.11", f'case "$*" in {answers} *) exec {sys.executable} "$@" ;; esac')
    done = run(machine, "scripts/bootstrap")
    assert done.returncode == 1
    assert "sudo apt-get install -y python3-pip" in done.stderr
    assert "no Python" not in done.stderr


def test_a_root_user_gets_what_is_missing_installed(machine: Path) -> None:
    """Told by the calls that reach apt-get; what it installs here is nothing, so the end is an error all the same."""
    program(machine, "id", "echo 0")
    program(machine, "apt-get", f'echo "$*" >> {machine}/calls')
    assert run(machine, "scripts/bootstrap").returncode == 1
    assert "install -qq -y --no-install-recommends python3 python3-pip" in (machine / "calls").read_text()


def test_once_runs_again_only_for_other_files(machine: Path) -> None:
    (machine / "input").write_text("1")
    program(machine, "prove", f"echo run >> {machine}/runs")

    def runs(**more: str) -> int:
        assert run(machine, "scripts/once", "proved", "prove", "input", "absent", **more).returncode == 0
        return len((machine / "runs").read_text().split())

    assert [runs(), runs()] == [1, 1]
    (machine / "input").write_text("2")
    assert [runs(), runs()] == [2, 2]
    assert [runs(CI="true"), runs(CI="true")] == [3, 4]


def test_once_forgets_a_failure(machine: Path) -> None:
    (machine / "input").write_text("1")
    program(machine, "prove", "exit 3")
    assert run(machine, "scripts/once", "proved", "prove", "input").returncode == 3
    assert run(machine, "scripts/once", "proved", "prove", "input").returncode == 3


def test_the_submission_runs_every_gate() -> None:
    """Make test stands for lint, types, imports, proofs, benchmarks' self-checks and tests, in CI too."""
    make = ["make", "--dry-run", "--always-make", "test"]
    environ = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    plan = subprocess.run(make, cwd=ROOT, env=environ, capture_output=True, text=True, check=True).stdout
    for word in ("ruff check", "ruff format --check", "mypy", "lint-imports", "scripts/once proved", "bench", "pytest"):
        assert word in plan, word
    assert plan.rstrip().splitlines()[-1].startswith(".venv/bin/python -m pytest")
