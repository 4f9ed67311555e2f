"""A hook leaves a server's calls to the mediator only where that is certain."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from nucleus.clients.behind import behind, roots_of
from tests.clients.layouts import US

WRAPPED = {"command": US.words[0], "args": ["mcp", "run", "--name=db", "--", "x"]}
BARE = {"command": "x"}


def project(tmp_path: Path, fields: Any, user: Any = None) -> dict[str, Any]:
    """Return an event of a client in a project with these servers, and others of its person."""
    (tmp_path / "p" / "sub").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "p" / ".mcp.json").write_text(json.dumps({"mcpServers": {"db": fields}}))
    if user is not None:
        (tmp_path / "home" / ".claude.json").write_text(json.dumps({"mcpServers": {"db": user}}))
    return {"cwd": str(tmp_path / "p" / "sub")}


def known(tmp_path: Path, event: dict[str, Any], server: str = "db", command: str = "", late: float = 60.0) -> bool:
    return behind("claude-code", server, command, event, US, tmp_path / "home", time.time() + late)


def test_a_server_that_every_file_puts_behind_the_mediator_is(tmp_path: Path) -> None:
    assert known(tmp_path, project(tmp_path, WRAPPED, WRAPPED))


@pytest.mark.parametrize(
    ("here", "user"),
    [
        (BARE, None),
        (WRAPPED, BARE),
        ({"command": "./nucleus", "args": ["mcp", "run", "--", "x"]}, None),
        ({"url": "https://h"}, None),
        ({**WRAPPED, "env": {"LD_PRELOAD": "/evil.so"}}, None),
        ({"command": ["x"], "url": "https://h"}, None),
    ],
)
def test_a_server_with_one_entry_that_is_not_is_not(tmp_path: Path, here: Any, user: Any) -> None:
    assert not known(tmp_path, project(tmp_path, here, user))


def test_what_no_file_names_or_none_can_be_read_is_not_behind_it(tmp_path: Path) -> None:
    event = project(tmp_path, WRAPPED)
    assert not known(tmp_path, event, "other")
    (tmp_path / "p" / ".mcp.json").write_text("{")
    assert not known(tmp_path, event)


def test_a_file_that_was_edited_since_the_session_began_says_nothing_of_what_runs(tmp_path: Path) -> None:
    """The client started its servers before: wrapping them now changes what runs after the next start."""
    assert not known(tmp_path, project(tmp_path, WRAPPED), late=-60.0)


def test_a_file_that_changes_is_read_anew(tmp_path: Path) -> None:
    event = project(tmp_path, WRAPPED)
    assert known(tmp_path, event)
    (tmp_path / "p" / ".mcp.json").write_text(json.dumps({"mcpServers": {"db": BARE}}))
    assert not known(tmp_path, event)


def test_a_running_command_says_it_by_itself() -> None:
    line = f"{US.words[0]} mcp run --name=db -- npx -y 'a b'"
    for command, expected in ((line, True), ("nucleus mcp run -- x", False), ("npx x", False), ("'", False)):
        assert behind("cursor", "", command, {}, US, Path("/home/u"), 0) is expected


def test_the_directories_of_an_event_are_its_own_and_all_above() -> None:
    assert roots_of({"cwd": "/a/b"}) == [Path("/a/b"), Path("/a"), Path("/")]
    assert roots_of({"workspace_roots": ["/c", 3], "cwd": "x"}) == [Path("/c"), Path("/")]
