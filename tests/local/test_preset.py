"""Presets are data: each file loads, gives no credential away, and names what a policy can permit."""

import json
import tomllib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.errors import PolicyError
from nucleus.local import preset
from nucleus.local.preset import (
    FILES,
    GENERIC,
    LOGINS,
    SERVERS_FILE,
    SERVERS_VARIABLE,
    Preset,
    Setting,
    applied,
    described,
    parse,
    plain,
    preset_for,
)
from nucleus.policy.globs import parse as pattern
from nucleus.policy.values import METHOD_URL

BASE = "http://127.0.0.1:3129"
AGENTS = [name for name in preset.names() if name != GENERIC]
SMALL = b'version = 1\ntitle = "T"\ncommands = ["t"]\ntried = "1"\ninner_sandbox = "none"\n'


def every() -> list[tuple[Preset, str]]:
    return [(one, login) for one in map(preset.read, preset.names()) for login in ("", *one.logins)]


def test_the_known_agents_are_there() -> None:
    assert {"aider", "claude_code", "codex", "gemini"} <= set(AGENTS)


@pytest.mark.parametrize(
    ("argv", "name"),
    [
        (["claude"], "claude_code"),
        (["/opt/tools/claude", "-p", "x"], "claude_code"),
        (["codex", "exec"], "codex"),
        (["gemini"], "gemini"),
        (["aider", "--message", "claude"], "aider"),
        (["bash", "-c", "claude"], GENERIC),
        (["claude-not"], GENERIC),
        ([""], GENERIC),
        ([], GENERIC),
    ],
)
def test_the_name_of_the_command_alone_decides(argv: list[str], name: str) -> None:
    assert preset_for(argv).name == name


def test_no_two_presets_are_for_one_command() -> None:
    commands = [command for name in preset.names() for command in preset.read(name).commands]
    assert len(commands) == len(set(commands))


def test_the_generic_one_changes_nothing() -> None:
    setting = applied(preset.read(GENERIC), ["make", "all"], "", BASE)
    assert setting.argv == ("make", "all")
    assert [*setting.variables, *setting.files, *setting.placeholders, *setting.hosts] == []
    assert described(preset.read(GENERIC), "") == ()


@pytest.mark.parametrize(("one", "login"), every(), ids=lambda value: getattr(value, "name", value) or "none")
def test_every_way_to_log_in_leaves_nothing_unfilled_and_keeps_the_words(one: Preset, login: str) -> None:
    words = ["agent", "first word", "--flag"]
    setting = applied(one, words, login, BASE)
    assert (setting.argv[0], setting.argv[-2:]) == ("agent", ("first word", "--flag"))
    for text in (*setting.argv, *setting.variables.values()):
        assert not any("{" + name + "}" in text for name in ("files", *(route.name for route in one.routes)))
    for place, text in setting.files.items():
        assert place.startswith(f"{FILES}/")
        if place.endswith(".json"):
            json.loads(text)
    for path, text in setting.placeholders.items():
        assert plain(path)
        if path.endswith(".json") and text:
            json.loads(text)


@pytest.mark.parametrize("name", AGENTS)
def test_with_a_key_held_outside_only_the_route_and_a_placeholder_get_in(name: str) -> None:
    one = preset.read(name)
    setting = applied(one, ["agent"], "key", BASE)
    told = " ".join([*setting.argv, *setting.variables.values()])
    assert all(f"{BASE}/model/{route.name}" in told for route in one.routes)
    assert setting.hosts == (), "no host is needed beside the route"
    for route in one.routes:
        assert route.upstream.startswith("https://")
        assert any(setting.variables.get(key) == "nucleus-holds-it" for key in route.keys)
    for text in setting.placeholders.values():
        for value in _texts(json.loads(text) if text else None):
            assert len(value) < 20, "nothing that could be a credential"


def _texts(value: object) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in _texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in _texts(inner)]
    return [value] if isinstance(value, str) else []


@pytest.mark.parametrize("name", AGENTS)
def test_credentials_lie_in_the_state_that_is_shown(name: str) -> None:
    """Else a credential file would be left out of what is copied and its placeholder would have no place."""
    one = preset.read(name)
    for path in one.credentials:
        assert path in one.state_files or any(path.startswith(folder + "/") for folder in one.directories)


@pytest.mark.parametrize("name", AGENTS)
def test_what_a_route_needs_can_stand_in_a_policy(name: str) -> None:
    for route in preset.read(name).routes:
        for text in route.allows:
            assert pattern(METHOD_URL, text, grants=True)
            assert text.split(" ")[1].startswith(route.upstream + "/")


def test_passing_credentials_through_is_said_and_puts_nothing_in_their_place() -> None:
    one = preset.read("claude_code")
    setting = applied(one, ["claude"], "pass", BASE)
    assert setting.placeholders == {}
    assert setting.hosts == ("api.anthropic.com",)
    assert BASE not in " ".join(setting.variables.values())
    assert any("read and send them" in line for line in described(one, "pass"))


def test_what_the_owner_said_is_not_said_twice() -> None:
    one = preset.read("claude_code")
    assert applied(one, ["claude", "--settings", "x"], "key", BASE).argv == ("claude", "--settings", "x")


def test_an_argument_for_one_way_to_log_in_is_not_given_with_another() -> None:
    words = " ".join(applied(preset.read("codex"), ["codex"], "pass", BASE).argv)
    assert "danger-full-access" in words
    assert "model_provider" not in words


