"""What an agent made of its file in home, with what it was not shown put back."""

import json
import os
import stat
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.local.settings_file import without_credentials
from nucleus.local.state_file import FILE_LIMIT, StateFile, left_in, put

OWN = {
    "theme": "dark",
    "oauthToken": "canary-token",
    "mcpServers": {"a": {"command": "x", "env": {"KEY": "canary-key"}}},
    "list": [{"n": 1, "apiKey": "canary"}, 2],
}
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["a", "b", "env", "apiKey", "token"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def file(own: object = OWN) -> StateFile:
    text = json.dumps(own).encode()
    return StateFile(".agent.json", text, without_credentials(text))


def changed(one: StateFile, **fields: object) -> dict[str, object]:
    assert one.shown is not None
    after = one.changed(json.dumps({**json.loads(one.shown), **fields}).encode())
    assert after is not None
    found: dict[str, object] = json.loads(after)
    return found


def test_a_change_comes_with_the_credentials_that_were_not_shown() -> None:
    assert changed(file(), theme="light") == {**OWN, "theme": "light"}


def test_a_server_that_is_added_leaves_the_other_s_key() -> None:
    servers = {"a": {"command": "x", "env": {"KEY": ""}}, "b": {"command": "y", "env": {"NEW": "v"}}}
    found = changed(file(), mcpServers=servers)["mcpServers"]
    assert found == {**OWN["mcpServers"], "b": servers["b"]}  # type: ignore[dict-item]  # a table


def test_what_was_shown_and_taken_away_is_taken_away() -> None:
    one = file()
    assert one.shown is not None
    after = json.loads(one.shown)
    del after["theme"], after["mcpServers"]["a"]
    found = one.changed(json.dumps(after).encode())
    assert json.loads(found or b"") == {"oauthToken": "canary-token", "mcpServers": {}, "list": OWN["list"]}


@pytest.mark.parametrize("after", [b"no json", b'{"list": [1]}', b"[" * 100_000, b'"text"'])
def test_what_can_t_be_told_apart_is_an_error_and_no_loss(after: bytes) -> None:
    with pytest.raises(ValueError, match="credentials"):
        file().changed(after)


def test_of_another_format_a_change_comes_as_it_is_if_nothing_was_left_out() -> None:
    plain = b"model: x\n"
    assert StateFile("a.yml", plain, without_credentials(plain)).changed(b"model: y\n") == b"model: y\n"
    secret = b"model: x\napi-key: canary\n"
    with pytest.raises(ValueError, match="no JSON"):
        StateFile("a.yml", secret, without_credentials(secret)).changed(b"model: y\n")


def test_no_change_and_a_file_that_is_gone_are_none() -> None:
    one = file()
    assert one.changed(one.shown) is None
    assert one.changed(None) is None
    assert one.changed(json.dumps(json.loads(one.shown or b""), indent=4).encode()) is None
    assert StateFile("new", None, None).changed(b"made") == b"made"


@given(own=JSON, after=JSON)
def test_a_change_is_the_agent_s_whatever_it_is_or_an_error(own: object, after: object) -> None:
    one = file(own)
    try:
        found = one.changed(json.dumps(after).encode())
    except ValueError:
        assert json.loads(one.shown or b"") != own
        return
    if json.loads(one.shown or b"") == own:
        assert after == own if found is None else json.loads(found) == after


def test_of_the_box_s_home_only_regular_files_are_read_and_no_link_is_followed(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text("canary")
    home = tmp_path / "home"
    home.mkdir()
    (home / "link").symlink_to(outside / "secret")
    (home / "folder").symlink_to(outside)
    (home / "plain").write_text("plain")
    os.mkfifo(home / "pipe")
    with (home / "large").open("wb") as large:
        large.truncate(FILE_LIMIT + 1)
    number = os.open(home, os.O_PATH)
    try:
        names = ("link", "folder/secret", "pipe", "large", "absent", "plain/below", "plain")
        assert [left_in(number, name) for name in names] == [None] * 6 + [b"plain"]
    finally:
        os.close(number)


def test_a_file_is_put_into_a_layer_with_home_s_modes(tmp_path: Path) -> None:
    home, layer = tmp_path / "home", tmp_path / "layer"
    (home / "a").mkdir(parents=True, mode=0o755)
    layer.mkdir()
    (home / "a" / "f").write_text("old")
    (home / "a" / "f").chmod(0o640)
    put(str(layer), str(home), "a/f", b"new")
    put(str(layer), str(home), "fresh", b"new")
    assert [stat.S_IMODE((layer / name).stat().st_mode) for name in ("a", "a/f", "fresh")] == [0o755, 0o640, 0o600]
