"""The public names are a contract: a new one, or a lost one, fails here first."""

import subprocess
import sys

import nucleus

PUBLIC = [
    "ApprovalRequired",
    "BudgetExceeded",
    "CannotEnforce",
    "NoSession",
    "NucleusError",
    "PolicyDenied",
    "PolicyError",
    "Refused",
    "Session",
    "StateBlocked",
    "TraceError",
    "approve",
]


def test_the_public_names_are_these() -> None:
    assert sorted(nucleus.__all__) == PUBLIC


def test_each_of_them_is_there_and_documented() -> None:
    for name in PUBLIC:
        assert getattr(nucleus, name).__doc__


def test_a_name_that_is_not_public_is_an_attribute_error() -> None:
    assert not hasattr(nucleus, "Sesion")


def test_importing_the_package_loads_no_room() -> None:
    """The SDK is imported when it is first asked for."""
    code = "import sys, nucleus; print(*sorted(name for name in sys.modules if name.startswith('nucleus')))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["nucleus", "nucleus.errors"]
