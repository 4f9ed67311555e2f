"""Hooks of a client, from real processes: what they ask is a call of the client's session."""

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from nucleus.errors import CannotEnforce
from nucleus.gate.approver import Gates
from nucleus.gate.desk import gates
from nucleus.gate.peers import process_of
from nucleus.gate.spawn import BOOTSTRAP
from nucleus.mcp.hookhost import ensure, socket_of

SCRIPT = f"""
import importlib.util, sys

spec = importlib.util.spec_from_file_location("privileged", {str(BOOTSTRAP)!r})
privileged = importlib.util.module_from_spec(spec)
spec.loader.exec_module(privileged)
privileged.complete_path({str(BOOTSTRAP)!r})

from nucleus.mcp.hookhost import serve
from nucleus.policy.call import TOOL, Call

def tool(op, destination=""):
    return Call(TOOL, {{"op": op, "destination": destination, "name": op, "arguments": []}})

def translate(client, event):
    match event.get("tool_name"):
        case "Read":
            return (tool("read_files"),)
        case "Post":
            return (tool("read_files"), tool("create_pr", "chat.example"))
        case "Odd":
            raise RuntimeError("x")
        case None:
            return ()
    raise ValueError("nobody knows this tool")

sys.exit(serve(int(sys.argv[-1]), translate))
"""


@pytest.fixture
def place(tmp_path: Path) -> Iterator[tuple[Path, Path]]:
    """Return the state directory, and the socket of this process's hooks."""
    (tmp_path / "work").mkdir()
    state = tmp_path / "state"
    state.mkdir(mode=0o700)
    script = tmp_path / "host.py"
    script.write_text(SCRIPT)
    fields = {"state": str(state), "workspace": str(tmp_path / "work"), "profile": "release", "policies": []}
    # The client of a hook is whatever started this process, unless this process is its own.
    code = (
        "import json, sys; from pathlib import Path; from nucleus.mcp.hookhost import ensure\n"
        f"print(ensure(json.loads({json.dumps(fields)!r}), bootstrap=Path({str(script)!r})))"
    )
    for _ in range(2):
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
    path = Path(done.stdout.strip())
    assert path == socket_of(state, process_of(os.getpid()))
    yield state, path
    for entry, _ in gates(state):
        os.kill(entry["gate"][0], signal.SIGTERM)


def asked(path: Path, *lines: bytes, end: bool = False) -> list[bytes]:
    with socket.socket(socket.AF_UNIX) as sock, sock.makefile("rb") as answers:
        sock.settimeout(60)
        sock.connect(str(path))
        for line in lines:
            sock.sendall(line)
        if end:
            sock.shutdown(socket.SHUT_WR)
            return answers.readlines()
        return [answers.readline() for _ in lines]


def event(name: str | None) -> bytes:
    fields: dict[str, Any] = {"client": "test", "event": {} if name is None else {"tool_name": name}}
    return json.dumps(fields).encode() + b"\n"


def test_an_event_is_calls_of_the_session_all_of_which_must_be_allowed(place: tuple[Path, Path]) -> None:
    state, path = place
    assert path.stat().st_mode & 0o077 == 0
    read, nothing, post, odd, unknown = (
        json.loads(line)
        for line in asked(path, event("Read"), event(None), event("Post"), event("Odd"), event("Other"))
    )
    assert read == nothing == {"status": 0}
    assert (post["status"], post["code"]) == (2, "approval_required")
    assert "RuntimeError" in odd["say"]
    assert "nobody knows this tool" in unknown["say"]
    [status] = [json.loads(line) for line in _sessions(state)]
    assert (status["level"], status["state"][1] & 1) == ("mediated", 1)


def _sessions(state: Path) -> list[str]:
    words = [sys.executable, "-m", "nucleus", "--state", str(state), "session", "--json"]
    # This process is the client, so it is no approver: an orphan asks.
    script = f"({' '.join(words)} > {state}/listed; mv {state}/listed {state}/done) & "
    subprocess.run(["sh", "-c", script], check=True)
    while not (state / "done").exists():
        os.sched_yield()
    return (state / "done").read_text().splitlines()


def test_the_form_for_a_shell_is_answered_with_a_digit(place: tuple[Path, Path]) -> None:
    _, path = place
    assert asked(path, b'test\n{"tool_name":\n"Read"}', end=True) == [b"0\n"]
    assert asked(path, b'test\n{"tool_name": "Post"}', end=True)[0].startswith(b"2 pending, id ")
    assert asked(path, b"nonsense", end=True)[0].startswith(b"2 ")
    assert asked(path, b'{"client": "test"', end=True)[0].startswith(b"2 ")


def test_somebody_who_does_not_descend_from_the_client_is_not_heard(place: tuple[Path, Path]) -> None:
    state, path = place
    code = (
        "import socket; s = socket.socket(socket.AF_UNIX); s.settimeout(60)\n"
        f"s.connect({str(path)!r})\ntry:\n    s.sendall({event('Read')!r}); answer = s.recv(100)\n"
        "except OSError:\n    answer = b''\n"
        f"open({str(state / 'heard')!r}, 'wb').write(answer + b'.')"
    )
    (state / "stranger.py").write_text(code)
    subprocess.run(["sh", "-c", f"sleep 0.2 && {sys.executable} {state}/stranger.py & "], check=True)
    while not (state / "heard").exists() or not (state / "heard").read_bytes():
        os.sched_yield()
    assert (state / "heard").read_bytes() == b"."


def test_a_gate_that_is_gone_lets_nothing_through_and_takes_the_socket_along(place: tuple[Path, Path]) -> None:
    state, path = place
    [(entry, _)] = gates(state)
    os.kill(entry["gate"][0], signal.SIGKILL)
    while path.exists():
        os.sched_yield()
    with pytest.raises(OSError, match=r"."):
        asked(path, event("Read"))


def test_a_locked_session_lets_nothing_through(place: tuple[Path, Path]) -> None:
    state, path = place
    with pytest.raises(CannotEnforce):
        Gates(state).lockdown()  # not by the client itself
    assert json.loads(asked(path, event("Read"))[0]) == {"status": 0}


def test_a_host_that_can_not_start_says_why(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "s").mkdir(mode=0o700)
    (tmp_path / "host.py").write_text(SCRIPT)
    fields = {"state": str(tmp_path / "s"), "workspace": str(tmp_path / "work"), "profile": "no_such", "policies": []}
    with pytest.raises(CannotEnforce, match="nobody to ask: unknown profile 'no_such'") as caught:
        ensure(fields, bootstrap=tmp_path / "host.py")
    assert caught.value.fix.startswith("one of: ")
    assert "\n" not in str(caught.value)
