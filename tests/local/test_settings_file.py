"""A settings file of an agent's is shown without credentials, and keeps its form."""

import json
from typing import Any

import pytest

from nucleus.local.settings_file import without_credentials
from nucleus.local.state_file import StateFile


def test_a_settings_file_is_shown_without_what_it_holds_of_credentials() -> None:
    """Claude Code keeps a key of its own, and its servers' variables, beside its settings in one file."""
    settings = {
        "primaryApiKey": "canary",
        "theme": "dark",
        "mcpServers": {"a": {"command": "x", "env": {"TOKEN": "canary"}, "headers": {"Authorization": "canary"}}},
        "projects": {"/w": {"mcpServers": {"b": {"env": {"ANY": "canary"}}}, "maxTokens": 5}},
        "list": [{"accessToken": "canary"}],
    }
    shown = json.loads(without_credentials(json.dumps(settings).encode()))
    assert "canary" not in json.dumps(shown)
    assert (shown["theme"], shown["projects"]["/w"]["maxTokens"]) == ("dark", 5)
    assert shown["mcpServers"]["a"] == {"command": "x", "env": {"TOKEN": ""}, "headers": {"Authorization": ""}}
    lines = (
        b"dark-mode: true\nopenai-api-key: canary\napi-key:\n  - gemini=canary\n- canary\nset-env:\n- A=b\nmodel: x\n"
    )
    assert without_credentials(lines) == b"dark-mode: true\nmodel: x\n"


@pytest.mark.parametrize(
    ("given", "left"),
    [
        ({"tokens": {"access": "canary", "at": 5}}, {"tokens": {"access": "", "at": 5}}),
        ({"apiKeys": {"openai": "canary"}}, {"apiKeys": {"openai": ""}}),
        ({"credentials": ["canary", {"a": "canary"}]}, {"credentials": ["", {"a": ""}]}),
        ({"oauthTokens": "canary", "Authorization": "canary", "cookies": "canary"}, {}),
        ({"env": ["A=canary"]}, {"env": [""]}),
        ({"args": ["x", "--api-key", "canary", "-y"]}, {"args": ["x", "--api-key", "", "-y"]}),
        ({"args": ["--token=canary", "--header", "Authorization: Bearer canary"]}, None),
        ({"url": "https://me:canary@h/x?a=1&api_key=canary&b=2"}, {"url": "https://@h/x?a=1&api_key=&b=2"}),
        ({"note": "use the tokens: two of them", "maxTokens": 5, "args": []}, None),
    ],
)
def test_a_credential_is_left_out_below_a_name_in_a_command_line_and_in_an_address(given: Any, left: Any) -> None:
    shown = json.loads(without_credentials(json.dumps(given).encode()))
    assert "canary" not in json.dumps(shown)
    assert left is None or shown == left


def test_a_line_of_another_format_is_left_out_too() -> None:
    text = b"theme = 'dark'\napi_key = 'canary'\nproxy: http://me:canary@host\nargs:\n  - x --token=canary\n"
    assert without_credentials(text) == b"theme = 'dark'\nproxy: http://@host\nargs:\n"
    assert without_credentials(b"args: [x, --token=canary]\n") == b"args: [x, --token=]\n"


def test_what_was_left_out_comes_back_with_the_agents_change() -> None:
    """The form is kept: so a list of words with a credential in it does not keep a change of another one back."""
    before = {"args": ["--api-key", "canary"], "tokens": {"a": "canary"}, "theme": "dark"}
    one = StateFile(".x.json", json.dumps(before).encode(), without_credentials(json.dumps(before).encode()))
    assert one.shown is not None
    after = one.changed(json.dumps({**json.loads(one.shown), "theme": "light"}).encode())
    assert after is not None
    assert json.loads(after) == {**before, "theme": "light"}
