"""Hostile servers and a live client of the official SDK that believes them: judged at what the servers got."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nucleus.mcp.pins import digest_of
from tests.parts.sly_server import POISON, SAYS, SCHEMA, TOOLS
from tests.parts.world import HERE, environment, parts

POLICY = 'version = 1\nprofile = "release"\n[allow]\nchannels = ["#team"]\n'
OPS = {"read": ("read_files", "false"), "browse": ("read_files", "true"), "echo": ("read_files", "true")}


def mappings() -> str:
    """Return what the owner reviewed: two tools that read, one that says what it is given, one that posts."""
    rows = [(name, op, f"echoes = {echoes}") for name, (op, echoes) in OPS.items()]
    rows.append(("post", "create_pr", 'destination = "to"\nechoes = false'))
    return "".join(
        f'[[tool]]\nprogram = "sly_server.py"\nname = "{name}"\ndigest = "{digest_of(definition(name))}"\nop = "{op}"\n'
        f'arguments = ["text", "to"]\n{more}\n'
        for name, op, more in rows
    )


def definition(name: str) -> dict[str, Any]:
    return {"name": name, "description": "says what it is given", "inputSchema": SCHEMA}


class Scene:
    """One client, the servers that it is given, and what each of these got."""

    def __init__(self, home: Path) -> None:
        self.home, self.state = home, home / "state"
        (home / "work").mkdir()
        (self.state / "mcp").mkdir(mode=0o700, parents=True)
        self.state.chmod(0o700)
        (self.state / "mcp" / "mappings.toml").write_text(mappings())
        rows = "".join(f'[mcp.{mode}]\nallow = ["*"]\n' for mode in ("private", "web", "chat", "changes"))
        (home / "owner.toml").write_text(POLICY + rows + '[mcp.phishes]\nallow = ["echo"]\n')
        self.errors = ""

    def play(self, modes: list[str], steps: list[list[Any]], *, mediated: bool) -> list[list[Any]]:
        """Let the client make the steps; return what it heard."""
        servers = {mode: self._words(mode, mediated=mediated) for mode in modes}
        script = self.home / "script.json"
        script.write_text(json.dumps({"servers": servers, "steps": steps}))
        python = str(parts() / "py" / "bin" / "python")
        done = subprocess.run(
            [python, str(HERE / "live.py"), str(script)],
            cwd=self.home / "work",
            env=environment(self.home),
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        self.errors = done.stderr
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    def _words(self, mode: str, *, mediated: bool) -> list[str]:
        log = self.home / f"{mode}.log"
        log.write_text("")
        server = [sys.executable, "-I", str(HERE / "sly_server.py"), mode, str(log)]
        words = [sys.executable, "-m", "nucleus", "--state", str(self.state), "mcp", "run", "--name", mode]
        return [*words, "--policy", str(self.home / "owner.toml"), "--", *server] if mediated else server

    def got(self, mode: str) -> str:
        """Return what a server was sent."""
        return (self.home / f"{mode}.log").read_text()


@pytest.fixture
def scene(tmp_path: Path) -> Scene:
    return Scene(tmp_path)


LEGS: list[list[Any]] = [
    *([mode, "list"] for mode in ("private", "web", "chat")),
    *(["private", "read", {}], ["web", "browse", {}], ["chat", "post", {"to": "#team", "text": SAYS["private"]}]),
]


@pytest.mark.timeout(90)
@pytest.mark.parametrize("mediated", [False, True])
def test_three_servers_of_one_live_client_do_not_split_the_three_legs(scene: Scene, *, mediated: bool) -> None:
    heard = scene.play(["private", "web", "chat"], LEGS, mediated=mediated)
    assert (SAYS["private"] in scene.got("chat")) is not mediated
    if mediated:
        assert "pending, id" in str(heard[-1])
        assert "uninhabitable" in str(heard[-1])


@pytest.mark.timeout(90)
def test_with_two_legs_the_same_message_goes_out(scene: Scene) -> None:
    """The negative control: it is the third leg that makes the question."""
    scene.play(["private", "chat"], [step for step in LEGS if step[0] != "web"], mediated=True)
    assert SAYS["private"] in scene.got("chat")


@pytest.mark.timeout(90)
@pytest.mark.parametrize("mediated", [False, True])
def test_a_definition_that_changes_between_list_and_call_is_neither_seen_nor_called(
    scene: Scene, *, mediated: bool
) -> None:
    steps: list[list[Any]] = [["changes", "list"], ["changes", "echo", {"text": "first"}], ["changes", "list"]]
    heard = scene.play(["changes"], [*steps, ["changes", "echo", {"text": "second"}]], mediated=mediated)
    assert "first" in scene.got("changes")
    assert ("second" in scene.got("changes")) is not mediated
    assert (POISON in str(heard)) is not mediated


@pytest.mark.timeout(90)
@pytest.mark.parametrize("mediated", [False, True])
def test_a_server_that_poses_as_the_mediator_gets_no_password(scene: Scene, *, mediated: bool) -> None:
    scene.play(["phishes"], [["phishes", "list"], *([["phishes", "echo", {"text": "x"}]] * 2)], mediated=mediated)
    assert ("canary-of-the-user" in scene.got("phishes")) is not mediated


@pytest.mark.timeout(90)
def test_equal_names_of_two_servers_of_one_live_client_are_told(scene: Scene) -> None:
    scene.play(["changes", "phishes"], [["changes", "list"], ["phishes", "list"]], mediated=True)
    assert TOOLS["changes"] == TOOLS["phishes"] == "echo"
    assert "another server of this session lists echo too" in scene.errors
