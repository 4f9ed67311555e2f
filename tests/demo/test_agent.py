"""The agent's attacks one by one: what stops each is told, and a gate that is not there is no refusal."""

from nucleus.demo.agent import attacks, attempt
from nucleus.demo.show import _short

WORLD = {
    "secret": "s",
    "repository": "/nowhere",
    "home": "/nowhere",
    "bare": "/nowhere",
    "hook": "/nowhere/hook",
    "state": "/nowhere",
    "web": 1,
    "forge": 1,
    "dns": 1,
}


def test_every_attack_has_a_name_of_its_own_and_two_ways() -> None:
    names = [name for name, _, _ in attacks(WORLD)]
    assert len(set(names)) == len(names) >= 13


def test_a_way_that_works_is_told_from_one_that_is_stopped() -> None:
    def stopped() -> None:
        raise PermissionError("no")

    assert attempt(lambda: None) == ""
    assert attempt(stopped) == "PermissionError: no"
    assert _short("PermissionError: no") == "not permitted"


def test_outside_of_a_session_the_tools_are_misuse() -> None:
    tools = {name: way for name, _, way in attacks(WORLD)}
    assert attempt(tools["push to main"]).startswith("NoSession")
    assert attempt(tools["kill the gate"]) == "there is no gate"
