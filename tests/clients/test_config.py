"""A whole file goes behind the mediator and comes back to the byte, whatever its layout."""

import json
import tomllib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from nucleus.audit.discover import CONFIG, classify
from nucleus.clients.config import KEPT, REFUSED, UNWRAPPED, WRAPPED, read
from nucleus.clients.layout import Unfit
from nucleus.clients.program import Program
from tests.clients.layouts import US, json_text, resolve, servers, toml_text

US_WORDS = [US.words[0], "mcp", "run"]


def wrapped(path: str, data: bytes, *, trusted: bool = True, us: Program = US) -> tuple[bytes, list[Any]]:
    return read(path, data).wrapped(us, resolve, trusted=trusted)


def table(path: str, data: bytes) -> Any:
    """Return the servers of a file without comments, as its client reads them."""
    if path.endswith(".toml"):
        return tomllib.loads(data.decode().replace("\r\n", "\n"))["mcp_servers"]
    return json.loads(data)["mcpServers"]


@given(st.data())
def test_a_json_file_of_any_layout_comes_back_to_the_byte(data: st.DataObject) -> None:
    entries = data.draw(servers())
    text = data.draw(json_text({"theme": "dark", "mcpServers": entries, "z": [1, "é"]}))
    old = data.draw(st.sampled_from([b"", b"\xef\xbb\xbf"])) + text.encode()
    new, rows = wrapped("/home/u/.cursor/mcp.json", old)
    assert len(rows) == len(entries)
    assert read("/home/u/.cursor/mcp.json", new).unwrapped()[0] == old
    again, kept = wrapped("/home/u/.cursor/mcp.json", new)
    assert again == new
    assert {row.did for row in kept} <= {KEPT, REFUSED}


@given(st.data())
def test_a_toml_file_of_any_layout_comes_back_to_the_byte(data: st.DataObject) -> None:
    entries = data.draw(servers())
    old = data.draw(toml_text(entries)).encode()
    new, _ = wrapped("/home/u/.codex/config.toml", old)
    assert read("/home/u/.codex/config.toml", new).unwrapped()[0] == old
    assert wrapped("/home/u/.codex/config.toml", new)[0] == new


@given(st.data(), st.sampled_from([("/p/.mcp.json", json.dumps), ("/p/.mcp.json", lambda v: json.dumps(v, indent=2))]))
def test_what_a_client_writes_anew_is_unwrapped_to_the_same_meaning(data: st.DataObject, form: Any) -> None:
    """A client may lose comments and layout; the entries are the same values again."""
    entries = data.draw(servers())
    path, dump = form
    new, _ = wrapped(path, dump({"mcpServers": entries}).encode())
    rewritten = json.dumps(json.loads(new), indent=4).encode()
    assert table(path, read(path, rewritten).unwrapped()[0]) == entries


def test_only_command_and_args_of_an_entry_change() -> None:
    old = (
        b'{\r\n  // mine\r\n  "mcpServers": {"a": {"command": "np\\u0078", "args": [ "-y" /* c */ ], "cwd": "."}}\r\n}'
    )
    new, rows = wrapped("/p/.mcp.json", old)
    assert [row.did for row in rows] == [WRAPPED]
    assert new == (
        b'{\r\n  // mine\r\n  "mcpServers": {"a": {"command": "/opt/nucleus/bin/nucleus", "args": '
        b'[ "mcp", "run", "--name=a", "--", "np\\u0078", "-y" /* c */ ], "cwd": "."}}\r\n}'
    )


