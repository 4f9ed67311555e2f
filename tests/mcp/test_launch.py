"""What an entry's ``env`` says reaches the server or nobody, and a server is known by what is started."""

import os
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from nucleus.mcp.launch import identity, refuse_steering, server_environment, steers, url_headers

CLEAN = {"HOME": "/home/u", "PATH": "/usr/bin"}


@pytest.mark.parametrize(
    "name",
    ["LD_PRELOAD", "LD_LIBRARY_PATH", "LD_AUDIT", "PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONINSPECT", "ld_x"],
)
def test_a_name_that_steers_the_mediator_is_refused_with_the_fix(name: str) -> None:
    with pytest.raises(CannotEnforce, match=name) as caught:
        refuse_steering({"PATH": "/usr/bin", name: "/tmp/evil"})
    assert f"--server-env {name}=VALUE" in caught.value.diagnostics()


def test_an_ordinary_environment_is_not_refused() -> None:
    refuse_steering({"PATH": "/usr/bin", "HOME": "/", "PYTHONUNBUFFERED": "1", "LD_PRELOAD": ""})


def test_nothing_of_our_environment_reaches_the_server_unsaid() -> None:
    own = {"GITHUB_TOKEN": "t", "USER": "u", "PATH": "/evil", "HOME": "/evil", "NODE_OPTIONS": "--require x"}
    assert server_environment(CLEAN, own, []) == {**CLEAN, "USER": "u"}
    assert server_environment(CLEAN, own, ["GITHUB_TOKEN", "A=b=c", "PATH=/opt"]) == {
        "HOME": "/home/u",
        "PATH": "/opt",
        "USER": "u",
        "GITHUB_TOKEN": "t",
        "A": "b=c",
    }


@pytest.mark.parametrize("setting", ["", "=x", "ABSENT", "A=\0"])
def test_a_setting_that_says_nothing_is_refused(setting: str) -> None:
    with pytest.raises(ValueError, match="--server-env"):
        server_environment(CLEAN, {}, [setting])


def test_a_server_is_known_by_its_resolved_program_and_its_words(tmp_path: Path) -> None:
    program = tmp_path / "server"
    program.write_text("")
    program.chmod(0o755)
    (tmp_path / "link").symlink_to(tmp_path)
    by_name = identity(["server", "--stdio"], str(tmp_path))
    assert by_name.command == (os.path.realpath(program), "--stdio")
    assert identity([str(tmp_path / "link" / "server"), "--stdio"], "").digest == by_name.digest
    assert identity(["server"], str(tmp_path)).digest != by_name.digest


def test_a_program_that_is_not_there_is_not_started() -> None:
    with pytest.raises(CannotEnforce, match="can't be started"):
        identity(["no-such-server"], "/usr/bin")


def test_what_an_entry_says_for_the_server_alone_counts_before_the_mediators_own() -> None:
    own = {"PATH": "/usr/bin", "NUCLEUS_SERVER_PATH": "/opt/bin"}
    assert server_environment(CLEAN, own, ["PATH"]) == {**CLEAN, "PATH": "/opt/bin"}
    assert server_environment(CLEAN, own, []) == CLEAN


@pytest.mark.parametrize(
    "name", ["LD_PRELOAD", "path", "HOME", "XDG_DATA_HOME", "NODE_OPTIONS", "NUCLEUS_STATE", "SSL_CERT_FILE"]
)
def test_names_that_steer_a_loader_an_interpreter_trust_or_a_home_are_known(name: str) -> None:
    assert steers(name)
    assert not any(steers(plain) for plain in ("API_KEY", "NODE_ENV", "PYTHONUNBUFFERED", "PATHS", "HOMEPAGE"))


def test_headers_are_named_on_the_command_line_and_said_in_the_environment() -> None:
    assert url_headers({"NUCLEUS_HEADER_X-Key": "v"}, ["X-Key"]) == {"X-Key": "v"}
    assert url_headers({"NUCLEUS_HEADER_X-Key": "v"}, []) == {}


@pytest.mark.parametrize(("name", "value"), [("Absent", None), ("A b", "v"), ("A", "v\r\nX: y"), ("A", "\u00e9")])
def test_a_header_that_could_be_two_or_none_is_refused(name: str, value: str | None) -> None:
    with pytest.raises(ValueError, match="--header"):
        url_headers({} if value is None else {f"NUCLEUS_HEADER_{name}": value}, [name])
