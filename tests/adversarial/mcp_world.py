"""A client that believes everything, for attacks on it and by it: directly, and through the mediator."""

import json
import os
import select
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from nucleus.mcp.pins import digest_of
from tests.adversarial.mcp_server import TOOL

CANARY: Final = "canary-7f3a"
SERVER: Final = Path(__file__).with_name("mcp_server.py")
POLICY: Final = """
version = 1
profile = "release"
[mcp.t]
allow = ["echo", "prompts:list", "prompts:get", "resources:list", "resources:read"]
"""
MAPPING: Final = f"""
[[tool]]
program = "mcp_server.py"
name = "echo"
digest = "{digest_of(TOOL)}"
op = "read_files"
arguments = ["text"]
"""
HELLO: Final[dict[str, Any]] = {
    "id": "hello",
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-11-25",
        "capabilities": {"sampling": {}, "elicitation": {}, "roots": {}},
        "clientInfo": {"name": "c", "version": "1"},
    },
}
MEETING: Final = (HELLO, {"method": "notifications/initialized"}, {"id": "list", "method": "tools/list"})
BARRIER: Final[dict[str, Any]] = {
    "id": "barrier",
    "method": "tools/call",
    "params": {"name": "echo", "arguments": {"text": "b"}},
}
"""Each side handles messages in order: when this is answered, everything before it has had its effect."""
PATIENCE: Final = 10.0


def call(id_: Any = "attack", **more: Any) -> dict[str, Any]:
    """Return a call of the one tool that is allowed."""
    return {"id": id_, "method": "tools/call", "params": {"name": "echo", "arguments": {"text": "x"}, **more}}


def line(**fields: Any) -> str:
    """Return a line of the server; ``$ID`` in it is the id of what it answers."""
    written = json.dumps({"jsonrpc": "2.0", **fields})
    for mark in ("$ID", "$TOKEN", "$GIVEN_UP"):
        written = written.replace(f'"{mark}"', mark)
    return written + "\n"


def text(words: str, **more: Any) -> str:
    """Return the answer of a tool."""
    return line(id="$ID", result={"content": [{"type": "text", "text": words}], **more})


@dataclass
class Got:
    """What came out at both sinks."""

    client: list[bytes]
    server: bytes
    errors: str = ""
    status: int = 0

    def messages(self) -> list[Any]:
        """Return the client's lines as a careless reader takes them: last key wins, NaN is a number."""
        read = []
        for one in self.client:
            try:
                read.append(json.loads(one.decode("utf-8", "replace")))
            except (ValueError, RecursionError):
                continue
        return read

    def answers(self, id_: Any = "attack") -> list[dict[str, Any]]:
        """Return all answers to one request."""
        return [
            one for one in self.messages() if isinstance(one, dict) and "method" not in one and one.get("id") == id_
        ]

    def methods(self) -> list[str]:
        """Return what the server asked and told."""
        return [one["method"] for one in self.messages() if isinstance(one, dict) and "method" in one]

    @property
    def said(self) -> str:
        """Every text that the client got, as it would show it."""
        return "\n".join(_texts(self.messages()))


def _texts(value: Any) -> list[str]:
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [found for pair in value.items() for item in pair for found in _texts(item)]
    return [found for item in value for found in _texts(item)] if isinstance(value, list) else []


def told(got: Got) -> bool:
    """Whether the canary reached the client."""
    return any(CANARY.encode() in one for one in got.client)


def leaked(got: Got) -> bool:
    """Whether the canary reached the server."""
    return CANARY.encode() in got.server


@dataclass(frozen=True)
class Case:
    """One attack: what the server says, what the client says, and how it is seen that it succeeded."""

    name: str
    harm: Callable[[Got], bool] = told
    server: dict[str, list[str]] = field(default_factory=dict)
    client: Sequence[dict[str, Any] | bytes] = ()
    meeting: Sequence[dict[str, Any]] = MEETING
    before: dict[str, list[str]] | None = None
    """What the server says in an earlier session."""
    follow: Callable[[dict[str, Any]], list[dict[str, Any]]] = lambda _message: []
    """What the client says to a message of the server."""
    barrier: dict[str, Any] = field(default_factory=lambda: BARRIER)
    alive: bool = True
    """Whether an honest call is allowed after all."""


