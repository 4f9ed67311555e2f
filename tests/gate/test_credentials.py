"""Credentials: the owner's file only, for exactly the destination that it names."""

from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.credentials import Credentials

FILE = """
[[credential]]
destination = "https://forge.example/acme"
token = "t-acme"

[[credential]]
destination = "https://forge.example/acme/app.git"
token = "t-app"
"""


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "credentials.toml"
    path.write_text(FILE)
    path.chmod(0o600)
    return tmp_path


def test_the_longest_named_destination_gives_the_token(state: Path) -> None:
    held = Credentials.of(state)
    assert held.get("https://forge.example/acme/app.git") == b"t-app"
    assert held.get("https://forge.example/acme/other.git") == b"t-acme"


@pytest.mark.parametrize(
    "other",
    [
        "https://forge.example/acme-evil/x",
        "https://forge.example",
        "http://forge.example/acme",
        "",
        "https://evil.example/acme",
    ],
)
def test_no_other_destination_gets_one(state: Path, other: str) -> None:
    assert Credentials.of(state).get(other) == b""


def test_a_file_that_others_can_read_is_refused_with_the_fix(state: Path) -> None:
    (state / "credentials.toml").chmod(0o644)
    with pytest.raises(CannotEnforce, match="others can read it") as error:
        Credentials.of(state)
    assert "chmod 600" in error.value.fix


@pytest.mark.parametrize(
    "text", ["x", "[[credential]]\n", 'credential = "x"', '[[credential]]\ndestination = 1\ntoken = "x"']
)
def test_a_malformed_file_is_refused_and_shows_no_token(state: Path, text: str) -> None:
    (state / "credentials.toml").write_text(text)
    with pytest.raises(CannotEnforce, match="can't be used"):
        Credentials.of(state)


def test_no_file_is_no_credential_and_repr_shows_none(state: Path, tmp_path: Path) -> None:
    assert Credentials.of(tmp_path / "nowhere").get("https://forge.example") == b""
    assert "t-acme" not in repr(Credentials.of(state))
