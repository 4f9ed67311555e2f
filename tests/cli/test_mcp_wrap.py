"""``nucleus mcp wrap`` and ``unwrap``: what is edited, what is said, what is left alone."""

import hashlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nucleus.cli import command_parser, main
from nucleus.clients.program import program

ENTRY = {"command": "mcp-server-time", "args": ["--local-timezone", "UTC"]}


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a project with one client's file, and a home of its own."""
    home, folder = tmp_path / "home", tmp_path / "project"
    home.mkdir()
    folder.mkdir()
    (folder / ".mcp.json").write_text(json.dumps({"mcpServers": {"time": ENTRY}}, indent=2) + "\n")
    monkeypatch.chdir(folder)
    monkeypatch.setenv("HOME", str(home))
    return folder


def command(path: Path, name: str = "time") -> str:
    return str(json.loads(path.read_text())["mcpServers"][name]["command"])


def test_what_clients_read_here_goes_behind_the_mediator_and_comes_back(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / ".mcp.json"
    old = file.read_bytes()
    assert main(["mcp", "wrap"]) == 0
    out, err = capsys.readouterr()
    assert out == ".mcp.json: time: wrapped\n"
    assert err.startswith("nucleus mcp: here no server would start, because no policy names a profile")
    assert command(file) == program().words[0]
    new = file.read_bytes()
    assert main(["mcp", "wrap"]) == 0
    assert capsys.readouterr().out == ".mcp.json: time: kept\n"
    assert file.read_bytes() == new
    assert main(["mcp", "unwrap"]) == 0
    assert capsys.readouterr().out == ".mcp.json: time: unwrapped\n"
    assert file.read_bytes() == old


def test_a_wrapped_entry_starts_a_program_that_takes_its_words(project: Path) -> None:
    """The command is started as the client would; its own parser refuses nothing but the missing server."""
    assert main(["-q", "mcp", "wrap"]) == 0
    entry = json.loads((project / ".mcp.json").read_text())["mcpServers"]["time"]
    done = subprocess.run(
        [entry["command"], *["no-such-server" if word == ENTRY["command"] else word for word in entry["args"]]],
        env={"PATH": "/usr/bin:/bin"},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, "the server no-such-server can't be started" in done.stderr) == (1, True)


def test_a_dry_run_shows_a_difference_that_patch_takes_and_writes_nothing(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / ".mcp.json"
    file.write_bytes(file.read_bytes().rstrip())
    old = file.read_bytes()
    assert main(["mcp", "wrap", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert file.read_bytes() == old
    assert shown.startswith("--- a/.mcp.json\n+++ b/.mcp.json\n@@ ")
    assert (shown.count("\n-"), shown.count("\n+")) == (2, 3)
    assert main(["-q", "mcp", "wrap"]) == 0
    new = file.read_bytes()
    file.write_bytes(old)
    subprocess.run(["git", "apply", "-"], input=shown.encode(), check=True, cwd=project)
    assert file.read_bytes() == new


def test_on_a_terminal_a_difference_is_not_obeyed(project: Path) -> None:
    (project / ".mcp.json").write_text('{"mcpServers": {"time": {"command": "x", /* \x1b]0;pwned\x07 */ "args": []}}}')
    ours, theirs = pty.openpty()
    done = subprocess.run(
        [sys.executable, "-m", "nucleus", "mcp", "wrap", "--dry-run"], stdout=theirs, stderr=theirs, check=False
    )
    os.close(theirs)
    shown = os.read(ours, 65536)
    os.close(ours)
    assert done.returncode == 0
    assert b"pwned" in shown
    assert b"\x1b]0" not in shown


def test_servers_elsewhere_and_approvals_are_warned_of(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    home = Path.home()
    (home / ".claude.json").write_text(
        json.dumps({"mcpServers": {"mail": ENTRY}, "projects": {str(project): {"mcpServers": {"db": ENTRY}}}})
    )
    (project / ".claude").mkdir()
    (project / ".claude/settings.json").write_text('{"enableAllProjectMcpServers": true}')
    assert main(["mcp", "wrap"]) == 0
    said = capsys.readouterr().err
    assert "not behind the mediator: mail, db in ~/.claude.json; nucleus mcp wrap ~/.claude.json\n" in said
    assert "without a question: .claude/settings.json:1: whatever servers a project file names" in said
    assert main(["mcp", "wrap", str(home / ".claude.json")]) == 0
    said = capsys.readouterr().err
    assert "~/.claude.json" not in said


def test_a_file_of_the_repository_can_not_steer_a_loader_unless_a_person_names_it(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = project / ".mcp.json"
    file.write_text(json.dumps({"mcpServers": {"time": {**ENTRY, "env": {"PYTHONPATH": "src"}}}}))
    old = file.read_bytes()
    assert main(["mcp", "wrap"]) == 1
    assert "left as it is: .mcp.json: time: its env sets PYTHONPATH" in capsys.readouterr().err
    assert file.read_bytes() == old
    assert main(["mcp", "wrap", ".mcp.json"]) == 0
    assert "NUCLEUS_SERVER_PYTHONPATH" in file.read_text()


def test_a_program_of_the_repository_called_nucleus_is_not_taken_for_this_one(project: Path) -> None:
    file = project / ".mcp.json"
    (project / "nucleus").write_text("#!/bin/sh\n")
    (project / "nucleus").chmod(0o755)
    file.write_text(json.dumps({"mcpServers": {"time": {"command": "./nucleus", "args": ["mcp", "run", "--", "x"]}}}))
    assert main(["-q", "mcp", "wrap"]) == 0
    assert command(file) == program().words[0]


@pytest.mark.parametrize("text", ["{", '{"mcpServers": {"a": {"command": "x"}}} tail', "\x00"])
def test_a_spoilt_file_is_named_and_no_file_is_changed(
    project: Path, capsys: pytest.CaptureFixture[str], text: str
) -> None:
    (project / ".cursor").mkdir()
    (project / ".cursor/mcp.json").write_text(text)
    old = (project / ".mcp.json").read_bytes()
    assert main(["mcp", "wrap"]) == 1
    said = capsys.readouterr().err
    assert ".cursor/mcp.json: line 1: " in said
    assert "nothing is changed in any file" in said
    assert (project / ".mcp.json").read_bytes() == old


def test_a_missing_file_or_a_directory_is_a_wrong_call(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["mcp", "wrap", "gone.json"]) == 2
    assert main(["mcp", "unwrap", "."]) == 2
    assert "gone.json: no such file" in capsys.readouterr().err
    assert command(project / ".mcp.json") == ENTRY["command"]


def test_a_link_in_a_repository_is_not_followed_and_a_named_one_is(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    real = Path.home() / "real.json"
    (project / ".mcp.json").rename(real)
    (project / ".mcp.json").symlink_to(real)
    assert main(["mcp", "wrap"]) == 1
    assert ".mcp.json: it is a symbolic link" in capsys.readouterr().err
    assert command(real) == ENTRY["command"]
    assert main(["mcp", "wrap", ".mcp.json"]) == 0
    assert f".mcp.json leads to {real}, which is edited" in capsys.readouterr().out
    assert (project / ".mcp.json").is_symlink()
    assert command(real) == program().words[0]


def test_when_one_file_can_not_be_written_those_before_it_are_put_back(
    project: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".vscode").mkdir()
    (project / ".vscode/mcp.json").write_text(json.dumps({"servers": {"time": ENTRY}}))
    old = (project / ".mcp.json").read_bytes()
    whole = os.replace

    def fails_for_vscode(source: str, target: Path) -> None:
        if ".vscode" in str(target):
            raise OSError(30, "Read-only file system")
        whole(source, target)

    monkeypatch.setattr("os.replace", fails_for_vscode)
    assert main(["mcp", "wrap"]) == 2
    assert "no file is changed" in capsys.readouterr().err
    assert (project / ".mcp.json").read_bytes() == old


def test_a_directory_without_such_files_says_so(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (project / ".mcp.json").unlink()
    assert main(["mcp", "wrap"]) == 0
    assert capsys.readouterr().out == "no client's file with servers is in this directory\n"


SERVER = """
import json, os, sys
for line in sys.stdin:
    asked = json.loads(line)
    names = ("TOKEN", "PYTHONPATH", "PATH", "HOME", "UNSAID", "NUCLEUS_SERVER_PYTHONPATH")
    said = {name: os.environ.get(name) for name in names}
    answers = {
        "initialize": {"protocolVersion": "2025-06-18", "capabilities": {"tools": {}},
                       "serverInfo": {"name": "t", "version": "1"}},
        "tools/list": {"tools": [{"name": "env", "description": json.dumps(said), "inputSchema": {"type": "object"}}]},
    }
    if asked.get("id") is not None:
        print(json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answers[asked["method"]]}), flush=True)
"""


def tools_through(entry: dict[str, Any], project: Path, **own: str) -> dict[str, str | None]:
    """Start an entry as its client would, and return what the server's one tool says of its environment."""
    hello = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": {"name": "t", "version": "1"}}
    asked: list[dict[str, Any]] = [
        {"id": 1, "method": "initialize", "params": hello},
        {"method": "notifications/initialized"},
        {"id": 2, "method": "tools/list"},
    ]
    with subprocess.Popen(
        [entry["command"], *entry["args"]],
        env={"PATH": "/usr/bin:/bin", "HOME": os.environ["HOME"], **own, **entry.get("env", {})},
        cwd=project,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
    ) as client:
        assert client.stdin is not None
        assert client.stdout is not None
        said: dict[str, Any] = {}
        for message in asked:
            client.stdin.write(json.dumps({"jsonrpc": "2.0", **message}) + "\n")
            client.stdin.flush()
            if "id" in message:
                said = json.loads(client.stdout.readline())
        client.stdin.close()
    return dict(json.loads(said["result"]["tools"][0]["description"]))


def test_a_wrapped_server_gets_its_variables_and_nothing_of_the_clients(
    project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The entry is started as the client would: what steers Python reaches the server, and not the mediator."""
    (tmp_path / "server.py").write_text(SERVER)
    (project / "nucleus.toml").write_text('version = 1\nprofile = "local_dev"\n')
    (tmp_path / "state").mkdir(mode=0o700)
    monkeypatch.setenv("NUCLEUS_STATE", str(tmp_path / "state"))
    digest = hashlib.sha256((project / "nucleus.toml").read_bytes()).hexdigest()
    assert main(["-q", "policy", "trust", "--digest", digest, "nucleus.toml"]) == 0
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "sitecustomize.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('x')")
    variables = {"TOKEN": "t", "PYTHONPATH": str(evil)}
    entry = {"command": sys.executable, "args": ["-I", str(tmp_path / "server.py")], "env": variables}
    file = project / ".mcp.json"
    file.write_text(json.dumps({"mcpServers": {"env": entry}}))
    direct = tools_through(entry, project, UNSAID="u")
    assert (direct["TOKEN"], direct["UNSAID"], direct["PYTHONPATH"]) == ("t", "u", str(evil))
    assert main(["-q", "mcp", "wrap", ".mcp.json"]) == 0
    new = json.loads(file.read_text())["mcpServers"]["env"]
    mediated = tools_through(new, project, UNSAID="u", NUCLEUS_STATE=str(tmp_path / "state"))
    assert (mediated["TOKEN"], mediated["PYTHONPATH"]) == ("t", str(evil))
    assert (mediated["UNSAID"], mediated["NUCLEUS_SERVER_PYTHONPATH"]) == (None, None)
    assert not (tmp_path / "ran").exists()


def test_with_the_variable_left_to_the_mediator_its_loader_would_run_what_it_names(
    project: Path, tmp_path: Path
) -> None:
    """Switched off: the same name in the entry's own env runs code of the file's author before its first line."""
    evil = tmp_path / "evil"
    evil.mkdir()
    (evil / "sitecustomize.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'a').write('x')")
    subprocess.run(
        [*program().words, "mcp", "run", "--name=x", "--", "no-such-server"],
        env={"PATH": "/usr/bin:/bin", "PYTHONPATH": str(evil)},
        cwd=project,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        check=False,
    )
    assert (tmp_path / "ran").exists()


def test_an_entry_with_a_url_is_taken_by_the_mediators_parser(project: Path) -> None:
    """Nobody listens at the address: what is refused is the connection, not the words."""
    entry = {"type": "http", "url": "https://127.0.0.1:9/mcp", "headers": {"X-Key": "s3cret"}}
    (project / ".mcp.json").write_text(json.dumps({"mcpServers": {"web": entry}}))
    assert main(["-q", "mcp", "wrap", ".mcp.json"]) == 0
    new = json.loads((project / ".mcp.json").read_text())["mcpServers"]["web"]
    args = command_parser("mcp").parse_args(new["args"][1:])
    assert (args.url, args.header, args.name, args.words) == (entry["url"], ["X-Key"], "web", [])
    assert new["env"] == {"NUCLEUS_HEADER_X-Key": "s3cret"}


def test_a_state_directory_that_was_named_is_named_to_the_mediator_too(project: Path, tmp_path: Path) -> None:
    """Else approvals, pins and mappings would be looked for where nobody put them."""
    file, state = project / ".mcp.json", str(tmp_path / "elsewhere")
    old = file.read_bytes()
    assert main(["-q", "--state", state, "mcp", "wrap"]) == 0
    words = json.loads(file.read_text())["mcpServers"]["time"]["args"]
    assert f"--state={state}" in words
    assert command_parser("mcp").parse_args(words[words.index("mcp") + 1 :]).state == state
    new = file.read_bytes()
    assert main(["-q", "--state", state, "mcp", "wrap"]) == 0
    assert file.read_bytes() == new
    assert main(["-q", "mcp", "unwrap"]) == 0
    assert file.read_bytes() == old


def test_a_state_directory_that_the_repository_chose_does_not_count(
    project: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["-q", "--state", str(tmp_path / "theirs"), "mcp", "wrap"]) == 0
    assert main(["-q", "--state", str(tmp_path / "mine"), "mcp", "wrap"]) == 1
    assert f"it says --state={tmp_path / 'theirs'} to the mediator" in capsys.readouterr().err
