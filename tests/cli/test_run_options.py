"""The options of ``nucleus run``: their names are a contract, and power is asked for by name."""

import argparse

import pytest

from nucleus.cli.run_options import BACKENDS, configure

POWER = ("host", "remote", "env", "read", "write", "local-port", "login")


@pytest.fixture
def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(prog="nucleus run", allow_abbrev=False)
    configure(made)
    return made


def test_nothing_is_allowed_that_was_not_asked_for(parser: argparse.ArgumentParser) -> None:
    found = vars(parser.parse_args([]))
    assert not any(value for name, value in found.items() if name.startswith(("allow_", "publish", "no_")))
    assert (found["backend"], found["workspace"]) == (BACKENDS[0], ".")


@pytest.mark.parametrize("name", POWER)
def test_each_option_that_adds_power_starts_with_allow(parser: argparse.ArgumentParser, name: str) -> None:
    words = [] if name == "login" else ["8080"]
    found = vars(parser.parse_args([f"--allow-{name}", *words]))
    assert found[f"allow_{name.replace('-', '_')}"]


@pytest.mark.parametrize("port", ["0", "65536", "-1", "+1", "8 0", "\u0663", "http", "000080"])
def test_a_port_is_one_from_1_to_65535(parser: argparse.ArgumentParser, port: str) -> None:
    with pytest.raises(SystemExit):
        parser.parse_args([f"--publish={port}"])


def test_what_follows_the_command_is_the_command_s(parser: argparse.ArgumentParser) -> None:
    found = parser.parse_args(["--non-interactive", "make", "--publish", "x"])
    assert (found.words, found.publish) == (["make", "--publish", "x"], [])
