"""Where a virtual environment's packages lie that are not in it."""

import subprocess
import sys
import venv
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.local.editable import sources


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    made = tmp_path / "env"
    venv.create(made, symlinks=True)
    return made


def packages(environment: Path) -> Path:
    (found,) = environment.glob("lib/python3*/site-packages")
    return found


def project(tmp_path: Path) -> Path:
    folder = tmp_path / "other" / "src" / "mine"
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("WHERE = 'here'\n")
    return folder


def imports(environment: Path) -> bool:
    python = environment / "bin" / "python"
    return subprocess.run([python, "-I", "-c", "import mine"], capture_output=True, check=False).returncode == 0


def test_a_path_file_names_the_source_that_python_imports_from(environment: Path, tmp_path: Path) -> None:
    source = project(tmp_path).parent
    assert (sources(str(environment)), imports(environment)) == ([], False)
    (packages(environment) / "mine.pth").write_text(f"# a remark\nimport sys\n{source}\nnot/absolute\n")
    assert (sources(str(environment)), imports(environment)) == ([str(source)], True)


def test_a_finder_names_the_package_itself(environment: Path, tmp_path: Path) -> None:
    """As setuptools writes it since release 64."""
    source = project(tmp_path)
    (packages(environment) / "__editable___mine_1_0_finder.py").write_text(
        f"import sys\nMAPPING: dict[str, str] = {{'mine': {str(source)!r}}}\nNAMESPACES = {{}}\n"
    )
    (packages(environment) / "__editable__.mine-1.0.pth").write_text("import __editable___mine_1_0_finder\n")
    assert sources(str(environment)) == [str(source)]


def test_what_lies_in_the_environment_or_is_gone_is_not_named(environment: Path) -> None:
    inner = packages(environment) / "more"
    inner.mkdir()
    (packages(environment) / "x.pth").write_text(f"{inner}\n/gone/for/ever\n")
    assert sources(str(environment)) == []


def test_what_is_no_environment_has_none(tmp_path: Path) -> None:
    assert sources(str(tmp_path)) == sources(sys.base_prefix) == []


@given(text=st.text())
def test_whatever_stands_there_nothing_is_raised(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    made = tmp_path_factory.mktemp("env")
    folder = made / "lib" / "python3.99" / "site-packages"
    folder.mkdir(parents=True)
    (made / "pyvenv.cfg").touch()
    for name, content in (("a.pth", text), ("__editable___a_finder.py", f"MAPPING = {{{text}}}")):
        (folder / name).write_bytes(content.encode("utf-8", "surrogatepass"))
    for place in sources(str(made)):
        assert Path(place).is_dir()