@pytest.mark.parametrize(
    ("path", "text", "words"),
    [
        (".mcp.json", '{"mcpServers": {"a": {"command": "x"}}}', "--entry=no-args -- x"),
        (".claude.json", '{"projects": {"/p": {"mcpServers": {"a": {"command": "x", "args": []}}}}}', "-- x"),
        (
            ".vscode/mcp.json",
            '{"inputs": [], "servers": {"a": {"command": "x", "args": ["${input:k}"]}}}',
            "-- x ${input:k}",
        ),
        (".vscode/settings.json", '{"mcp": {"servers": {"a": {"command": "x", "args": []}}}}', "-- x"),
        (".gemini/settings.json", '{"mcpServers": {"a": {"command": "x", "args": ["1"]}}}', "-- x 1"),
        (".codeium/windsurf/mcp_config.json", '{"mcpServers": {"a": {"command": "x", "args": ["1"]}}}', "-- x 1"),
        (".config/zed/settings.json", '{"context_servers": {"a": {"command": {"path": "x", "args": []}}}}', "-- x"),
        (".config/zed/settings.json", '{"context_servers": {"a": {"source": "custom", "command": "x"}}}', "-- x"),
        (".config/opencode/opencode.json", '{"mcp": {"a": {"type": "local", "command": ["x", "1"]}}}', "-- x 1"),
        (".codex/config.toml", '[mcp_servers.a]\ncommand = "x"\nargs = ["1"]\n', "-- x 1"),
        (".codex/config.toml", '[mcp_servers]\na = { command = "x" }\n', "--entry=no-args -- x"),
        (".config/Claude/claude_desktop_config.json", '{"mcpServers": {"a": {"command": "x"}}}', "-- x"),
        (
            ".gemini/settings.json",
            '{"mcpServers": {"a": {"httpUrl": "https://h/"}}}',
            "--entry=url:httpUrl --url https://h/",
        ),
        (".codeium/windsurf/mcp_config.json", '{"mcpServers": {"a": {"serverUrl": "https://h/"}}}', "--url https://h/"),
        (".codex/config.toml", '[mcp_servers.a]\nurl = "https://h/"\n', "--entry=url:url --url https://h/"),
        (
            ".vscode/mcp.json",
            '{"servers": {"a": {"type": "http", "url": "https://h/", "headers": {"X-K": "${input:k}"}}}}',
            "--header=X-K --entry=url:url,type:http,headers:headers --url https://h/",
        ),
    ],
)
def test_each_client_form_goes_behind_the_mediator_and_comes_back(path: str, text: str, words: str) -> None:
    new, rows = wrapped(f"/home/u/{path}", text.encode())
    assert [row.did for row in rows] == [WRAPPED]
    (server,) = read(f"/home/u/{path}", new).servers
    said = [word.text() for word in server.words]
    assert said[:3] == US_WORDS
    assert said[3] == "--name=a"
    assert " ".join(said).endswith(words)
    back, undone = read(f"/home/u/{path}", new).unwrapped()
    assert (back, [row.did for row in undone]) == (text.encode(), [UNWRAPPED])


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (b'{"mcpServers": {"a": {"command": "x"}', "line 1: this bracket is never closed"),
        (b'{"mcpServers": {\n"a": {"command": "x"},\n"a": {"command": "y"}}}', "line 3: the key 'a' stands twice"),
        (b'{"mcpServers": {"a": {"command": "x", "command": "y"}}}', "stands twice"),
        (b'{\n# no\n"mcpServers": {}}', "line 2: JSON has no '#' comments"),
        (b'{"a": "\xff"}', "no text in UTF-8"),
    ],
)
def test_a_file_that_clients_would_read_in_their_own_ways_is_not_edited(text: bytes, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        wrapped("/p/.mcp.json", text)


def test_yaml_and_broken_toml_are_not_edited() -> None:
    with pytest.raises(Unfit, match="YAML"):
        read("/p/.goose/config.yaml", b"extensions: {}\n")
    with pytest.raises(Unfit, match="line 2"):
        read("/p/.codex/config.toml", b"a = 1\nb = \n")


def test_an_empty_file_has_no_servers() -> None:
    assert wrapped("/p/.mcp.json", b" \n") == (b" \n", [])


def test_what_a_refused_entry_needs_is_said_and_the_others_are_wrapped() -> None:
    entries = {"a": {"command": "npx -y server"}, "b": {"command": "x", "args": ["1"]}, "c": {"url": "ws://h"}}
    new, rows = wrapped("/p/.cursor/mcp.json", json.dumps({"mcpServers": entries}).encode())
    assert [(row.name, row.did) for row in rows] == [("a", REFUSED), ("b", WRAPPED), ("c", REFUSED)]
    assert "write it as command and args" in rows[0].why
    assert table("", new)["a"] == entries["a"]


def test_an_entry_that_names_a_nucleus_which_is_not_there_any_more_is_said() -> None:
    entry = {"command": "/gone/nucleus", "args": ["mcp", "run", "--", "x"]}
    data = json.dumps({"mcpServers": {"a": entry}}).encode()
    (row,) = read("/p/.mcp.json", data).wrapped(US, lambda _word: "", trusted=True)[1]
    assert (row.did, "unwrap it" in row.why) == (REFUSED, True)
    assert table("", read("/p/.mcp.json", data).unwrapped()[0])["a"] == {"command": "x", "args": []}


def test_names_of_servers_that_are_not_behind_the_mediator_are_told() -> None:
    entries: dict[str, Any] = {"a": {"command": "x"}, "b": {"url": "https://h"}}
    old = json.dumps({"mcpServers": {**entries, "c": {"command": US.words[0], "args": ["mcp", "run", "--", "y"]}}})
    assert read("/p/.mcp.json", old.encode()).bare(US, resolve, trusted=True) == ["a", "b"]


def test_with_its_undo_switched_off_a_file_would_be_lost_and_is_not_written(monkeypatch: pytest.MonkeyPatch) -> None:
    """The check on the text that would be written is what holds here: without it the entry could not be put back."""
    monkeypatch.setattr("nucleus.clients.config.unwrap", lambda _entry: [])
    with pytest.raises(Unfit, match="could not be put back"):
        wrapped("/p/.mcp.json", b'{"mcpServers": {"a": {"command": "x"}}}')


SHARED = Path(__file__).resolve().parents[3] / "shared" / "data" / "agent_configs" / "files"


@pytest.mark.skipif(not SHARED.exists(), reason="../shared is not beside the project")
def test_files_of_real_projects_come_back_to_the_byte_or_are_refused_with_a_reason() -> None:
    done, reasons = {WRAPPED: 0, KEPT: 0, REFUSED: 0}, []
    for file in sorted(path for path in SHARED.rglob("*") if path.is_file()):
        kind = classify(file.relative_to(SHARED).as_posix())
        if kind is None or kind.form != CONFIG:
            continue
        old = file.read_bytes()
        for trusted in (True, False):
            try:
                new, rows = wrapped(file.as_posix(), old, trusted=trusted)
            except Unfit as error:
                reasons.append(str(error))
                continue
            assert read(file.as_posix(), new).unwrapped()[0] == old, file
            assert wrapped(file.as_posix(), new, trusted=trusted)[0] == new, file
            for row in rows:
                done[row.did] += 1
                assert bool(row.why) is (row.did == REFUSED)
    assert done[WRAPPED] > 10 * done[REFUSED]
    assert all(reasons)