def test_a_way_to_log_in_that_was_not_tried_is_refused() -> None:
    with pytest.raises(ValueError, match="tried: key, pass"):
        applied(preset.read("codex"), ["codex"], "token", BASE)


@pytest.mark.parametrize("name", AGENTS)
def test_the_lines_at_start_name_state_sandbox_and_provider(name: str) -> None:
    one = preset.read(name)
    text = "\n".join(described(one, "key"))
    assert one.title in text
    assert one.tried in text
    assert one.inner_sandbox in text
    assert all(f"~/{path}" in text for path in one.directories)
    assert all(route.upstream in text for route in one.routes)


def test_an_unknown_name_gets_the_nearest() -> None:
    with pytest.raises(PolicyError) as caught:
        preset.read("claude_cod")
    assert "claude_code" in caught.value.fix


@pytest.mark.parametrize(
    ("more", "why"),
    [
        ("color = 1", "color is unknown"),
        ("version = 2", "not a preset"),
        ("[state]\ndirectories = '.x'", "state.directories is not a list"),
        ("[state]\ndirectories = ['../x']", "is not plain"),
        ("[state]\ndirectories = ['/x']", "is not plain"),
        ("[state]\ndirectorie = ['x']", "state.directorie is unknown"),
        ("[environment]\nA = 1", "environment.A is not a text"),
        ('[environment]\n"A B" = "1"', "is not a plain name"),
        ('[credentials]\n"a/../b" = ""', "is not a plain name"),
        ('[files]\n"/a" = ""', "is not a plain name"),
        ("[[arguments]]\nunless = ['x']", "words is missing"),
        ("[[routes]]\nname = 'x'", "routes.0.upstream is missing"),
        ("routes = 1", "routes is not a list"),
        ("[logins.key]\nenvironment = []", "logins.key.environment is not a table"),
        ("[logins.other]\n", "logins.other is unknown"),
        ("[[", "not a preset"),
    ],
)
def test_a_file_that_says_something_else_is_refused_with_the_place(more: str, why: str) -> None:
    with pytest.raises(PolicyError, match="preset sample") as caught:
        parse(SMALL + more.encode(), "sample")
    assert why in str(caught.value)


def test_another_version_is_refused() -> None:
    with pytest.raises(PolicyError, match="version 2 is not known"):
        parse(SMALL.replace(b"version = 1", b"version = 2"), "sample")


@pytest.mark.parametrize("line", SMALL.decode().splitlines())
def test_each_required_line_is_missed(line: str) -> None:
    with pytest.raises(PolicyError, match="is missing"):
        parse(SMALL.replace(line.encode() + b"\n", b""), "sample")


@given(st.binary(max_size=200))
def test_any_bytes_are_a_preset_or_an_error_of_ours(data: bytes) -> None:
    for one in (data, SMALL + data):
        try:
            found = parse(one, "sample")
        except PolicyError:
            continue
        assert isinstance(found, Preset)


@given(
    st.recursive(
        st.none() | st.integers() | st.text(), lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner)
    )
)
def test_no_value_of_another_type_slips_through(value: object) -> None:
    reader = preset._Reader("sample")
    for kind in preset._SCHEMA.keys.values():
        try:
            reader.check(("x",), value, kind)
        except PolicyError:
            continue
        assert isinstance(value, int | str | list | dict)


@given(st.text())
def test_a_plain_path_stays_below_where_it_begins(path: str) -> None:
    if plain(path):
        assert not path.startswith("/")
        assert ".." not in path.split("/")
        assert path.isprintable()


def test_the_data_files_are_toml_in_the_order_of_the_schema() -> None:
    """A reader finds the same thing at the same place in each."""
    order = list(preset._SCHEMA.keys)
    for name in preset.names():
        keys = list(tomllib.loads((preset._FOLDER / f"{name}.toml").read_text(encoding="utf-8")))
        early = [key for key in keys if key in {"version", "title", "commands", "tried", "inner_sandbox"}]
        assert early == order[:5]
    assert set(LOGINS) == {"key", "token", "pass"}


@pytest.mark.parametrize("command", ["claude", "codex", "gemini", "aider", "a-program-of-somebodys"])
def test_every_agent_with_servers_gets_the_file_and_the_variable_and_without_them_nothing_changes(command: str) -> None:
    one = preset_for([command])
    bare, told = applied(one, [command], "", BASE), applied(one, [command], "", BASE, ["t", "a.b"])
    assert json.loads(told.files[SERVERS_FILE]) == {
        "mcpServers": {name: {"type": "http", "url": f"{BASE}/mcp/{name}"} for name in ("t", "a.b")}
    }
    assert dict(told.variables) == {**bare.variables, SERVERS_VARIABLE: SERVERS_FILE}
    assert SERVERS_FILE not in bare.files
    assert not any("mcp" in word for word in bare.argv)


def test_the_known_agents_are_told_of_servers_where_they_look() -> None:
    def told(command: str) -> Setting:
        return applied(preset_for([command]), [command, "fix it"], "", BASE, ["t", "a.b"])

    assert told("claude").argv[-2:] == (f"--mcp-config={SERVERS_FILE}", "fix it")
    assert told("codex").argv[-3:] == ("-c", f'mcp_servers.t.url="{BASE}/mcp/t"', "fix it"), "a.b would be a table"
    settings = json.loads(told("gemini").files["/run/nucleus-preset/gemini-settings.json"])
    assert settings["mcpServers"]["a.b"] == {"httpUrl": f"{BASE}/mcp/a.b"}
    assert settings["tools"] == {"sandbox": False}
