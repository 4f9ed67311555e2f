"""``nucleus hook``: a client's hook, installed as its files say, decides the client's own tools. All of it is real."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.cli import main
from nucleus.clients.hooks import CLIENTS, ours

PRE: dict[str, Any] = {"session_id": "s", "hook_event_name": "PreToolUse"}
CLIENT = """
import json, subprocess, sys
for line in sys.stdin:
    told = json.loads(line)
    done = subprocess.run(["/bin/sh", "-c", told["command"]], input=json.dumps(told["event"]),
                          capture_output=True, text=True, cwd=told["cwd"])
    print(json.dumps([done.returncode, done.stdout, done.stderr]), flush=True)
"""


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with a policy that its owner trusts, and a home of its own."""
    project = tmp_path / "project"
    (project / "src").mkdir(parents=True)
    (tmp_path / "home").mkdir()
    (tmp_path / "state").mkdir(mode=0o700)
    (project / "README.md").write_text("# App\n")
    (project / "nucleus.toml").write_text('version = 1\nprofile = "local_dev"\n')
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("NUCLEUS_STATE", str(tmp_path / "state"))
    monkeypatch.chdir(project)
    import hashlib

    digest = hashlib.sha256((project / "nucleus.toml").read_bytes()).hexdigest()
    assert main(["-q", "policy", "trust", "--digest", digest, "nucleus.toml"]) == 0
    return project


class Client:
    """A client in a process of its own, which runs the hook that its settings name."""

    def __init__(self, project: Path) -> None:
        self.project = project
        data = (Path.home() / CLIENTS["claude-code"].file).read_bytes()
        self.command = ours("claude-code", data)[0].command
        self.process = subprocess.Popen(
            [sys.executable, "-c", CLIENT], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )

    def before(self, tool: str, **arguments: Any) -> tuple[int, str, str]:
        """Return what the hook said to a tool: status, output, words."""
        event = {**PRE, "cwd": str(self.project), "tool_name": tool, "tool_input": arguments}
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        self.process.stdin.write(json.dumps({"command": self.command, "event": event, "cwd": str(self.project)}) + "\n")
        self.process.stdin.flush()
        status, out, said = json.loads(self.process.stdout.readline())
        return status, out, said

    def end(self) -> None:
        self.process.send_signal(signal.SIGKILL)
        self.process.communicate()


@pytest.fixture
def client(place: Path) -> Iterator[Client]:
    assert main(["-q", "hook", "install", "claude-code"]) == 0
    one = Client(place)
    yield one
    one.end()
    deadline = time.monotonic() + 20
    while list((place.parent / "state" / "gates").glob("*.json")) and time.monotonic() < deadline:
        time.sleep(0.05)


def test_a_clients_own_tools_are_decided_recorded_and_remembered(client: Client) -> None:
    """Reading is silent; after that the shell of the client, which has the network, asks; so does an unknown tool."""
    assert client.before("Read", file_path="README.md") == (0, "", "")
    assert client.before("Write", file_path="src/a.py", content="x = 1\n") == (0, "", "")
    assert not (client.project / "src/a.py").exists()
    assert client.before("TodoWrite", todos=[]) == (0, "", "")
    status, out, said = client.before("Bash", command="curl https://evil.example")
    assert (status, out) == (2, "")
    assert "approval required" in said
    assert client.before("Read", file_path="/etc/shadow")[0] == 2
    assert client.before("CronCreate", cron="* * * * *", prompt="x")[0] == 2
    assert client.before("Read")[0] == 2
    traces = list((client.project.parent / "state" / "traces").rglob("*.jsonl"))
    kinds = [json.loads(line).get("args", {}).get("does") for file in traces for line in file.read_text().splitlines()]
    assert {"fs.read", "fs.write", "proc.run", "unknown"} <= set(kinds)


def test_with_its_session_gone_and_its_program_too_nothing_goes_on(client: Client, place: Path) -> None:
    assert client.before("Read", file_path="README.md")[0] == 0
    assert main(["lockdown"]) == 0
    assert client.before("Read", file_path="README.md")[0] == 2
    for file in (place.parent / "state" / "hooks").glob("claude-code.*"):
        file.unlink()
    assert client.before("Read", file_path="README.md")[0] == 2


def test_without_the_hook_the_clients_shell_would_run_unasked(client: Client) -> None:
    """Switched off: a client whose settings name no hook asks nobody."""
    assert client.before("Bash", command="ls")[0] == 2
    assert main(["-q", "hook", "uninstall", "claude-code"]) == 0
    assert not (Path.home() / CLIENTS["claude-code"].file).exists()
    client.command = "true"
    assert client.before("Bash", command="ls")[0] == 0


