"""Who commits in a box."""

import os
import subprocess
from pathlib import Path

import pytest

from nucleus.tools.perform.identity import identity_of, settings
from nucleus.tools.perform.private_git import NOBODY


@pytest.fixture
def place(tmp_path: Path) -> Path:
    (tmp_path / "home").mkdir()
    subprocess.run(["git", "init", "-q", str(tmp_path / "ws")], check=True)
    return tmp_path


def found(place: Path) -> tuple[str, str]:
    return identity_of(str(place / "ws"), str(place / "home"))


def test_the_owners_configuration_speaks_and_the_repositorys_goes_before_it(place: Path) -> None:
    assert found(place) == NOBODY
    (place / "home" / ".gitconfig").write_text("[user]\n\tname = Own <er>\n\temail = o@x\n")
    assert found(place) == ("Own er", "o@x")
    with (place / "ws" / ".git" / "config").open("a") as config:
        config.write("[user]\n\temail = work@x\n")
    assert found(place) == ("Own er", "work@x")


def test_no_include_and_no_program_of_the_repository_is_followed(place: Path) -> None:
    (place / "evil").write_text("[user]\n\tname = Evil\n\temail = e@x\n")
    with (place / "ws" / ".git" / "config").open("a") as config:
        config.write(f"[include]\n\tpath = {place}/evil\n[user]\n\tname = Me\n")
    assert found(place) == NOBODY


def test_outside_of_a_repository_the_owner_speaks_alone(place: Path) -> None:
    (place / "home" / ".gitconfig").write_text("[user]\n\tname = O\n\temail = o@x\n")
    assert identity_of(str(place), str(place / "home")) == ("O", "o@x")


def test_it_is_added_to_other_settings_and_a_commands_own_goes_before_it(place: Path) -> None:
    other = {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a.b", "GIT_CONFIG_VALUE_0": "c"}
    found = settings(other, ("O", "o@x"))
    assert found["GIT_CONFIG_COUNT"] == "3"
    words = ["git", "-c", "user.name=Bot", "var", "GIT_AUTHOR_IDENT"]
    said = subprocess.run(
        words, env={"PATH": os.environ["PATH"], "HOME": "/", **found}, capture_output=True, text=True, check=True
    )
    assert said.stdout.startswith("Bot <o@x>")
    assert settings({}, ("O", "o@x"))["GIT_CONFIG_VALUE_1"] == "o@x"
