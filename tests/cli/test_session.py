"""``nucleus session`` where there is none, and what ``new`` says."""

import json
import subprocess
import sys
from pathlib import Path

from tests.gate.test_approver import Agent


def nucleus(state: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "nucleus", "--state", str(state), "session", *words]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def test_no_session_is_said_in_one_line(tmp_path: Path) -> None:
    assert nucleus(tmp_path).stdout == "no open session\n"
    assert nucleus(tmp_path, "--json").stdout == ""


def test_new_ends_what_is_open_and_says_how_a_fresh_one_comes_to_be(tmp_path: Path) -> None:
    agent = Agent(tmp_path)
    (row,) = [json.loads(line) for line in nucleus(agent.state, "--json").stdout.splitlines()]
    assert row["state"][1] == 0
    assert "1 stopped" in nucleus(agent.state, "new").stdout
    with agent.process:
        agent.go_on()
        assert agent.line().startswith("StateBlocked")
        agent.go_on()
