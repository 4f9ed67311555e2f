"""A client that lives for one call, as the Inspector's command line does: an answer counts for its next process."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest

from nucleus.gate.approver import Gates
from tests.parts import install, world

COMMAND = [sys.executable, "-m", "nucleus", "--state"]


class OneShot:
    """The official Inspector, which starts the mediator and its server anew for each call."""

    def __init__(self, home: Path, *session: str) -> None:
        self.state, self.work = home / "state", home / "work"
        self.state.mkdir(mode=0o700)
        self.work.mkdir()
        self.environment = world.environment(home)
        (home / "owner.toml").write_text(world.POLICY)
        server = [str(install.node()), world.module("@modelcontextprotocol", "server-everything", "dist", "index.js")]
        words = [*COMMAND[1:], str(self.state), "mcp", "run", "--quiet", "--name", "t", *session]
        words += ["--policy", str(home / "owner.toml"), "--", *server, "stdio"]
        self.config = home / "servers.json"
        self.config.write_text(json.dumps({"mcpServers": {"t": {"command": COMMAND[0], "args": words}}}))

    def call(self, tool: str, *arguments: str) -> str:
        """Return what the client prints of one call."""
        program = world.module("@modelcontextprotocol", "inspector", "clients", "launcher", "build", "index.js")
        words = [str(install.node()), program, "--cli", "--config", str(self.config), "--server", "t"]
        words += ["--method", "tools/call", "--tool-name", tool]
        words += [word for argument in arguments for word in ("--tool-arg", argument)]
        done = subprocess.run(
            words, cwd=self.work, env=self.environment, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stdout + done.stderr

    def approve(self, said: str) -> int:
        """Answer the question that the client printed, as a person does in another terminal."""
        found = re.search(r"pending, id ([0-9a-f]+): approval required", said)
        assert found, said
        words = [*COMMAND, str(self.state), "approve", found[1]]
        return subprocess.run(words, capture_output=True, check=False).returncode

    def end(self) -> None:
        """End what waits for answers."""
        Gates(self.state).lockdown(retire=True)


@pytest.mark.timeout(150)
def test_the_inspector_uses_an_answer_in_its_next_process_where_the_session_has_a_name(tmp_path: Path) -> None:
    client = OneShot(tmp_path, "--session", "inspected")
    try:
        assert client.approve(client.call("echo", "message=hello")) == 0
        assert "pending, id" in client.call("echo", "message=something else")
        assert "Echo: hello" in client.call("echo", "message=hello")
        assert "pending, id" in client.call("echo", "message=hello"), "once"
    finally:
        client.end()


@pytest.mark.timeout(90)
def test_without_a_name_nobody_could_use_the_answer_and_approve_says_so(tmp_path: Path) -> None:
    """The defence switched off, or what keeps two clients apart: each process is a principal of its own."""
    client = OneShot(tmp_path)
    assert client.approve(client.call("echo", "message=hello")) == 1
