"""A ruleset handles what its ABI has, and holds on the thread that enforces it."""

import struct
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.seal import landlock
from nucleus.seal.landlock import NEWEST, PathRule, handled

LINUX = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="Landlock is Linux's")


@pytest.mark.parametrize(
    ("abi", "files", "network", "scopes", "size"),
    [
        (1, 13, 0, 0, 8),
        (2, 14, 0, 0, 8),
        (3, 15, 0, 0, 8),
        (4, 15, 2, 0, 16),
        (5, 16, 2, 0, 16),
        (6, 16, 2, 2, 24),
        (7, 16, 2, 2, 24),
    ],
)
def test_each_abi_refuses_all_that_it_can(abi: int, files: int, network: int, scopes: int, size: int) -> None:
    """As many bits as linux/landlock.h has at that ABI, in a structure as long as that ABI's."""
    ruleset = handled(abi)
    assert ruleset.files == (1 << files) - 1
    assert ruleset.network == (1 << network) - 1
    assert ruleset.scopes == (1 << scopes) - 1
    assert len(ruleset.attributes()) == size
    assert struct.unpack_from("<Q", ruleset.attributes()) == (ruleset.files,)


def test_there_is_no_abi_0() -> None:
    with pytest.raises(ValueError, match="no Landlock ABI"):
        handled(0)


PROBE = """
import os, sys
from nucleus.seal import landlock, native
here = sys.argv[1]
version = int(sys.argv[2])
native.no_new_privileges()
if version:
    rules = [landlock.PathRule(here + '/open', landlock.READ_FILE | landlock.READ_DIR),
             landlock.PathRule(here + '/single', landlock.READ_FILE | landlock.READ_DIR)]
    landlock.enforce(landlock.handled(version, rules))
def tried(path, mode='r'):
    try:
        open(path, mode).close()
    except PermissionError:
        return 'refused'
    return 'opened'
print(tried(here + '/open/file'), tried(here + '/single'), tried(here + '/shut/file'), tried(here + '/open/file', 'a'))
"""


@LINUX
@pytest.mark.parametrize("version", [0, 1, 2, 3, 4, 5, 6, 7])
def test_rules_allow_what_they_name_and_nothing_else(tmp_path: Path, version: int) -> None:
    """ABI 0 stands for no ruleset: then everything is open."""
    try:
        have = landlock.abi()
    except CannotEnforce as error:
        pytest.skip(str(error))
    if version > have:
        pytest.skip(f"this kernel has ABI {have}")
    for name in ("open", "shut"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "file").touch()
    (tmp_path / "single").touch()
    done = subprocess.run(
        [sys.executable, "-c", PROBE, str(tmp_path), str(version)], capture_output=True, text=True, check=True
    )
    expected = "opened opened refused refused" if version else "opened opened opened opened"
    assert done.stdout.strip() == expected


@LINUX
def test_the_abi_is_asked_of_the_kernel_and_bounded_by_what_is_known() -> None:
    try:
        found = landlock.abi()
    except CannotEnforce as error:
        pytest.skip(error.diagnostics())
    assert 1 <= found <= NEWEST


@LINUX
def test_a_ruleset_that_the_kernel_refuses_is_an_error() -> None:
    source = (
        "from nucleus.seal import landlock\nfrom nucleus.errors import CannotEnforce\n"
        "try:\n    landlock.enforce(landlock.Ruleset(1, 0, 0, 0))\nexcept CannotEnforce as error:\n"
        "    print(error.what)\n"
        "try:\n    landlock.enforce(landlock.handled(1, [landlock.PathRule('/nonexistent', 4)]))\n"
        "except CannotEnforce as error:\n    print(error.what)\n"
    )
    done = subprocess.run([sys.executable, "-c", source], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == ["a Landlock ruleset can't be enforced"] * 2


def test_a_rule_is_data() -> None:
    assert handled(3, [PathRule("/usr", landlock.READ_FILE)]).rules == (PathRule("/usr", 4),)
