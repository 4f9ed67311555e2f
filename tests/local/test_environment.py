"""The environment of a box: what gets in, and what doesn't."""

import pytest

from nucleus.errors import CannotEnforce
from nucleus.local.environment import environment, search_path


def test_only_names_of_the_list_get_in() -> None:
    owner = {"LANG": "C.UTF-8", "AWS_SECRET_ACCESS_KEY": "canary", "SSH_AUTH_SOCK": "/run/agent", "TERM": "xterm"}
    found = environment(owner, [], "/usr/bin")
    assert found.variables == {"LANG": "C.UTF-8", "TERM": "xterm", "PATH": "/usr/bin"}
    assert found.secrets == ()


def test_a_named_variable_gets_in_and_is_taken_for_a_secret_unless_it_is_known_to_be_none() -> None:
    found = environment({"MY_TOKEN": "canary", "CI": "1"}, ["MY_TOKEN", "CI"], "/bin")
    assert found.variables["MY_TOKEN"] == "canary"
    assert found.variables["CI"] == "1"
    assert found.secrets == ("MY_TOKEN",)


@pytest.mark.parametrize("name", ["LD_PRELOAD", "PATH", "HOME", "BASH_ENV", "PYTHONPATH", "A=B", ""])
def test_what_steers_the_program_is_refused_by_name(name: str) -> None:
    with pytest.raises(CannotEnforce, match="can't be let in"):
        environment({name: "x"}, [name], "/bin")


def test_a_variable_that_is_not_set_is_an_error_not_an_empty_one() -> None:
    with pytest.raises(CannotEnforce, match="no such variable"):
        environment({}, ["MISSING"], "/bin")


@pytest.mark.parametrize("value", ["x" * 300, "a\x1b]0;t\a", "a\nb", "ü"])
def test_a_value_that_nobody_named_is_short_and_plain(value: str) -> None:
    assert "TERM" not in environment({"TERM": value}, [], "/bin").variables


def test_the_search_path_keeps_what_is_shown_in_the_owners_order() -> None:
    owner = "/home/a/.cargo/bin:/srv/p/.venv/bin:/usr/bin:relative:/srv/p/../x:/opt/node/bin"
    found = search_path(owner, ["/srv/p", "/usr", "/opt/node"])
    assert found.split(":")[:3] == ["/srv/p/.venv/bin", "/usr/bin", "/opt/node/bin"]
    assert "/home/a/.cargo/bin" not in found
    assert found.split(":").count("/usr/bin") == 1
