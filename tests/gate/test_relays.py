# ruff: noqa: F401, F811  # the fixtures of a whole gate come from test_server
"""Only the connection of the egress process is given permits for traffic, and it hears when they no longer hold."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import Refused
from nucleus.gate.connection import Connection
from nucleus.gate.protocol import receive
from nucleus.kernel.exposure import PRIVATE, UNTRUSTED
from nucleus.policy import call as kinds
from tests.gate.test_server import Running, gate, opened

Frame = dict[str, Any]
NAMED = 'version = 1\nprofile = "safe_pr_fixer"\n[allow]\nfetch = ["docs.example.org"]\n'


@pytest.fixture
def named(gate: Callable[..., Running], tmp_path: Path) -> Running:
    (tmp_path / "owner.toml").write_text(NAMED)
    running = gate()
    assert running.open(profile="", policies=[str(tmp_path / "owner.toml")])["what"] == "opened"
    return running


def tunnel(host: str = "docs.example.org", tag: int = 7, **more: Any) -> Frame:
    return {"do": "call", "kind": kinds.TUNNEL, "args": {"host": host, "port": 443}, "tag": tag, **more}


def relay(running: Running) -> Connection:
    """Return the egress process's connection, after the state that it is told first."""
    made = running.branch({"do": "attach", "role": "egress"})
    assert told(made)["what"] == "state"
    return made


def told(connection: Connection) -> Frame:
    """Return the next frame that the gate sends by itself."""
    return receive(connection._sock)[0]


def test_a_relay_gets_a_permit_with_what_was_resolved_and_says_done(named: Running) -> None:
    connection = relay(named)
    permit, _ = connection.request(tunnel())
    assert (permit["what"], permit["tag"], permit["resolved"]) == (
        "perform",
        7,
        {"host": "docs.example.org", "port": 443, "inside": False},
    )
    assert permit["exposure"] & UNTRUSTED
    assert "credential" not in permit
    assert told(connection)["exposure"] & UNTRUSTED
    released, _ = connection.request({"do": "done", "number": permit["number"], "ok": True, "bytes": 1234})
    assert (released["what"], released["tag"]) == ("released", 7)
    result = named.records()[-1]
    assert (result["type"], result["of"], result["outcome"], result["bytes"]) == (
        "result",
        permit["number"],
        "ok",
        1234,
    )


def test_no_other_connection_may_ask_for_traffic(named: Running) -> None:
    assert named.client.request(tunnel())[0]["what"] == "denied"
    ordinary = named.branch({"do": "attach"})
    assert ordinary.request(tunnel())[0]["next_step"] == "traffic leaves a box by its proxy only"


def test_only_the_connection_that_opened_the_session_gets_a_relay(named: Running) -> None:
    ordinary = named.branch({"do": "attach"})
    with pytest.raises(Refused):
        ordinary.branch({"do": "attach", "role": "egress"})
    with pytest.raises(Refused):
        named.client.branch({"do": "attach", "role": "gateway"})


def test_a_relay_is_told_when_another_connection_sees_something(named: Running) -> None:
    connection = relay(named)
    named.client.mediate(kinds.READ, {"path": "README.md"})
    state = told(connection)
    assert (state["what"], state["exposure"] & PRIVATE, state["closed"]) == ("state", PRIVATE, False)


def test_a_relay_is_told_of_a_policy_that_became_tighter_and_of_a_lockdown(named: Running) -> None:
    connection = relay(named)
    named.branch({"do": "attach", "profile": "read_only"})
    first = told(connection)
    assert first["what"] == "state"
    named.client.request({"do": "lockdown"})
    assert told(connection)["closed"] is True


def test_bytes_that_will_leave_are_charged_to_the_egress_budget(gate: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "owner.toml").write_text(NAMED + "[budget]\negress_mb = 1\n")
    running = gate()
    running.open(profile="", policies=[str(tmp_path / "owner.toml")])
    connection = relay(running)
    assert connection.request(tunnel(leaves=600_000))[0]["what"] == "perform"
    assert told(connection)["what"] == "state"
    reply, _ = connection.request(tunnel(leaves=600_000, tag=8))
    assert (reply["what"], reply["code"], reply["tag"]) == ("denied", "budget", 8)
    assert connection.request(tunnel(leaves=1000))[0]["what"] == "perform"


@pytest.mark.parametrize("field", [{"leaves": -1}, {"leaves": "1"}, {"tag": "x"}, {"tag": None}])
def test_a_frame_with_odd_numbers_is_refused(named: Running, field: Frame) -> None:
    assert relay(named).request({**tunnel(), **field})[0]["code"] == "malformed"


def test_answers_of_several_open_calls_are_told_apart(named: Running) -> None:
    connection = relay(named)
    asked, _ = connection.request(tunnel("evil.example", tag=1))
    assert (asked["what"], asked["tag"]) == ("pending", 1)
    permit, _ = connection.request(tunnel(tag=2))
    assert (permit["what"], permit["tag"]) == ("perform", 2)
