"""Sessions of real clients with real servers, directly and through the mediator, with every line written down."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pytest

from nucleus.gate.hardening import clean_environment
from nucleus.mcp import launch
from nucleus.mcp.pins import digest_of
from tests.parts import install

TOLD_TO_SKIP: Final = os.environ.get("NUCLEUS_TEST_PARTS") == "skip"
HERE: Final = Path(__file__).resolve().parent
MESSAGES: Final = (
    *("completion:complete", "resources:read", "resources:subscribe", "resources:unsubscribe", "prompts:get"),
    *("answer:roots:list", "answer:elicitation:create", "answer:sampling:createMessage", "subscriptions:listen"),
)
POLICY: Final = 'version = 1\nprofile = "release"\n[allow]\nfetch = ["docs.example.org"]\n[mcp.t]\nallow = ["*"]\n'


def parts() -> Path:
    """Return the folder of the parts. Without them a test fails, and skips only where it was told to."""
    if install.installed():
        return install.folder()
    if TOLD_TO_SKIP:
        pytest.skip("NUCLEUS_TEST_PARTS=skip")
    pytest.fail("the MCP servers and clients are not installed; the fix: make parts", pytrace=False)


def module(*names: str) -> str:
    """Return a path in the npm side of the parts."""
    return str(parts().joinpath("js", "node_modules", *names))


def environment(home: Path) -> dict[str, str]:
    """Return what a client is started with."""
    return {
        "PATH": f"{install.node().parent}:{os.environ['PATH']}",
        "HOME": str(home),
        "MCP_INSPECTOR_SECRET_STORE": "memory",
    }


def server_environment() -> dict[str, str]:
    """Return what the mediator gives a server, so that one that is spoken to directly gets the same."""
    return launch.server_environment(clean_environment(), {}, [f"PATH={install.node().parent}:{os.environ['PATH']}"])


def identity(command: Sequence[str]) -> str:
    """Return what a server's mappings can be keyed by: its own command and no other."""
    return launch.identity(command, server_environment()["PATH"]).digest


def mappings(who: str, tools: Sequence[Mapping[str, Any]]) -> str:
    """Return mappings of an owner who trusts a server with everything."""
    rows = [(str(tool["name"]), digest_of(tool), *_reviewed(tool)) for tool in tools]
    rows += [(name, "", "read_files", "") for name in MESSAGES]
    return "".join(
        f"[[tool]]\nserver = {json.dumps(who)}\nname = {json.dumps(name)}\ndigest = {json.dumps(digest)}\n"
        f'op = "{op}"\narguments = ["*"]\ndestination = {json.dumps(destination)}\n'
        f"echoes = {json.dumps(not destination)}\n"
        f"{DESPITE if digest else ''}"
        for name, digest, op, destination in rows
    )


DESPITE: Final = 'despite = ["destructiveHint"]\n'


def _reviewed(tool: Mapping[str, Any]) -> tuple[str, str]:
    """Return the op and the destination with which no hint of the tool itself makes its calls a question."""
    hints = tool.get("annotations") or {}
    if hints.get("openWorldHint") is True:
        return "web_fetch", next(iter(tool["inputSchema"].get("properties", {})), "")
    return ("write_files" if hints.get("readOnlyHint") is False else "read_files"), ""


@dataclass(frozen=True, slots=True)
class Seen:
    """What went over a client's wire, and what the client itself said."""

    sent: list[dict[str, Any]]
    received: list[dict[str, Any]]
    said: str
    status: int
    errors: str

    def tools(self) -> list[dict[str, Any]]:
        """Return every definition that was listed."""
        pages = [one["result"]["tools"] for one in self.received if "tools" in one.get("result", {})]
        return [tool for page in pages for tool in page]

    def heard(self) -> dict[str, list[Any]]:
        """Return what the client got: each answer under what was asked, what came unasked by method, each in order."""
        asked = {json.dumps(one["id"]): one["method"] for one in self.sent if "method" in one and "id" in one}
        heard: dict[str, list[Any]] = {}
        for one in self.received:
            heard.setdefault(one.get("method") or asked[json.dumps(one["id"])], []).append(one)
        return heard


@dataclass
class Stage:
    """A place in which one server is met, directly and then through the mediator."""

    home: Path
    server: list[str]
    client: Callable[[list[str]], list[str]]
    """The command of a client that starts the server with the given words."""
    prepare: Callable[[Path], None] = lambda _work: None
    """Makes the workspace what it is before each session."""
    variables: Mapping[str, str] = field(default_factory=dict)
    """For the server."""
    policy: str = POLICY
    runs: int = 0

    @property
    def work(self) -> Path:
        """The workspace, in which everything is started."""
        return self.home / "work"

    def direct(self) -> Seen:
        """Let the client speak to the server itself."""
        clean = [f"{name}={value}" for name, value in {**server_environment(), **self.variables}.items()]
        return self._run(["env", "-i", *clean, *self.server])

    def mediated(self, tools: Sequence[Mapping[str, Any]]) -> Seen:
        """Let it speak to the server through the mediator, under a policy that allows everything."""
        state = self.home / "state"
        (state / "mcp").mkdir(mode=0o700, parents=True, exist_ok=True)
        state.chmod(0o700)
        (state / "mcp" / "mappings.toml").write_text(mappings(identity(self.server), tools))
        (self.home / "owner.toml").write_text(self.policy)
        words = [sys.executable, "-m", "nucleus", "--state", str(state), "mcp", "run", "--quiet", "--name", "t"]
        words += ["--policy", str(self.home / "owner.toml")]
        for name, value in {"PATH": server_environment()["PATH"], **self.variables}.items():
            words += ["--server-env", f"{name}={value}"]
        return self._run([*words, "--", *self.server])

    def _run(self, command: list[str]) -> Seen:
        self.runs += 1
        shutil.rmtree(self.work, ignore_errors=True)
        self.work.mkdir()
        self.prepare(self.work)
        log = self.home / f"wire-{self.runs}"
        tap = [sys.executable, "-I", "-S", str(HERE / "tap.py"), str(log)]
        done = subprocess.run(
            self.client([*tap, *command]),
            cwd=self.work,
            env=environment(self.home),
            capture_output=True,
            text=True,
            timeout=50,
            check=False,
        )
        lines = log.read_bytes().splitlines() if log.exists() else []
        return Seen(
            [json.loads(line[2:]) for line in lines if line[:1] == b">"],
            [json.loads(line[2:]) for line in lines if line[:1] == b"<"],
            done.stdout,
            done.returncode,
            done.stderr,
        )
