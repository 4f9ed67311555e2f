"""The approver's side, against real gates whose client is another process."""

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from nucleus.gate.approver import Gates
from tests import world

AGENT = """
import sys
from nucleus import ApprovalRequired, Session
from nucleus.tools import net
with Session(profile="safe_pr_fixer", workspace=sys.argv[1], state=sys.argv[2]) as s:
    for url in ("https://one.example/", "https://two.example/"):
        try:
            net.fetch(url)
        except ApprovalRequired as asked:
            print(asked.id, flush=True)
    sys.stdin.readline()
    try:
        net.fetch("https://one.example/")
    except Exception as error:
        print(type(error).__name__, error, flush=True)
    sys.stdin.readline()
"""


class Agent:
    """A process with a session and two open questions."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        workspace = world.repository(folder / "repo").clone
        self.process = subprocess.Popen(
            [sys.executable, "-c", AGENT, str(workspace), str(self.state)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ids = [self.line(), self.line()]

    def line(self) -> str:
        assert self.process.stdout is not None
        return self.process.stdout.readline().strip()

    def go_on(self) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write("\n")
        self.process.stdin.flush()


@pytest.fixture
def agent(tmp_path: Path) -> Iterator[Agent]:
    found = Agent(tmp_path)
    yield found
    with found.process:
        if found.process.poll() is None:
            found.go_on()
            found.go_on()


def test_questions_are_found_answered_and_gone(agent: Agent) -> None:
    gates = Gates(agent.state)
    assert [one["id"] for one in gates.questions()] == agent.ids
    assert gates.answer([agent.ids[0], "nope"], allow=False, bounds={}) == [agent.ids[0]]
    assert [one["id"] for one in gates.questions()] == [agent.ids[1]]
    agent.go_on()
    assert agent.line().startswith("PolicyDenied denied by the owner")


def test_status_and_lockdown_reach_every_gate(agent: Agent) -> None:
    gates = Gates(agent.state)
    (gate,) = gates.status()
    assert gate["level"] == "cooperative"
    assert gates.lockdown() == 1
    agent.go_on()
    assert agent.line().startswith("StateBlocked")


def test_a_watcher_sees_what_is_open_and_ends_with_the_last_gate(agent: Agent) -> None:
    seen: list[str] = []
    watcher = threading.Thread(target=lambda: [seen.append(one["id"]) for one in Gates(agent.state).watch()])
    watcher.start()
    deadline = time.monotonic() + 20
    while len(seen) < 2 and time.monotonic() < deadline:
        time.sleep(0.02)
    agent.go_on()
    agent.go_on()
    agent.process.wait(20)
    watcher.join(20)
    assert seen[:2] == agent.ids


def test_a_watcher_that_stays_sees_a_session_that_starts_later(tmp_path: Path) -> None:
    watching = Gates(tmp_path / "state").watch(stay=True)
    seen: list[str] = []
    watcher = threading.Thread(target=lambda: seen.extend(next(watching)["id"] for _ in range(2)))
    watcher.start()
    later = Agent(tmp_path)
    watcher.join(20)
    watching.close()
    assert seen == later.ids
    with later.process:
        later.go_on()
        later.go_on()


def test_approve_waits_where_somebody_watches_and_raises_at_once_where_nobody_does(tmp_path: Path) -> None:
    workspace = world.repository(tmp_path / "repo").clone
    state = tmp_path / "state"
    command = [sys.executable, "-c", WAITING_AGENT, str(workspace), str(state)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as agent:
        assert agent.stdout is not None
        assert agent.stdin is not None
        assert agent.stdout.readline() == b"ApprovalRequired\n"
        watching = Gates(state).watch()
        first = next(watching)
        agent.stdin.write(b"\n")
        agent.stdin.flush()
        second = next(watching)
        assert second["args"]["url"] == "https://two.example/"
        assert Gates(state).answer([first["id"], second["id"]], allow=False, bounds={}) == [first["id"], second["id"]]
        assert agent.stdout.readline() == b"PolicyDenied\n"
        watching.close()


WAITING_AGENT = """
import sys
from nucleus import Session, approve
from nucleus.errors import Refused
from nucleus.tools import net
with Session(profile="safe_pr_fixer", workspace=sys.argv[1], state=sys.argv[2]) as s:
    for url in ("https://one.example/", "https://two.example/"):
        try:
            approve("fetch", net.fetch, url)
        except Refused as refused:
            print(type(refused).__name__, flush=True)
        sys.stdin.readline()
"""


def test_no_gate_is_no_question(tmp_path: Path) -> None:
    gates = Gates(tmp_path)
    assert (gates.questions(), gates.status(), gates.lockdown()) == ([], [], 0)