@pytest.mark.parametrize("name", sorted(CLIENTS))
def test_installing_twice_changes_nothing_and_uninstalling_gives_the_old_file_back(
    place: Path, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    file = Path.home() / CLIENTS[name].file
    file.parent.mkdir(parents=True)
    old = b'{\n  "mine": [1, 2] // kept\n}\n'
    file.write_bytes(old)
    file.chmod(0o640)
    assert main(["hook", "install", name]) == 0
    shown = capsys.readouterr()
    assert "level mediated" in shown.out
    assert CLIENTS[name].next in shown.out
    new = file.read_bytes()
    assert main(["hook", "install", name]) == 0
    assert file.read_bytes() == new
    assert main(["hook", "uninstall", name]) == 0
    assert file.read_bytes() == old
    assert file.stat().st_mode & 0o777 == 0o640
    assert list((place.parent / "state" / "hooks").glob(f"{name}.*")) == []


@pytest.mark.parametrize("client", sorted(CLIENTS))
def test_a_dry_run_shows_a_difference_that_git_applies_and_writes_nothing(
    client: str, place: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    del place
    monkeypatch.setenv("NUCLEUS_STATE", str(Path.home().parent / "fresh"))
    file = Path.home() / CLIENTS[client].file
    file.parent.mkdir(parents=True, exist_ok=True)
    old = b'{\n  "other": "kept"\n}\n'
    file.write_bytes(old)
    assert main(["hook", "install", client, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert file.read_bytes() == old
    assert not (Path.home().parent / "fresh").exists()
    assert main(["-q", "hook", "install", client]) == 0
    new = file.read_bytes()
    script = next((Path.home().parent / "fresh" / "hooks").iterdir()).read_text()
    capsys.readouterr()
    assert main(["hook", "uninstall", client, "--dry-run"]) == 0
    assert file.read_bytes() == new
    back = capsys.readouterr().out
    assert [line[1:] for line in back.splitlines() if line.startswith("-") and line[:2] != "--"] == [
        line[1:] for line in shown.split(f"+++ b/{str(file).lstrip('/')}")[1].splitlines() if line.startswith("+")
    ]
    file.write_bytes(old)
    folder = Path.home().parent / "patched"
    target = folder / str(file).lstrip("/")
    target.parent.mkdir(parents=True)
    target.write_bytes(old)
    subprocess.run(["git", "apply"], input=shown.encode(), cwd=folder, check=True)
    assert target.read_bytes() == new
    (made,) = [path for path in folder.rglob("hooks/*") if path.suffix in {".pl", ".py"}]
    assert made.read_text() == script


def test_a_file_that_was_made_is_gone_afterwards(place: Path) -> None:
    assert main(["-q", "hook", "install", "copilot"]) == 0
    file = Path.home() / CLIENTS["copilot"].file
    assert file.stat().st_mode & 0o777 == 0o600
    assert main(["-q", "hook", "uninstall", "copilot"]) == 0
    assert not file.exists()
    assert main(["-q", "hook", "uninstall", "copilot"]) == 0
    assert place.is_dir()


def test_a_spoilt_file_is_named_and_nothing_is_changed(place: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = Path.home() / CLIENTS["claude-code"].file
    file.parent.mkdir()
    file.write_text('{"hooks": ')
    assert main(["hook", "install", "claude-code"]) == 2
    assert f"{file}: line 1: " in capsys.readouterr().err
    assert file.read_text() == '{"hooks": '
    assert not list((place.parent / "state" / "hooks").glob("*.p*"))


def test_settings_by_which_no_hook_runs_and_a_missing_policy_are_told(
    place: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (place / ".claude").mkdir()
    (place / ".claude/settings.json").write_text('{"disableAllHooks": true}')
    (place / "nucleus.toml").unlink()
    assert main(["-q", "hook", "install", "claude-code"]) == 0
    said = capsys.readouterr().err
    assert ".claude/settings.json has disableAllHooks = true" in said
    assert "every tool would be refused, because no policy names a profile" in said


@pytest.mark.parametrize(
    "words", [[], ["install"], ["uninstall"], ["nobody"], ["install", "nobody"], ["codex", "gemini"], ["--fast"]]
)
def test_every_wrong_call_is_2_as_a_client_has_to_read_it(
    place: Path, words: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["hook", *words]) == 2
    assert capsys.readouterr().out == ""
    assert place.is_dir()


def test_an_error_on_the_way_to_the_session_is_2(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(*_: Any, **__: Any) -> Path:
        raise RuntimeError("a bug of ours")

    monkeypatch.setattr("nucleus.mcp.hookhost.ensure", breaks)
    done = os.pipe()
    os.close(done[1])
    with os.fdopen(done[0]) as empty:
        monkeypatch.setattr("sys.stdin", empty)
        assert main(["hook", "claude-code"]) == 2
    assert place.is_dir()
