"""A client's hooks file gets our entry before every tool, and is the same to the byte when it is taken out."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.clients.hooks import CLIENTS, PATIENCE, installed, ours, removed, switched_off
from nucleus.clients.hookscript import SECONDS, command
from nucleus.clients.layout import Unfit
from tests.clients.layouts import json_text

CLIENT_NAMES = sorted(CLIENTS)


def made(client: str, ending: str = "pl") -> Any:
    return lambda count: command(["/usr/bin/perl"], f"/state/hooks/{client}.{ending}", count)


def other(client: str) -> dict[str, Any]:
    """Return a hook of somebody else's."""
    return dict(CLIENTS[client].entry("./lint.sh"))


@pytest.mark.parametrize("client", CLIENT_NAMES)
def test_a_file_is_made_where_there_is_none_and_is_empty_again(client: str) -> None:
    data = installed(client, None, made(client))
    table = json.loads(data)
    assert list(table["hooks"]) == list(CLIENTS[client].events)
    assert len(ours(client, data)) == len(CLIENTS[client].events)
    assert installed(client, data, made(client)) == data
    assert removed(client, data) == b""


FORMS = [
    "{}",
    '{"model": "x"}',
    '{\n  "model": "x" // mine\n}\n',
    '{"hooks": {}}',
    '{"hooks": {"EVENT": []}}',
    '{"hooks": {"EVENT": [ ]}, "z": 1}',
    '{\r\n\t"hooks": {\r\n\t\t"EVENT": [\r\n\t\t\tOTHER\r\n\t\t],\r\n\t\t"Other": []\r\n\t}\r\n}',
    '\ufeff{"hooks": {"EVENT": [OTHER,], "Other": [OTHER]},}',
]


@pytest.mark.parametrize("client", CLIENT_NAMES)
@pytest.mark.parametrize("form", FORMS)
def test_a_file_of_any_form_comes_back_to_the_byte(client: str, form: str) -> None:
    text = form.replace("EVENT", CLIENTS[client].events[0]).replace("OTHER", json.dumps(other(client)))
    old = text.encode()
    new = installed(client, old, made(client))
    assert len(ours(client, new)) == len(CLIENTS[client].events)
    assert installed(client, new, made(client)) == new
    assert removed(client, new) == old


@given(st.data(), st.sampled_from(CLIENT_NAMES))
def test_a_file_of_any_layout_comes_back_to_the_byte(data: st.DataObject, client: str) -> None:
    events = data.draw(st.lists(st.sampled_from([*CLIENTS[client].events, "Stop"]), unique=True))
    hooks = {event: data.draw(st.lists(st.just(other(client)), max_size=2)) for event in events}
    table = {"a": 1, **({"hooks": hooks} if data.draw(st.booleans()) else {}), "z": [True]}
    old = data.draw(json_text(table)).encode()
    assert removed(client, installed(client, old, made(client))) == old


@pytest.mark.parametrize("client", CLIENT_NAMES)
def test_hooks_that_were_added_later_stay(client: str) -> None:
    table = json.loads(installed(client, None, made(client)))
    event = CLIENTS[client].events[0]
    table["hooks"][event].append(other(client))
    left = json.loads(removed(client, json.dumps(table, indent=4).encode()))
    assert left["hooks"][event] == [other(client)]


def test_an_entry_of_ours_that_differs_is_replaced() -> None:
    old = installed("codex", b'{"hooks": {}}', made("codex", "py"))
    new = installed("codex", old, made("codex"))
    (one,) = ours("codex", new)
    assert ".pl'" in one.command
    assert removed("codex", new) == b'{"hooks": {}}'


def test_an_entry_of_another_version_is_replaced_too() -> None:
    old = installed("codex", b'{"hooks": {}}', lambda made: f"perl '/old/hooks/codex.pl' made:{made} || exit 2")
    new = installed("codex", old, made("codex"))
    assert [one.command for one in ours("codex", new)] == [made("codex")(1)]
    assert removed("codex", new) == b'{"hooks": {}}'


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "empty"),
        ("[]", "no table"),
        ('{"hooks": []}', "no table"),
        ('{"hooks": {"PreToolUse": {}}}', "no list"),
        ('{"hooks": {}, "hooks": {}}', "stands twice"),
        ('{"hooks": ', "line 1"),
    ],
)
def test_a_file_that_is_not_understood_is_not_edited(text: str, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        installed("claude-code", text.encode(), made("claude-code"))


@pytest.mark.parametrize(
    ("client", "text", "expected"),
    [
        ("claude-code", '{"disableAllHooks": true}', "disableAllHooks = true"),
        ("claude-code", '{"disableAllHooks": false}', ""),
        ("gemini", '{"tools": {"enableHooks": false}}', "tools.enableHooks = false"),
        ("gemini", "{}", ""),
    ],
)
def test_a_setting_by_which_no_hook_runs_is_found(client: str, text: str, expected: str) -> None:
    assert switched_off(client, text.encode()) == expected


def test_a_client_waits_longer_than_its_hook_does() -> None:
    """Else it would go on before the hook refuses."""
    assert PATIENCE > SECONDS
    for shape in CLIENTS.values():
        text = json.dumps(shape.entry("x"))
        assert f": {PATIENCE}" in text


def test_cursor_is_told_to_refuse_where_its_hook_fails() -> None:
    assert CLIENTS["cursor"].entry("x")["failClosed"] is True
