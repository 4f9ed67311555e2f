"""States that come back, and those that do not."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.mcp.messages import MessageError
from nucleus.mcp.pins import Identity
from nucleus.mcp.rounds import SECONDS, Rounds

ONE, OTHER = Identity(("/bin/one",)), Identity(("/bin/other",))
CALL: dict[str, Any] = {"name": "pay", "arguments": {"to": "a"}}
ASKS = {"q": {"method": "elicitation/create", "params": {"message": "sure?"}}}


def sealed(rounds: Rounds, method: str, params: dict[str, Any], state: str) -> str:
    result = rounds.asked(method, params, {"resultType": "input_required", "requestState": state})
    return str(result["requestState"])


@given(st.text())
def test_a_server_gets_its_own_text_back(text: str) -> None:
    rounds = Rounds(ONE)
    assert rounds.state("tools/call", {**CALL, "requestState": sealed(rounds, "tools/call", CALL, text)}) == text


def test_a_state_of_another_call_server_process_or_hour_is_refused() -> None:
    now = [1000.0]
    rounds = Rounds(ONE, clock=lambda: now[0])
    state = sealed(rounds, "tools/call", CALL, "inner")
    again: dict[str, Any] = {**CALL, "requestState": state}
    assert rounds.state("tools/call", again) == "inner"
    now[0] += SECONDS - 1
    assert rounds.state("tools/call", again) == "inner"
    tampered: list[dict[str, Any]] = [
        {**again, "requestState": state[:-1] + "x"},
        {**again, "requestState": "x" + state},
    ]
    for params in (
        {**again, "arguments": {"to": "b"}},
        {**again, "name": "other"},
        {**again, "requestState": "inner"},
        {**again, "requestState": 5},
        *tampered,
    ):
        with pytest.raises(MessageError, match="not issued"):
            rounds.state("tools/call", params)
    with pytest.raises(MessageError):
        rounds.state("prompts/get", again)
    with pytest.raises(MessageError):
        rounds.state("tools/list", again)
    with pytest.raises(MessageError):
        Rounds(OTHER).state("tools/call", again)
    with pytest.raises(MessageError):
        Rounds(ONE, key=b"another process").state("tools/call", again)
    now[0] += 2
    with pytest.raises(MessageError, match="too old"):
        rounds.state("tools/call", again)


def test_without_a_mac_the_client_would_choose_the_state(monkeypatch: pytest.MonkeyPatch) -> None:
    """The defence switched off."""
    monkeypatch.setattr("hmac.compare_digest", lambda *_: True)
    forged = {**CALL, "requestState": "nucleus1./////////////////////w==.admin"}
    assert Rounds(ONE, clock=lambda: 0).state("tools/call", forged) == "admin"


@pytest.mark.parametrize(
    "result",
    [
        {"inputRequests": {"q": {"method": "tools/call"}}},
        {"inputRequests": {"q": {"method": "roots/list", "params": 5}}},
        {"inputRequests": []},
        {"requestState": 5},
        {},
    ],
)
def test_a_server_asks_only_what_it_may(result: dict[str, Any]) -> None:
    rounds = Rounds(ONE)
    with pytest.raises(MessageError, match="may not ask"):
        rounds.asked("tools/call", CALL, {"resultType": "input_required", **result})


def test_only_three_methods_are_asked_in_and_a_complete_result_passes() -> None:
    rounds = Rounds(ONE)
    asks = {"resultType": "input_required", "inputRequests": ASKS}
    for method, params in (("tools/call", CALL), ("prompts/get", CALL), ("resources/read", {"uri": "a"})):
        assert rounds.asked(method, params, asks) == asks
    with pytest.raises(MessageError):
        rounds.asked("completion/complete", CALL, asks)
    assert rounds.asked("ping", {}, {"resultType": "complete", "requestState": "s"}) == {
        "resultType": "complete",
        "requestState": "s",
    }
