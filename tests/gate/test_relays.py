# ruff: noqa: F401, F811  # the fixtures of a whole gate come from test_server
"""Only the connection of the egress process is given permits for traffic, and it hears when they no longer hold."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import Refused
from nucleus.gate.connection import Connection
from nucleus.gate.protocol import receive, send
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


class Relay:
    """The egress process's end: what the gate says by itself may stand between question and answer."""

    def __init__(self, connection: Connection) -> None:
        self._sock = connection._sock
        self.states: list[Frame] = []

    def request(self, fields: Frame) -> Frame:
        send(self._sock, fields)
        while (frame := receive(self._sock)[0])["what"] == "state":
            self.states.append(frame)
        return frame

    def told(self) -> Frame:
        """Return the next thing that the gate says by itself."""
        return self.states.pop(0) if self.states else receive(self._sock)[0]


def relay(running: Running) -> Relay:
    """Return the egress process's connection, after the state that it is told first."""
    made = Relay(running.branch({"do": "attach", "role": "egress"}))
    assert made.told()["what"] == "state"
    return made


def test_a_relay_gets_a_permit_with_what_was_resolved_and_says_done(named: Running) -> None:
    connection = relay(named)
    permit = connection.request(tunnel())
    assert (permit["what"], permit["tag"], permit["resolved"]) == (
        "perform",
        7,
        {"host": "docs.example.org", "port": 443, "inside": False},
    )
    assert permit["exposure"] & UNTRUSTED
    assert "credential" not in permit
    assert connection.told()["exposure"] & UNTRUSTED
    released = connection.request({"do": "done", "number": permit["number"], "ok": True, "bytes": 1234})
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
    state = connection.told()
    assert (state["what"], state["exposure"] & PRIVATE, state["closed"]) == ("state", PRIVATE, False)


def test_a_relay_is_told_of_a_policy_that_became_tighter_and_of_a_lockdown(named: Running) -> None:
    connection = relay(named)
    named.branch({"do": "attach", "profile": "read_only"})
    first = connection.told()
    assert first["what"] == "state"
    named.client.request({"do": "lockdown"})
    assert connection.told()["closed"] is True


def test_bytes_that_will_leave_are_charged_to_the_egress_budget(gate: Callable[..., Running], tmp_path: Path) -> None:
    (tmp_path / "owner.toml").write_text(NAMED + "[budget]\negress_mb = 1\n")
    running = gate()
    running.open(profile="", policies=[str(tmp_path / "owner.toml")])
    connection = relay(running)
    assert connection.request(tunnel(leaves=600_000))["what"] == "perform"
    assert connection.told()["what"] == "state"
    reply = connection.request(tunnel(leaves=600_000, tag=8))
    assert (reply["what"], reply["code"], reply["tag"]) == ("denied", "budget", 8)
    assert connection.request(tunnel(leaves=1000))["what"] == "perform"


@pytest.mark.parametrize("field", [{"leaves": -1}, {"leaves": "1"}, {"tag": "x"}, {"tag": None}])
def test_a_frame_with_odd_numbers_is_refused(named: Running, field: Frame) -> None:
    assert relay(named).request({**tunnel(), **field})["code"] == "malformed"


def test_answers_of_several_open_calls_are_told_apart(named: Running) -> None:
    connection = relay(named)
    asked = connection.request(tunnel("evil.example", tag=1))
    assert (asked["what"], asked["tag"]) == ("pending", 1)
    permit = connection.request(tunnel(tag=2))
    assert (permit["what"], permit["tag"]) == ("perform", 2)


def test_a_relay_is_told_what_routes_go_by_and_nobody_else_is(gate: Callable[..., Running], tmp_path: Path) -> None:
    names = '[allow]\nfetch = ["docs.example.org"]\npackages = ["pypi:Foo_Bar", "lock:requirements.txt"]\n'
    (tmp_path / "owner.toml").write_text('version = 1\nprofile = "safe_pr_fixer"\n' + names)
    running = gate()
    (running.repo.clone / "requirements.txt").write_text(f"baz==1 --hash=sha256:{'a' * 64}\n")
    running.open(profile="", policies=[str(tmp_path / "owner.toml")])
    connection = relay(running)
    send(connection._sock, {"do": "surroundings", "tag": 3})
    reply, content = receive(connection._sock)
    assert reply == {"what": "surroundings", "tag": 3}
    known = json.loads(content)
    assert known["named"] == ["pypi:foo-bar"]
    assert known["locks"] == ["pypi:baz", f"pypi:baz@1#sha256:{'a' * 64}"]
    assert list(known["remotes"]) == ["origin"]
    assert running.client.request({"do": "surroundings"})[0]["what"] == "denied"


def test_what_has_no_sink_costs_no_call(gate: Callable[..., Running], tmp_path: Path) -> None:
    allowed = '[allow]\nmodel = ["POST https://api.model.example/v1/messages"]\n'
    (tmp_path / "owner.toml").write_text('version = 1\nprofile = "read_only"\n' + allowed)
    running = gate()
    running.open(profile="", policies=[str(tmp_path / "owner.toml")])
    args = {"url": "https://api.model.example/v1/messages", "method": "POST", "reach": []}
    permit = relay(running).request({"do": "call", "kind": kinds.MODEL, "args": args, "tag": 1})
    assert permit["what"] == "perform"
    decisions = [one for one in running.records() if one["type"] == "decision"]
    assert decisions[0]["state"][2] == 10**6 * running.server._board.opening.policy.budget.calls  # type: ignore[union-attr]


@pytest.mark.parametrize("contained", [True, False])
def test_a_credential_comes_with_a_permit_only_where_the_asker_is_not_the_agent(
    gate: Callable[..., Running], tmp_path: Path, contained: bool
) -> None:
    allowed = '[allow]\nmodel = ["POST https://api.model.example/v1/messages"]\n'
    (tmp_path / "owner.toml").write_text('version = 1\nprofile = "read_only"\n' + allowed)
    running = gate()
    running.state.mkdir(mode=0o700)
    (running.state / "credentials.toml").write_text(
        '[[credential]]\ndestination = "https://api.model.example"\ntoken = "canary"\n'
    )
    (running.state / "credentials.toml").chmod(0o600)
    fields: Frame = {"profile": "", "policies": [str(tmp_path / "owner.toml")]}
    if contained:
        place = {"workspace": str(running.repo.clone), "state": str(running.state)}
        plan, _ = running.client.request({"do": "plan", **place, **fields})
        fields |= {"containment": {"backend": "test"}, "planned": plan["digest"], "shown": {"secrets": False}}
    assert running.open(**fields)["what"] == "opened"
    args = {"url": "https://api.model.example/v1/messages", "method": "POST", "reach": []}
    permit = relay(running).request({"do": "call", "kind": kinds.MODEL, "args": args, "tag": 1})
    assert (permit["what"], permit.get("credential")) == ("perform", "canary" if contained else None)
    assert "canary" not in str(running.records())


def test_a_sealed_or_mediated_client_gets_no_relay(gate: Callable[..., Running]) -> None:
    running = gate()
    assert running.open(seal={"layers": {}})["level"] == "sealed"
    with pytest.raises(Refused):
        running.branch({"do": "attach", "role": "egress"})
