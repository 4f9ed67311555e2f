"""Whole runs of ``nucleus run`` on loopback: the resolver and the CA of gate and egress process are the test's own.

The program is what it is: its parser, its composition root, a real box. The one thing that differs is the
bootstrap that privileged processes start by, which ``nucleus.cli.run.run`` takes as an argument.
"""

import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nucleus.gate.spawn import BOOTSTRAP
from tests import world
from tests.local.box import private
from tests.parts import install
from tests.tools.conftest import Authority

PRIVILEGED = """
import importlib.util, json, sys

spec = importlib.util.spec_from_file_location("privileged", {bootstrap!r})
privileged = importlib.util.module_from_spec(spec)
spec.loader.exec_module(privileged)
NETWORK = json.loads({network!r})
privileged.complete_path({bootstrap!r})
if sys.argv[1] == "egress":
    sys.exit(privileged.egress(int(sys.argv[-1]), NETWORK))
if sys.argv[1] != "gate":
    sys.exit(privileged.main(sys.argv[1:]))

from nucleus.gate.board import Settings
from nucleus.gate.hardening import LATE, freeze_imports, not_dumpable
from nucleus.gate.server import serve

not_dumpable()
freeze_imports([*LATE, *privileged.LAZY])
sys.exit(serve(int(sys.argv[-1]), Settings(network=NETWORK)))
"""
PROMPT = b"to leave it: "
COMPOSED = """
import argparse, sys
from pathlib import Path

sys.path.insert(0, {source!r})
from nucleus.cli import command_parser, run
from nucleus.errors import NucleusError

state, bootstrap, *words = sys.argv[1:]
args = command_parser("run").parse_args(words, argparse.Namespace(state=state, quiet=False, verbose=False))
try:
    sys.exit(run.run(args, Path(bootstrap)))
except NucleusError as error:
    sys.exit(error.diagnostics())
"""


@dataclass
class Ran:
    """One run as a whole."""

    status: int
    out: str
    err: str
    records: list[dict[str, Any]]

    def decisions(self, *kinds: str) -> list[tuple[str, str]]:
        """Return destination and verdict of each decision of these kinds."""
        found = [one for one in self.records if one["type"] == "decision" and one["kind"] in kinds]
        return [(one["destination"], one["verdict"]) for one in found]


@dataclass
class Owner:
    """A person with a workspace, a state directory, and tools on the search path."""

    root: Path
    authority: Authority = field(default_factory=Authority)
    addresses: dict[str, list[Any]] = field(default_factory=dict)
    """``host:port`` -> [address, port]: all that the gate and the egress process can resolve."""

    def __post_init__(self) -> None:
        self.workspace, self.state = self.root / "project", private(self.root / "state")
        self.tools, self.home = self.root / "tools" / "bin", self.root / "home"
        for folder in (self.workspace, self.tools, self.home):
            folder.mkdir(parents=True, exist_ok=True)
        self.ca = self.root / "ca.pem"
        self.ca.write_bytes(self.authority.pem)
        self.path = f"{self.tools}:{os.environ['PATH']}"

    def with_npm(self) -> "Owner":
        """Put an npm on the search path, as installations of node do it."""
        node = install.node()
        (self.tools / "npm").symlink_to(node.parents[1] / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
        self.path = f"{self.tools}:{node.parent}:{os.environ['PATH']}"
        return self

    def with_repository(self, url: str) -> Path:
        """Make the workspace a clone of a new remote, which the owner knows as ``url``; return the bare remote."""
        self.workspace.rmdir()
        made = world.repository(self.root / "made")
        made.clone.rename(self.workspace)
        world.git(self.workspace, "remote", "set-url", "origin", url)
        world.git(made.bare, "config", "http.receivepack", "true")
        return made.bare

    def credential(self, destination: str, token: str) -> None:
        """Let the gate have a credential."""
        file = self.state / "credentials.toml"
        file.write_text(f'[[credential]]\ndestination = "{destination}"\ntoken = "{token}"\n')
        file.chmod(0o600)

    def run(
        self,
        policy: str,
        *words: str,
        options: Sequence[str] = (),
        answer: str = "",
        environment: Mapping[str, str] | None = None,
    ) -> Ran:
        """Run a command in a box. ``policy`` is the owner's; ``answer`` is what a person at a terminal types."""
        (self.root / "owner.toml").write_text("version = 1\n" + policy)
        (self.root / "composed.py").write_text(COMPOSED.format(source=str(BOOTSTRAP.parents[1])))
        script, trace = self.root / "privileged.py", self.root / "trace.jsonl"
        network = {"addresses": self.addresses, "authority": self.authority.pem.decode()}
        script.write_text(PRIVILEGED.format(bootstrap=str(BOOTSTRAP), network=json.dumps(network)))
        start = [sys.executable, str(self.root / "composed.py"), str(self.state), str(script), "--trace", str(trace)]
        start += ["--policy", str(self.root / "owner.toml"), *options]
        if answer:
            done = self._at_a_terminal(answer, *start, "--", *words)
        else:
            done = self.bare(*start, "--non-interactive", "--", *words, environment=environment)
        lines = trace.read_text().splitlines() if trace.exists() else []
        return Ran(done.returncode, done.stdout, done.stderr, [json.loads(line) for line in lines])

    def _at_a_terminal(self, answer: str, *words: str) -> "subprocess.CompletedProcess[str]":
        """Run a command at a terminal, and type ``answer`` to each question. What it says is all one output."""
        person, program = pty.openpty()
        environment = {"PATH": self.path, "HOME": str(self.home), "TERM": "dumb"}
        streams: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), program)
        streams |= {"cwd": self.workspace, "env": environment, "start_new_session": True}
        said, answered = b"", 0
        with subprocess.Popen(words, **streams) as process:
            os.close(program)
            with suppress(OSError):  # how a terminal says that nobody is at its other end any more
                while select.select([person], [], [], 60)[0]:
                    said += os.read(person, 65536)
                    if said.count(PROMPT) > answered:
                        answered += 1
                        os.write(person, answer.encode() + b"\n")
                process.kill()
        os.close(person)
        return subprocess.CompletedProcess(words, process.returncode, said.decode(errors="replace"), "")

    def bare(self, *words: str, environment: Mapping[str, str] | None = None) -> "subprocess.CompletedProcess[str]":
        """Run a command as it is, with nothing around it."""
        known = {"PATH": self.path, "HOME": str(self.home), **(environment or {})}
        return subprocess.run(
            words,
            cwd=self.workspace,
            env=known,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
            timeout=100,
        )
