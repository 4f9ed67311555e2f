"""Boxes for tests: whether this kernel can make one, and a small way to run something in one."""

import os
import stat
import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.effects import Limits, Outcome, Permit
from nucleus.local.ns import NsBox


@cache
def missing() -> str:
    """Return why no box can be made here, "" where one can."""
    if not sys.platform.startswith("linux"):
        return "boxes are a Linux thing"
    with tempfile.TemporaryDirectory() as state:
        try:
            NsBox(state).probe()
        except CannotEnforce as error:
            return error.diagnostics()
    return ""


def kernel_lacks() -> str:
    """Return why the tests of boxes are skipped. A kernel that has user namespaces must make boxes: then never."""
    done = subprocess.run(["unshare", "-Ur", "true"], capture_output=True, check=False)
    return missing() if done.returncode != 0 or not sys.platform.startswith("linux") else ""


needs_box = pytest.mark.skipif(bool(kernel_lacks()), reason=kernel_lacks() or "a box can be made here")


def private(folder: Path) -> Path:
    """Make a directory that only its owner reads, as a state directory is."""
    folder.mkdir(parents=True, mode=0o700, exist_ok=True)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    return folder


def permit(workspace: Path, *argv: str, seconds: float = 30, limit: int = 1 << 20, **args: Any) -> Permit:
    """Return the permit of one command."""
    found = {"argv": list(argv), "hidden": [], "cwd": "."} | args
    return Permit(0, "proc.run", found, os.path.realpath(workspace), Limits(limit, seconds))


def output(outcome: Outcome) -> str:
    """Return what a command said. Fails if it did not run, or failed."""
    assert outcome.status == "ok", outcome
    assert outcome.value["status"] == 0, (outcome.value, outcome.body)
    return outcome.body.decode()


def open_to_all(path: str) -> bool:
    """Whether any user can get to a file and read it."""
    real = Path(os.path.realpath(path))
    return bool(real.stat().st_mode & 0o004) and all(one.stat().st_mode & 0o001 for one in real.parents)
