"""One server goes behind the mediator by its resolved command, and nothing of it steers the mediator."""

import json
from typing import Any

import pytest

from nucleus.audit.servers import Server
from nucleus.clients import entry as entries
from nucleus.clients.config import read
from nucleus.clients.entry import entry_of, is_wrapped, looks_wrapped, unwrap, wrap
from nucleus.clients.layout import Unfit
from nucleus.clients.program import Program
from nucleus.mcp.launch import server_environment
from tests.clients.layouts import US, resolve

PYTHON = Program(("/opt/py/bin/python", "-I", "-m", "nucleus"), frozenset())


def server(fields: Any, path: str = "/p/.mcp.json") -> Server:
    (found,) = read(path, json.dumps({"mcpServers": {"db": fields}}).encode()).servers
    return found


def wrapped(fields: Any, *, trusted: bool = True, us: Program = US) -> Any:
    """Return the entry as it stands behind the mediator."""
    data = json.dumps({"mcpServers": {"db": fields}}).encode()
    new, (row,) = read("/p/.mcp.json", data).wrapped(us, resolve, trusted=trusted)
    if row.why:
        raise Unfit(row.why)
    return json.loads(new)["mcpServers"]["db"]


def behind(fields: Any, us: Program = US) -> bool:
    entry = entry_of(server(fields))
    return is_wrapped(entry, us, resolve(entry.texts[0]))


def test_a_wrapped_entry_is_known_by_the_file_that_it_starts() -> None:
    assert behind({"command": "/opt/nucleus/bin/nucleus", "args": ["mcp", "run", "--", "x"]})
    assert behind({"command": "/opt/py/bin/python", "args": ["-I", "-m", "nucleus", "mcp", "run", "--", "x"]}, PYTHON)


@pytest.mark.parametrize(
    "fields",
    [
        {"command": "./nucleus", "args": ["mcp", "run", "--", "x"]},
        {"command": "/tmp/nucleus", "args": ["mcp", "run", "--", "x"]},
        {"command": "/opt/nucleus/bin/nucleus", "args": ["demo"]},
        {"command": "/opt/py/bin/python", "args": ["-m", "nucleus", "mcp", "run", "--", "x"]},
        {"command": "x", "args": ["nucleus", "mcp", "run"]},
    ],
)
def test_an_entry_that_only_looks_wrapped_is_wrapped_like_any_other(fields: Any) -> None:
    """A repository can ship a program called nucleus: it goes behind the real one."""
    assert not behind(fields)
    assert not behind(fields, PYTHON)
    new = wrapped(fields)
    assert new["command"] == US.words[0]
    assert new["args"][4:] == [fields["command"], *fields["args"]]


def test_known_by_its_name_alone_a_program_of_the_repository_would_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "leads", lambda _us, words, _resolved: entries._start(words) > 0)
    assert behind({"command": "./nucleus", "args": ["mcp", "run", "--", "x"]})


def test_variables_reach_the_server_and_those_that_steer_pass_under_another_name() -> None:
    new = wrapped({"command": "x", "args": ["1"], "env": {"TOKEN": "t", "PYTHONPATH": "src", "PATH": "/opt/bin"}})
    assert new["env"] == {"TOKEN": "t", "NUCLEUS_SERVER_PYTHONPATH": "src", "NUCLEUS_SERVER_PATH": "/opt/bin"}
    settings = [word.partition("=")[2] for word in new["args"] if word.startswith("--server-env=")]
    assert "t" not in " ".join(new["args"])
    given = server_environment({"PATH": "/usr/bin"}, {**new["env"], "PATH": "/usr/bin"}, settings)
    assert given == {"TOKEN": "t", "PYTHONPATH": "src", "PATH": "/opt/bin"}


@pytest.mark.parametrize(
    "name",
    ["LD_PRELOAD", "PYTHONPATH", "PATH", "HOME", "XDG_STATE_HOME", "NODE_OPTIONS", "SSL_CERT_FILE", "NUCLEUS_STATE"],
)
def test_what_steers_a_loader_is_refused_from_a_file_that_is_not_its_owners(name: str) -> None:
    with pytest.raises(Unfit, match=f"its env sets {name}, and the file is not known to be yours"):
        wrapped({"command": "x", "env": {name: "/evil"}}, trusted=False)
    assert name not in wrapped({"command": "x", "env": {name: "/evil"}})["env"]


def test_left_where_it_is_a_variable_would_steer_the_mediator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(entries, "steers", lambda _name: False)
    assert wrapped({"command": "x", "env": {"LD_PRELOAD": "/evil.so"}}, trusted=False)["env"] == {
        "LD_PRELOAD": "/evil.so"
    }


