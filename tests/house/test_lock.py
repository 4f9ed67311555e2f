"""The locks agree with pyproject.toml and with what is installed; every pin has hashes."""

import re
import tomllib
from importlib.metadata import distribution, distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.house.source import ROOT

LOCKS = ROOT / "locks"
PIN = re.compile(r"^([A-Za-z0-9._-]+)==([^ ;\\]+)(?: ; (.+?))? \\$")
HASH = re.compile(r"^    --hash=sha256:[0-9a-f]{64}(?: \\)?$")


def pins(text: str) -> dict[str, str]:
    """Return name -> version. Raises ValueError for a line that is no pin with hashes."""
    found: dict[str, str] = {}
    hashed = True
    for line in text.splitlines():
        pin = PIN.match(line)
        if pin and hashed:
            found[canonicalize_name(pin[1])] = pin[2]
            hashed = False
        elif HASH.match(line):
            hashed = True
        else:
            raise ValueError(f"neither a pin nor its hash: {line!r}")
    if not hashed:
        raise ValueError("the last pin has no hash")
    return found


def missing(declared: list[str], locked: dict[str, str]) -> list[str]:
    """Return the declared requirements that no pin meets."""
    wanted = [Requirement(line) for line in declared]
    return [str(one) for one in wanted if not one.specifier.contains(locked.get(canonicalize_name(one.name), "0"))]


def declared() -> dict[str, list[str]]:
    """Return lock -> the requirements that it answers."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    core = project["project"]["dependencies"]
    extras = project["project"]["optional-dependencies"]
    return {
        "core": core,
        "dev": core + extras["dev"],
        "proofs": core + extras["proofs"],
        "build": project["build-system"]["requires"],
    }


def read(name: str) -> dict[str, str]:
    return pins((LOCKS / f"{name}.txt").read_text(encoding="utf-8"))


@pytest.mark.parametrize("name", sorted(declared()))
def test_a_lock_pins_all_that_pyproject_declares(name: str) -> None:
    """After a change of dependencies: make lock."""
    assert missing(declared()[name], read(name)) == []


def test_every_line_of_every_lock_is_a_pin_with_hashes() -> None:
    assert all(read(path.stem) for path in LOCKS.glob("*.txt"))


def test_the_locks_can_be_installed_together() -> None:
    """One version of each package, whichever lock names it."""
    seen: dict[str, str] = {}
    for name in ("core", "dev", "proofs", "build"):
        for package, version in read(name).items():
            assert seen.setdefault(package, version) == version, package


def test_what_a_locked_package_needs_is_locked_too() -> None:
    """Of the packages that are for this machine: a marker leaves out those for others."""
    here = {canonicalize_name(one.metadata["Name"]) for one in distributions()}
    for name in ("core", "dev", "proofs", "build"):
        locked = read(name)
        assert len(locked.keys() & here) > 1
        for package in locked.keys() & here:
            needs = [Requirement(line) for line in distribution(package).requires or []]
            always = [one for one in needs if one.marker is None or one.marker.evaluate({"extra": ""})]
            assert [one.name for one in always if canonicalize_name(one.name) not in locked] == [], package


def test_a_planted_requirement_without_a_pin_is_found() -> None:
    assert missing(["left-pad>=1", "Cryptography>=1", "ruff>=99999"], read("dev")) == ["left-pad>=1", "ruff>=99999"]


@pytest.mark.parametrize(
    "text",
    ["left-pad==1.0\n", "left-pad>=1.0 \\\n    --hash=sha256:" + "0" * 64, "--index-url x", "a==1 \\\nb==1 \\\n"],
)
def test_a_planted_line_without_a_hash_is_found(text: str) -> None:
    with pytest.raises(ValueError, match="pin"):
        pins(text)


def test_the_set_up_installs_with_hashes_and_runs_no_package_code() -> None:
    script = (ROOT / "scripts" / "bootstrap").read_text(encoding="utf-8")
    installs = [line for line in script.replace("\\\n", "").splitlines() if "pip install" in line]
    assert installs
    for line in installs:
        assert ("--require-hashes" in line and "--only-binary :all:" in line) or "--no-index" in line
    assert Path(ROOT / ".ci" / "run").read_text(encoding="utf-8").rstrip().endswith("make test")
