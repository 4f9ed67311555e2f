"""``nucleus run -- CMD``: a command in a box, its changes judged when it is over.

Standard output belongs to the command. What this program says goes to
standard error, one line each, and into the report.
"""

import argparse
import os
import socket
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from nucleus.cli import Usage
from nucleus.errors import CannotEnforce

if TYPE_CHECKING:
    from nucleus.gate.connection import Connection
    from nucleus.gate.spawn import Spawned
    from nucleus.local.live import Living, Wish
    from nucleus.local.run_folder import RunFolder
    from nucleus.local.streams import Streams
    from nucleus.local.supervise import End

HELD: Final = 75
"""Something is held or pending (EX_TEMPFAIL)."""
ENDED: Final = 77
"""The gate ended it (EX_NOPERM)."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
GRACE: Final = 10.0
"""Seconds that the gate gets to write its last record."""
BACKENDS: Final = ("ns",)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="in a box of this machine's kernel (the default)")
    where.add_argument("--vm", action="store_true", help="in a virtual machine")
    add("--profile", default="", metavar="P", help="a built-in profile: the ceiling of what the command may do")
    add("--policy", action="append", default=[], metavar="F", help="a policy file of yours; its grants count")
    add("--policy-rev", default="", metavar="REV", help="take the project's policy from this git revision")
    add("--workspace", default=".", metavar="DIR", help="what the command works on (a copy of it); default: here")
    add("--prompt-file", default="", metavar="F", help="your own words: whole words in it are trusted destinations")
    add("--allow-host", action="append", default=[], metavar="H", help="a host that may be reached")
    add("--allow-remote", action="append", default=[], metavar="R", help="a git remote that may be fetched from")
    add("--allow-env", action="append", default=[], metavar="N", help="a variable of yours that the command gets")
    add("--allow-read", action="append", default=[], metavar="P", help="a file or directory that it sees, read-only")
    add("--allow-write", action="append", default=[], metavar="G", help="paths that it may change, as a pattern")
    add("--allow-local-port", action="append", default=[], type=_port, metavar="N", help="a port of yours it reaches")
    add("--publish", action="append", default=[], type=_port, metavar="PORT", help="a port of its that you reach")
    add("--backend", default="ns", choices=BACKENDS, help="how the box is made")
    add("--non-interactive", action="store_true", help="ask nobody: what would be asked is denied, and stays pending")
    add("--dry-run", action="store_true", help="say what would be shown, hidden and allowed; run nothing")
    add("--trace", default="", metavar="F", help="write the run's trace there too, when it is over")
    add("--report", default="", metavar="F", help="write what happened there, as JSON")
    add("words", nargs=argparse.REMAINDER, metavar="CMD", help="the command and its arguments, after --")


def run(args: argparse.Namespace) -> int:
    """Run the command, and return its status or ours."""
    if args.words[:1] == ["--"]:
        del args.words[0]
    if not args.words or not args.words[0]:
        raise Usage("there is no command; nucleus run [options] -- CMD...")
    if args.vm:
        raise CannotEnforce(
            "virtual machines are not part of this version; nothing was run", fix="leave --vm out, for a local box"
        )
    if not sys.platform.startswith("linux"):
        raise CannotEnforce("boxes are a Linux thing; nothing was run", fix="run it in a Linux machine")
    done = _Run(args)
    try:
        return done.perform()
    finally:
        done.close()


def _port(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 65535:
        raise argparse.ArgumentTypeError("a port from 1 to 65535")
    return number


@final
@dataclass(slots=True)
class _Report:
    """What ``--report`` says."""

    spoke: str = "nucleus"
    """Who set the exit status: the command, or Nucleus."""
    why: str = ""
    fields: dict[str, Any] = field(default_factory=dict)


@final
class _Run:
    """One call of ``nucleus run``."""

    def __init__(self, args: argparse.Namespace) -> None:
        from nucleus.policy.place import prepare, state_directory

        self._args = args
        self._report = _Report()
        self._workspace = os.path.realpath(args.workspace)
        if not os.path.isdir(self._workspace):
            raise Usage(f"{args.workspace} is not a directory")
        self._state = str(prepare(state_directory(args.state or "", os.environ), Path(self._workspace)))
        self._gate: Spawned | None = None
        self._folder: RunFolder | None = None
        self._living: Living | None = None

    def perform(self) -> int:
        """Do everything, in order; whatever is missing ends it before the command begins."""
        from nucleus.gate.connection import Connection
        from nucleus.gate.spawn import outside, start

        outside(self._workspace)
        self._gate = start(["gate"])
        # What can be done without the gate is done while it starts.
        from nucleus.local.run_folder import RunFolder
        from nucleus.local.streams import Streams

        gate = Connection(self._gate.sock)
        asked = self._asked()
        folder = self._folder = RunFolder(self._state)
        planned = _spoken(gate, {"do": "plan", **asked}, "planned")
        for note in planned["notes"]:
            self._say(note)
        wish = self._wish(folder, planned)
        if self._args.dry_run:
            return self._dry(planned, wish)
        folder.begin(self._workspace, planned["profile"], wish.argv, wish.hidden)
        streams = Streams()
        with self._box(folder, wish, streams) as living:
            containment = {**living.report.layers, "backend": living.report.backend, "command": wish.argv[0]}
            opened = _spoken(
                gate,
                {"do": "open", **asked, "planned": planned["digest"], "containment": containment},
                "opened",
            )
            folder.note({"principal": opened["principal"], "trace": opened["trace"]})
            end = self._supervise(gate, living, streams, float(planned["seconds"]))
        return self._after(end, living.not_started, wish)

    def _asked(self) -> dict[str, Any]:
        """Return what the gate is told: the owner's choices, once and for all."""
        args = self._args
        allow = {"fetch": args.allow_host, "remotes": args.allow_remote, "write": args.allow_write}
        prompt = Path(args.prompt_file).read_text(encoding="utf-8") if args.prompt_file else ""
        revision: dict[str, Any] = {}
        if args.policy_rev:
            from nucleus.policy.layers import PROJECT_FILE
            from nucleus.tools.revision import read_revision

            found = read_revision(self._workspace, args.policy_rev, PROJECT_FILE)
            revision = {"revision": args.policy_rev, "revised": found.decode("utf-8", "surrogateescape")}
        return {
            "profile": args.profile,
            "policies": [os.path.abspath(file) for file in args.policy],
            "workspace": self._workspace,
            "prompt": prompt,
            "state": self._state,
            "allow": {key: values for key, values in allow.items() if values},
            "shown": {
                "read": [os.path.realpath(path) for path in args.allow_read],
                "env": args.allow_env,
                "ports": [str(port) for port in args.allow_local_port],
                "secrets": self._secrets(),
            },
            **revision,
        }

    def _secrets(self) -> bool:
        """Whether something that the owner lets in is taken for a secret."""
        from nucleus.local.environment import environment

        return bool(environment(os.environ, self._args.allow_env, "").secrets)

    def _wish(self, folder: "RunFolder", planned: Mapping[str, Any]) -> "Wish":
        """Hide what is to be hidden, and return what is to run."""
        from nucleus.local.live import Wish, hide, is_folder

        hidden = hide(self._workspace, folder.path, planned["hidden"])
        here = os.path.realpath(".")
        cwd = os.path.relpath(here, self._workspace)
        if cwd.startswith("..") or not is_folder(self._workspace, cwd, hidden):
            cwd = "."
        return Wish(self._workspace, tuple(self._args.words), cwd, tuple(hidden))

    def _box(self, folder: "RunFolder", wish: "Wish", streams: "Streams") -> "Living":
        """Make the box; return it when its self-test has passed and nothing of the command has run."""
        from nucleus.local import host
        from nucleus.local.environment import environment, search_path
        from nucleus.local.live import Living
        from nucleus.local.started import Live
        from nucleus.local.views import Views

        readable = [os.path.realpath(path) for path in self._args.allow_read]
        path = os.environ.get("PATH", "")
        system, _ = host.system()
        readable += host.tool_chain(wish.argv[0], system, (self._workspace, self._state), path)
        shown = (*system, *readable, self._workspace)
        found = environment(os.environ, self._args.allow_env, search_path(path, shown))
        views = Views(self._state, readable=readable, variables=found.variables)
        try:
            return Living(views, folder.path, wish, Live(streams.given(), streams.terminal))
        finally:
            streams.hand_over()

    def _supervise(self, gate: "Connection", living: "Living", streams: "Streams", seconds: float) -> "End":
        from nucleus.local.flows import Watch
        from nucleus.local.supervise import Supervisor

        owner, _ = gate.branch({"do": "watch"})
        watch = Watch()
        streams.connect(watch, living.terminal)
        try:
            with socket.socket(fileno=os.dup(owner.fileno())) as sock:
                return Supervisor(living, streams, watch, sock).run(self._question, seconds)
        finally:
            streams.restore()
            owner.close()

    def _question(self, question: Mapping[str, Any]) -> dict[str, Any] | None:
        """Say that something is asked; nobody answers here."""
        self._say(f"held for you [{question['id']}]: {question['kind']}; nucleus approve {question['id']}")
        return None

    def _after(self, end: "End", missing: int, wish: "Wish") -> int:
        """Judge what the command left, and return the status of it all."""
        folder = self._folder
        assert folder is not None  # noqa: S101  it was made before the box
        status = end.status
        if missing:
            status = NOT_FOUND if missing == 2 else NOT_EXECUTABLE
            self._say(f"{wish.argv[0]}: {os.strerror(missing)} (in the box)")
        folder.end(status)
        if end.by_gate:
            self._say(f"ended: {end.by_gate}")
        held = self._bring(folder)
        if end.by_gate:
            return ENDED
        return HELD if held and status == 0 else status

    def _bring(self, folder: "RunFolder") -> int:
        """Bring the changes home, as far as they may be; return how many are held."""
        from nucleus.local import layers

        listed, _ = layers.changes(self._workspace, os.path.join(folder.path, "upper"), 1000)
        if not listed:
            return 0
        self._say(f"{len(listed)} changes are held; nothing was applied. nucleus diff {folder.id}")
        return len(listed)

    def _dry(self, planned: Mapping[str, Any], wish: "Wish") -> int:
        print(f"profile {planned['profile']}, policy {planned['digest'][:12]}, {planned['seconds'] // 60} minutes")
        print(f"workspace {self._workspace}: a copy; {len(wish.hidden)} paths hidden")
        for path in wish.hidden:
            print(f"  hidden: {path!r}")
        return 0

    def _say(self, text: str) -> None:
        if not self._args.quiet:
            sys.stderr.write(f"nucleus: {text}\n")
            sys.stderr.flush()

    def close(self) -> None:
        """End the gate; take away a run that left nothing."""
        if self._gate is not None:
            self._gate.end(GRACE)
        if self._folder is not None:
            self._folder.release()


def _spoken(gate: "Connection", fields: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the gate's answer to one frame. Raises what it refuses with."""
    from nucleus.gate.connection import refusal

    reply, _ = gate.request(fields)
    if reply["what"] != what:
        raise refusal(reply)
    return reply
