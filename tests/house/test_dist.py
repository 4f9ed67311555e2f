"""The wheel: it builds without a network, holds nucleus and nothing else, and works in a clean place."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from nucleus import cli
from tests.house.source import ROOT, SRC

pytestmark = pytest.mark.xdist_group("dist")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the locked backend that is installed here."""
    out = tmp_path_factory.mktemp("dist")
    code = f"import hatchling.build; print(hatchling.build.build_wheel({str(out)!r}))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return out / done.stdout.split()[-1]


def test_the_wheel_holds_nucleus_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    tops = {name.split("/")[0] for name in names}
    assert tops == {"nucleus", f"nucleus_runtime-{cli.version()}.dist-info"}
    ours = {name for name in names if name.startswith("nucleus/")}
    source = {p.relative_to(SRC).as_posix() for p in SRC.rglob("*") if p.is_file() and "__pycache__" not in p.parts}
    assert ours == source
    assert "nucleus/py.typed" in ours
    assert any(name.startswith("nucleus/policy/profiles/") and name.endswith(".toml") for name in ours)


def test_the_licence_is_in_the_wheel(wheel: Path) -> None:
    names = zipfile.ZipFile(wheel).namelist()
    assert any(name.endswith("licenses/LICENSE") for name in names)


def test_the_installed_wheel_works_without_the_source(wheel: Path, tmp_path: Path) -> None:
    """In a place of its own: the version, the help, a profile, from the wheel's own files."""
    place = tmp_path / "place"
    install = [sys.executable, "-m", "pip", "install", "--quiet", "--no-index", "--no-deps", "--target", str(place)]
    subprocess.run([*install, str(wheel)], check=True, capture_output=True, cwd=tmp_path)
    environ = {**os.environ, "PYTHONPATH": str(place)}

    def run(*words: str) -> str:
        command = [sys.executable, *words]
        return subprocess.run(command, env=environ, cwd=tmp_path, check=True, capture_output=True, text=True).stdout

    assert run("-c", "import nucleus; print(nucleus.__file__)").startswith(str(place))
    assert run("-m", "nucleus", "--version") == f"nucleus {cli.version()}\n"
    assert "policy" in run("-m", "nucleus", "--help")
    assert "safe_pr_fixer" in run("-m", "nucleus", "policy", "profiles")
    scripts = {path.name for path in (place / "bin").iterdir()}
    assert scripts == {"nucleus", "nucleus-runtime"}
