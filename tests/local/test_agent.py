"""A known agent in a box: its state is a copy, its credentials are not there, its model's key stays outside."""

import json
import time
from pathlib import Path

import pytest

from nucleus import apply
from nucleus.apply import Ruling, load
from nucleus.apply.bring import silent
from nucleus.apply.run import TICK
from nucleus.local.agent import Agent, agent
from nucleus.local.layers import changes
from tests.local.box import private

KEYS = {"ANTHROPIC_API_KEY": "canary-key"}


class Home:
    """A home with the state of an agent in it."""

    def __init__(self, root: Path) -> None:
        self.home = root / "home"
        self.state = private(root / "state")
        claude = self.home / ".claude"
        (claude / "projects").mkdir(parents=True)
        (claude / "settings.json").write_text("{}")
        (claude / "projects" / "other.jsonl").write_text("a transcript")
        (claude / ".credentials.json").write_text('{"token": "canary-token"}')
        (self.home / ".claude.json").write_text('{"mcpServers": {}}')

    def shown(self, made: Agent) -> dict[str, str]:
        """Return what the layers show of the state directory: the masks over the host's files."""
        (copy,) = made.copies
        found: dict[str, str] = {}
        for folder in (Path(copy.place), Path(copy.masks)):
            for path in folder.rglob("*"):
                name = str(path.relative_to(folder))
                if path.is_char_device():
                    found.pop(name, None)
                elif path.is_file():
                    found[name] = path.read_text()
        return found


@pytest.fixture
def home(tmp_path: Path) -> Home:
    return Home(tmp_path)


def test_with_a_key_of_the_owner_s_the_agent_gets_the_route_and_a_placeholder(home: Home) -> None:
    made = agent(["claude", "-p", "hi"], KEYS, login=False)
    assert made.login == "key"
    assert made.variables["ANTHROPIC_API_KEY"] != "canary-key"
    assert made.variables["ANTHROPIC_BASE_URL"] == "http://127.0.0.1:3129/model/anthropic"
    assert made.models(KEYS)["anthropic"]["key"] == "canary-key"
    assert made.allows["model"]
    assert made.show_state(str(home.state), str(home.home))
    shown = home.shown(made)
    assert "canary-token" not in "".join(shown.values())
    assert json.loads(shown[".credentials.json"]), "a placeholder of the same shape"
    assert shown["settings.json"] == "{}"
    assert made.copied == [(str(home.home / ".claude.json"), b'{"mcpServers": {}}')]
    made.release()


def test_without_any_way_to_log_in_it_gets_neither_route_nor_grant(home: Home) -> None:
    made = agent(["claude"], {}, login=False)
    assert (made.login, made.models(KEYS), made.allows) == ("", {}, {"model": [], "fetch": []})
    made.show_state(str(home.state), str(home.home))
    assert "canary-token" not in "".join(home.shown(made).values())
    made.release()


def test_only_by_name_it_gets_its_own_credentials(home: Home) -> None:
    made = agent(["claude"], KEYS, login=True)
    made.show_state(str(home.state), str(home.home))
    assert "canary-token" in home.shown(made)[".credentials.json"]
    assert made.models(KEYS) == {}
    assert made.allows["fetch"]
    assert made.hidden == [[]]
    made.release()


def test_a_command_of_which_nothing_is_known_runs_as_it_is(home: Home) -> None:
    made = agent(["make", "test"], KEYS, login=False)
    assert not made.known
    assert (made.argv, made.described, made.show_state(str(home.state), str(home.home))) == (
        ("make", "test"),
        (),
        False,
    )
    with pytest.raises(ValueError, match="nothing is known"):
        agent(["make"], KEYS, login=True)


def test_a_state_directory_that_is_a_link_is_not_followed(home: Home, tmp_path: Path) -> None:
    (home.home / ".claude").rename(tmp_path / "elsewhere")
    (home.home / ".claude").symlink_to(tmp_path / "elsewhere")
    made = agent(["claude"], {}, login=False)
    made.show_state(str(home.state), str(home.home))
    assert made.copies == []


def test_what_the_agent_changed_waits_and_an_unchanged_copy_is_removed(home: Home) -> None:
    for name, waits in (("settings.json", 1), ("", 0)):
        made = agent(["claude"], {}, login=False)
        made.show_state(str(home.state), str(home.home))
        made.begin({"profile": "local_dev", "principal": "abcd", "trace": "t"})
        (copy,) = made.copies
        if name:
            (Path(copy.upper) / name).write_text('{"hooks": "obey"}')
        waiting = made.end(0, 0)
        assert [count for _, _, count in waiting] == [1] * waits
        assert (home.home / ".claude" / "settings.json").read_text() == "{}"
        assert bool(list((home.state / "runs").glob(f"{made.folders[0].id}"))) is bool(waits)
        if waits:
            assert changes(copy.place, copy.upper, 10)[0][0].path == "settings.json"


def begun(home: Home) -> Agent:
    made = agent(["claude"], KEYS, login=False)
    (home.home / ".claude.json").write_text('{"oauthToken": "canary-token", "theme": "dark"}')
    time.sleep(2 * TICK / 1e9)  # what is younger may have been changed after the run began
    made.show_state(str(home.state), str(home.home))
    made.begin({"profile": "local_dev", "principal": "p", "trace": "t"})
    return made


def test_a_change_of_a_single_file_waits_as_a_run_of_its_own_and_is_applied_by_a_yes(home: Home) -> None:
    """The agent saw no token, and the owner's is there afterwards."""
    made = begun(home)
    assert "canary-token" not in str(made.copied)
    assert list(made.collect({".claude.json": b'{"theme": "light", "new": 1}'}.get)) == []
    ((id_, place, count),) = made.end(0, 0)
    assert (place, count) == (str(home.home), 1)
    run = load(str(home.state / "runs" / id_))
    (change,) = apply.changes(run)
    assert (change.path, change.what, change.category) == (".claude.json", "changed", "control")
    assert not apply.apply(run, silent).applied
    assert "light" not in (home.home / ".claude.json").read_text()
    done = apply.apply(load(run.folder), lambda found: [Ruling(allow=True) for _ in found])
    assert done.complete
    told = json.loads((home.home / ".claude.json").read_text())
    assert told == {"oauthToken": "canary-token", "theme": "light", "new": 1}


def test_a_file_that_the_owner_changed_meanwhile_is_a_conflict(home: Home) -> None:
    made = begun(home)
    (home.home / ".claude.json").write_text('{"theme": "owner"}')
    list(made.collect({".claude.json": b'{"theme": "light"}'}.get))
    ((id_, _, _),) = made.end(0, 0)
    (change,) = apply.changes(load(str(home.state / "runs" / id_)))
    assert change.conflict


def test_nothing_waits_where_nothing_was_changed_and_what_is_lost_is_said(home: Home) -> None:
    made = begun(home)
    (line,) = made.collect({".claude.json": b"no json"}.get)
    assert "~/.claude.json: what was changed in it is lost" in line
    assert made.end(0, 0) == []
    assert list((home.state / "runs").iterdir()) == []