class Stage:
    """Where one case is played."""

    def __init__(self, home: Path, case: Case) -> None:
        self.home, self.case = home, case
        self.script, self.work = home / "script.json", home / "work"
        self.work.mkdir()
        self.state = home / "state"
        (self.state / "mcp").mkdir(parents=True, mode=0o700)
        self.state.chmod(0o700)
        (self.state / "mcp" / "mappings.toml").write_text(MAPPING)
        (home / "owner.toml").write_text(POLICY)

    def play(self, *, mediated: bool) -> Got:
        """Play the case and return what came out."""
        kept = self.home / f"kept-{mediated}"
        command = [sys.executable, "-I", "-S", str(SERVER), str(self.script), str(kept)]
        if mediated:
            words = [
                sys.executable,
                "-m",
                "nucleus",
                "--state",
                str(self.state),
                "mcp",
                "run",
                "--quiet",
                "--name",
                "t",
            ]
            command = [*words, "--policy", str(self.home / "owner.toml"), "--", *command]
        if self.case.before is not None:
            self.script.write_text(json.dumps(self.case.before))
            self._session(command, MEETING)
        kept.write_bytes(b"")
        self.script.write_text(json.dumps(self.case.server))
        got = self._session(command, self.case.meeting, *self.case.client)
        got.server = kept.read_bytes()
        return got

    def _session(self, command: list[str], meeting: Sequence[dict[str, Any]], *more: dict[str, Any] | bytes) -> Got:
        environment = {"PATH": os.environ["PATH"]}
        with subprocess.Popen(
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            cwd=self.work,
            env=environment,
        ) as process:
            client = Believer(process, self.case.follow)
            try:
                for message in meeting:
                    client.send(message)
                    client.until(message.get("id"))
                for one in more:
                    client.send(one)
                    if isinstance(one, dict) and str(one.get("id")).startswith("awaited"):
                        client.until(one["id"])
                client.send(self.case.barrier)
                client.until(self.case.barrier["id"])
                return client.leave()
            finally:
                process.kill()


class Believer:
    """A client that takes whatever it gets."""

    def __init__(
        self, process: "subprocess.Popen[bytes]", follow: Callable[[dict[str, Any]], list[dict[str, Any]]]
    ) -> None:
        self.process, self.follow = process, follow
        self.lines: list[bytes] = []
        self.rest = bytearray()
        self.asked: list[Any] = []

    def send(self, message: dict[str, Any] | bytes) -> None:
        """Write one message."""
        assert self.process.stdin is not None
        if isinstance(message, dict) and "method" in message and "id" in message:
            self.asked.append(message["id"])
        data = message if isinstance(message, bytes) else json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n"
        try:
            self.process.stdin.write(data)
            self.process.stdin.flush()
        except BrokenPipeError:
            return

    def until(self, id_: Any) -> None:
        """Read until a request is answered, or nobody says anything any more."""
        assert self.process.stdout is not None
        out = self.process.stdout.fileno()
        while id_ is not None and not any(self._answers(one, id_) for one in self.lines):
            if not select.select([out], [], [], PATIENCE)[0]:
                return
            data = os.read(out, 1 << 20)
            if not data:
                return
            self.rest += data
            if b"\n" in data:
                *whole, rest = bytes(self.rest).split(b"\n")
                self.rest = bytearray(rest)
                for one in whole:
                    self._take(one)

    def _take(self, one: bytes) -> None:
        self.lines.append(one)
        try:
            message = json.loads(one)
        except (ValueError, RecursionError):
            return
        if isinstance(message, dict) and "method" in message:
            for said in self.follow(message):
                self.send(said)

    @staticmethod
    def _answers(one: bytes, id_: Any) -> bool:
        return len(one) < 1 << 20 and f'"{id_}"'.encode() in one and b'"method"' not in one

    def leave(self) -> Got:
        """End the session as clients do, and return everything that came."""
        asked = [one for one in self.asked if not any(self._answers(line, one) for line in self.lines)]
        if asked:
            # What is still owed will not come: whoever stands between is told to end as well.
            self.process.terminate()
        rest, errors = self.process.communicate(timeout=60)
        every = [*self.lines, *(bytes(self.rest) + rest).split(b"\n")]
        return Got([one for one in every if one], b"", errors.decode("utf-8", "replace"), self.process.returncode)