def test_an_entry_that_starts_the_mediator_and_steers_it_is_not_taken_for_wrapped() -> None:
    fields = {"command": US.words[0], "args": ["mcp", "run", "--", "x"], "env": {"LD_PRELOAD": "/evil.so"}}
    with pytest.raises(Unfit, match="LD_PRELOAD"):
        behind(fields)


@pytest.mark.parametrize(
    "words", [["--policy", "./evil.toml"], ["--profile=release"], ["--observe"], ["--session", "x"]]
)
def test_a_repository_does_not_choose_what_the_mediator_goes_by(words: list[str]) -> None:
    """Named by ``--policy`` a file counts as the owner's: somebody else's entry would grant itself what it likes."""
    fields = {"command": US.words[0], "args": ["mcp", "run", *words, "--", "x"]}
    entry = entry_of(server(fields))
    with pytest.raises(Unfit, match=f"it says {words[0]}"):
        is_wrapped(entry, US, US.words[0], trusted=False)
    assert is_wrapped(entry, US, US.words[0], trusted=True)
    assert wrapped(fields, trusted=True) == fields
    ours = wrapped({"command": "x", "args": ["--policy", "y"], "env": {"TOKEN": "t"}})
    assert is_wrapped(entry_of(server(ours)), US, US.words[0], trusted=False)


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"command": "x", "url": "https://h"}, "a command and a URL"),
        ({"command": "x", "args": "1"}, "no list"),
        ({"command": "x", "args": [1]}, "no text"),
        ({"command": "npx -y x"}, "whole command line"),
        ({"command": {"args": ["1"]}, "url": ""}, "URL"),
        ({"command": "x", "envFile": ".env"}, "envFile"),
        ({"command": "x", "env": ["A=1"]}, "no table"),
        ({"command": "x", "env": {"A=B": "1"}}, "no variable has"),
        ({"command": "x", "env_vars": ["LD_PRELOAD"]}, "env_vars"),
        ({"url": "https://h", "type": "sse"}, "its type is sse"),
        ({"url": "https://h/x/sse?k=1"}, "older transport"),
        ({"url": "https://h", "headersHelper": "./t"}, "headersHelper"),
        ({"url": "https://h", "oauth": {}}, "oauth"),
        ({"url": "https://h", "bearer_token_env_var": "T"}, "bearer_token_env_var"),
        ({"url": "file:///x"}, "not of http"),
        ({"url": "https://h", "args": []}, "no list"),
        ({"url": "https://h", "headers": {"A B": "1"}}, "headers are no table"),
        ({"url": "https://h", "headers": {"A": 1}}, "no text"),
        ({"url": "https://h", "headers": {"A": "1"}, "env": {"B": "1"}}, "headers and an env"),
    ],
)
def test_an_entry_of_a_shape_that_can_not_be_mediated_is_refused_with_a_reason(fields: Any, why: str) -> None:
    with pytest.raises(Unfit, match=why):
        wrap(entry_of(server(fields)), US, trusted=True)


def test_headers_are_in_no_command_line() -> None:
    new = wrapped({"type": "http", "url": "https://h/", "headers": {"Authorization": "Bearer s3cret"}})
    assert new["env"] == {"NUCLEUS_HEADER_Authorization": "Bearer s3cret"}
    assert new["type"] == "stdio"
    assert "s3cret" not in " ".join(new["args"])
    assert "--header=Authorization" in new["args"]


@pytest.mark.parametrize(
    "args",
    [
        ["mcp", "run"],
        ["mcp", "run", "--"],
        ["mcp", "run", "--url", "https://h"],
        ["mcp", "run", "--entry=a:b c", "--", "x"],
    ],
)
def test_what_wrap_did_not_write_is_not_guessed_at(args: list[str]) -> None:
    with pytest.raises(Unfit):
        unwrap(entry_of(server({"command": "nucleus", "args": args})))


def test_words_that_its_owner_added_go_with_the_others_and_arguments_stay() -> None:
    fields = {"command": "nucleus", "args": ["mcp", "run", "--profile", "p", "--entry=no-args", "--", "x", "more"]}
    data = json.dumps({"mcpServers": {"db": fields}}).encode()
    new, _ = read("/p/.mcp.json", data).unwrapped()
    assert json.loads(new)["mcpServers"]["db"] == {"command": "x", "args": ["more"]}


def test_an_entry_written_by_hand_is_unwrapped_too() -> None:
    assert looks_wrapped(server({"command": "nucleus", "args": ["mcp", "run", "--", "x"]}))
    assert not looks_wrapped(server({"command": "nucleus", "args": ["mcp", "pins"]}))
