"""An agent in a sealed session: its tools work through the gate, and nothing else of it works."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.errors import CannotEnforce
from tests import world

pytestmark = pytest.mark.skipif(not sys.platform.startswith("linux"), reason="seals are a Linux thing")

OPENING = """
import asyncio, os, socket, subprocess, sys, threading
os.closerange(3, 1024)
from nucleus import PolicyDenied, Session, StateBlocked, aio, session
from nucleus.quarantine import choice
from nucleus.tools import fs, git
def refused(what):
    try:
        what()
    except (PermissionError, OSError) as error:
        return type(error).__name__
    return "done"
with Session(profile="safe_pr_fixer", state=sys.argv[1], seal=sys.argv[2] == "sealed") as s:
    pass
"""
ATTACKS = """
    print(s.level)
    print(refused(lambda: open("/etc/passwd").read()))
    print(refused(lambda: open("src/evil.py", "w").write("x")))
    print(refused(lambda: open(sys.argv[1] + "/forged", "w").write("x")))
    print(refused(lambda: os.kill(session.gate_pid(), 0)))
    print(refused(lambda: subprocess.run(["/bin/true"])))
    print(refused(lambda: socket.create_connection(("127.0.0.1", 9))))
"""
WORK = """
    print(s.trace.path)
    text = fs.read("README.md")
    fs.write("README.md", text + "more\\n")
    assert s.fs.read("README.md") == "# App\\nmore\\n"
    try:
        git.push("origin", "main")
        raise AssertionError("pushed")
    except PolicyDenied as error:
        print(error.code)
    box = []
    x = threading.Thread(target=s.bind(lambda: box.append(fs.read("src/app.py")))); x.start(); x.join()
    assert box == ["print('app')\\n"], box
    async def main():
        return await asyncio.gather(*[asyncio.to_thread(s.bind(fs.read), "README.md") for _ in range(5)])
    assert len(set(asyncio.run(main()))) == 1
    with s.delegate(levels={"write_files": "never"}) as child:
        try:
            child.fs.write("src/app.py", "x")
            raise AssertionError("written")
        except PolicyDenied:
            pass
    with s.quarantine(choice("bug", "feature")) as reader:
        reader.fs.read("README.md")
        print(reader.answer("bug").value)
    with Session(profile="read_only") as narrower:
        assert narrower.fs.read("README.md")
print("all of it works")
"""
DEAD = """
    print("gate", session.gate_pid(), flush=True)
    sys.stdin.readline()
    try:
        fs.read("README.md")
        print("read")
    except StateBlocked as error:
        print("blocked", error.code)
    print(refused(lambda: open("README.md").read()))
"""


def run(source: str, repo: world.Repository, state: Path, mode: str = "sealed") -> "subprocess.CompletedProcess[str]":
    """Run an agent in the clone, as a process of its own."""
    return subprocess.run(
        [sys.executable, "-c", source, str(state), mode],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        cwd=repo.clone,
        timeout=50,
        check=False,
    )


@pytest.fixture
def repo(tmp_path: Path) -> world.Repository:
    try:
        from nucleus.seal.seal import supported

        supported()
    except CannotEnforce as error:
        pytest.skip(error.diagnostics())
    return world.repository(tmp_path / "repo")


@pytest.mark.parametrize(
    ("mode", "answers"),
    [
        ("sealed", ["sealed", *["PermissionError"] * 6]),
        ("open", ["cooperative", "done", "done", "done", "done", "done", "ConnectionRefusedError"]),
    ],
)
def test_an_agent_goes_round_the_gate_only_without_the_seal(
    repo: world.Repository, tmp_path: Path, mode: str, answers: list[str]
) -> None:
    state = tmp_path / "state"
    done = run(OPENING + ATTACKS, repo, state, mode)
    assert done.stdout.splitlines() == answers, done.stderr
    assert (repo.clone / "src" / "evil.py").exists() is (mode == "open")
    assert (state / "forged").exists() is (mode == "open")
    assert done.returncode == 0, done.stderr
    assert "Traceback" not in done.stderr


def test_mediated_work_goes_on_in_a_sealed_session(repo: world.Repository, tmp_path: Path) -> None:
    """Tools, threads, asyncio, children, a quarantine and a second session; judged in the repository and the trace."""
    state = tmp_path / "state"
    done = run(OPENING + WORK, repo, state)
    assert done.stdout.splitlines()[-1:] == ["all of it works"], done.stderr
    assert done.returncode == 0
    assert "Traceback" not in done.stderr
    assert (repo.clone / "README.md").read_text() == "# App\nmore\n"
    trace = Path(done.stdout.splitlines()[0])
    assert trace.is_relative_to(state)
    header = json.loads(trace.read_text().splitlines()[0])
    assert header["level"] == "sealed"
    assert header["containment"]["seccomp"].startswith("allow-list")
    kinds = [json.loads(line)["type"] for line in trace.read_text().splitlines()]
    assert "declassify" in kinds
    assert "close" in kinds[-2:], "the gate had the time to write its end"


def test_when_the_gate_is_gone_a_sealed_agent_can_do_nothing_at_all(repo: world.Repository, tmp_path: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", OPENING + DEAD, str(tmp_path / "state"), "sealed"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=repo.clone,
    ) as agent:
        assert agent.stdout is not None
        word, number = agent.stdout.readline().split()
        assert word == "gate"
        os.kill(int(number), signal.SIGKILL)
        out, err = agent.communicate("go on\n", timeout=40)
    assert out.splitlines() == ["blocked gate", "PermissionError"], err
