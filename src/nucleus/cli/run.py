"""``nucleus run -- CMD``: a command in a box, its changes judged when it is over.

Standard output belongs to the command. What this program says goes to
standard error, a line each, and into the report.
"""

import argparse
import os
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

from nucleus.cli import Usage
from nucleus.cli.outcome import NAMED, Outcome, counted, fill_streams
from nucleus.cli.run_options import configure
from nucleus.cli.words import owner_words
from nucleus.errors import CannotEnforce, NucleusError

if TYPE_CHECKING:
    from nucleus.cli.run_box import RunBox
    from nucleus.gate.connection import Connection
    from nucleus.gate.spawn import Spawned
    from nucleus.local.agent import Agent
    from nucleus.local.live import Living, Wish
    from nucleus.local.run_folder import RunFolder
    from nucleus.local.streams import Streams
    from nucleus.local.supervise import End, Typed

    _Made = tuple[Wish, Streams, Living]

__all__ = ("configure", "run")

HELD: Final = 75
"""Something is held or pending (EX_TEMPFAIL)."""
ENDED: Final = 77
"""The gate ended it (EX_NOPERM)."""
NOT_FOUND, NOT_EXECUTABLE = 127, 126
GRACE: Final = 10.0
"""Seconds that the gate gets to write its last record."""
ANSWER_SECONDS: Final = 600
"""How long a request of the box waits for an answer, where somebody can answer."""


def run(args: argparse.Namespace, bootstrap: Path | None = None) -> int:
    """Run the command, and return its status or ours. ``bootstrap``: of a test that composes it (``spawn.start``)."""
    # INVARIANT: before anything is opened. Else a socket of ours would get the number of a stream that was closed.
    fill_streams()
    if args.words[:1] == ["--"]:
        del args.words[0]
    if not args.words or not args.words[0]:
        raise Usage("there is no command; nucleus run [options] -- CMD...")
    if not os.path.isdir(args.workspace):
        raise Usage(f"{args.workspace} is not a directory")
    for path in filter(None, (args.trace, args.report)):
        if not os.path.isdir(os.path.dirname(os.path.abspath(path))) or os.path.isdir(path):
            raise Usage(f"{path} can't be written: its directory is missing, or it is one")
    if args.backend == "ll":
        from nucleus.cli.run_ll import perform

        return perform(args)
    done = _Run(args, bootstrap=bootstrap)
    try:
        status = done.perform()
    except Usage:
        done.close()
        raise
    except BaseException as error:
        done.close()
        done.report |= {"spoke": "nucleus", "why": str(error)}
        done.write(78)
        raise
    done.close()
    done.write(status)
    return status


@final
class _Run:
    """One call of ``nucleus run``."""

    def __init__(self, args: argparse.Namespace, *, bootstrap: Path | None) -> None:
        self._args = args
        self._bootstrap = bootstrap
        self._workspace = os.path.realpath(args.workspace)
        self._state = ""
        self._gate: Spawned | None = None
        self._folder: RunFolder | None = None
        self._box: RunBox | None = None
        self._trace = ""
        self._interactive = False
        self._began = False
        self._has_state = False
        self._agent: Agent
        self._denied: list[str] = []
        self._outcome = Outcome(args, self._workspace)
        self.report = self._outcome.report

    def perform(self) -> int:
        """Do everything, in order; whatever is missing ends it before the command begins."""
        if self._args.vm:
            raise CannotEnforce(
                "virtual machines are not part of this version; nothing was run", fix="leave --vm out, for a local box"
            )
        if self._args.no_transaction:
            raise CannotEnforce(
                "the box ns has no form without a transaction; nothing was run",
                why="what a writable workspace would have to protect in it can be moved aside or made anew",
                fix="leave it out, and name what may come home by itself: --allow-write PATTERN; or --backend ll, "
                "which writes at once and holds less",
            )
        if not sys.platform.startswith("linux"):
            raise CannotEnforce("boxes are a Linux thing; nothing was run", fix="run it in a Linux machine")
        from nucleus.gate.hardening import home_of
        from nucleus.gate.spawn import outside, start
        from nucleus.local.ground import refuse_broad

        home = os.path.realpath(home_of(os.getuid()))
        refuse_broad(self._workspace, home)
        outside(self._workspace)
        self._gate = start(["gate"], self._bootstrap)
        # It needs longer to start than all else: what can be done without it is done, and imported, meanwhile.
        from nucleus.gate.connection import Connection
        from nucleus.local.run_folder import Hint
        from nucleus.policy.place import prepare, state_directory

        gate = Connection(self._gate.sock)
        state = state_directory(self._args.state or "", os.environ)
        self._state = str(prepare(state, Path(self._workspace)))
        self._recover()
        self._agent = self._known()
        self._has_state = self._agent.show_state(self._state, home)
        asked, hint = self._asked(), Hint(self._state, self._workspace)
        guess = None if self._args.dry_run else hint.read()
        answer = gate.ahead({"do": "plan", **asked})
        made = None if guess is None else self._make(guess)
        planned = _proper(answer(), "planned")
        for note in planned["notes"]:
            self._outcome.say(note)
        if self._args.dry_run:
            return self._dry(planned)
        # INVARIANT: a box that was made early is used only if it hides exactly what the policy says (test_run.py).
        if made is not None and guess != planned["veil"]:
            self._unmake(made)
            made = None
        made = made or self._make(planned["veil"])
        hint.write(planned["veil"])
        wish, streams, living = made
        asked["shown"]["secrets"] |= self._history(wish)
        self.report |= {"profile": planned["profile"], "policy": planned["digest"], "hidden": list(wish.hidden)}
        self._interactive = streams.interactive and not self._args.non_interactive
        streams.nobody = not self._interactive
        with living:
            opened = self._open(gate, asked, planned, living)
            self._begun(wish, planned, opened)
            end = self._supervise(gate, living, streams, opened, float(planned["seconds"]))
            for line in self._agent.collect(living.left):
                self._outcome.say(line)
        return self._after(gate, end, living.not_started)

    def _known(self) -> "Agent":
        """Return what is known of the command. Raises Usage."""
        from nucleus.cli.run_servers import ROUTES, names
        from nucleus.local.agent import agent

        servers = names(self._args.mcp_config)
        self.report |= {"mcp": {name: f"{ROUTES}/{name}" for name in servers}} if servers else {}
        try:
            return agent(self._args.words, os.environ, login=self._args.allow_login, servers=servers)
        except ValueError as error:
            raise Usage(str(error)) from error

    def _recover(self) -> None:
        """Undo or end an apply that was killed in this workspace: the command sees it entirely old or entirely new."""
        from glob import escape, iglob

        if any(iglob(os.path.join(escape(self._state), "runs", "*", "journal", "begun"))):
            from nucleus.apply import recover_all

            for id_ in recover_all(self._state, self._workspace):
                self._outcome.say(f"an apply of the run {id_} was interrupted; it was put right")

    def _make(self, veil: list[list[str]]) -> "_Made":
        """Make the run's place and its box, which hides what ``veil`` says. Nothing of the command has run."""
        from nucleus.cli.run_box import RunBox
        from nucleus.local.run_folder import RunFolder
        from nucleus.local.streams import Streams

        folder = self._folder = RunFolder(self._state)
        box = self._box = RunBox(self._args, self._workspace, self._state, self._agent, self._outcome.say)
        wish, streams = box.wish(folder.path, veil), Streams()
        return wish, streams, box.make(folder, wish, streams)

    def _unmake(self, made: "_Made") -> None:
        """End a box in which nothing has run, and take its place away."""
        _, streams, living = made
        living.end()
        streams.close()
        if self._box is not None:
            self._box.close()
        if self._folder is not None:
            self._folder.release()

    def _begun(self, wish: "Wish", planned: Mapping[str, Any], opened: Mapping[str, Any]) -> None:
        """Write down what runs, durably, before it does."""
        box = self._box
        assert self._folder is not None and box is not None  # noqa: S101, PT018  made together
        self._folder.begin(self._workspace, planned["profile"], wish.argv, wish.hidden)
        named = {"principal": opened["principal"], "trace": opened["trace"]}
        self._folder.note(named | ({"linked": box.linked} if box.linked else {}))
        self._agent.begin({**named, "profile": planned["profile"]})
        box.tell_others()

    def _asked(self) -> dict[str, Any]:
        """Return what the gate is told: the owner's choices, once and for all."""
        args = self._args
        read = [os.path.realpath(path) for path in args.allow_read]
        ports = [str(port) for port in args.allow_local_port]
        agent = self._agent
        allow = {
            "fetch": [*args.allow_host, *agent.allows["fetch"]],
            "model": agent.allows["model"],
            "remotes": args.allow_remote,
            "write": args.allow_write,
            "env": args.allow_env,
            "ports": ports,
            "read": [pattern for path in read for pattern in (path, f"{path}/**")],
        }
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
            "prompt": owner_words(args.prompt_file),
            "state": self._state,
            "allow": {key: values for key, values in allow.items() if values},
            "shown": {
                "read": read,
                "env": args.allow_env,
                "ports": ports,
                "state": self._has_state,
                "secrets": self._secrets(),
            },
            **revision,
        }

    def _secrets(self) -> bool:
        """Whether a variable that the owner lets in is taken for a secret, or what an agent keeps may hold one."""
        from nucleus.local.environment import environment

        found = environment(os.environ, self._args.allow_env, "").secrets
        return self._args.allow_login or self._has_state or bool(found)

    def _history(self, wish: "Wish") -> bool:
        """Say which hidden files are in git's history all the same; return whether some are, or may be."""
        from nucleus.local.tracked import kept_in_history

        kept = kept_in_history(self._workspace, wish.hidden)
        if kept is None:
            self._outcome.say("git's index can't be read: its history is taken to hold what is hidden")
        elif kept:
            shown = ", ".join(repr(path) for path in kept[:NAMED])
            self._outcome.say(f"hidden, and yet in git's history, which the command can read: {shown}")
        self.report["kept_in_history"] = kept
        return kept is None or bool(kept)

    def _open(
        self, gate: "Connection", asked: Mapping[str, Any], planned: Mapping[str, Any], living: "Living"
    ) -> dict[str, Any]:
        """Open the box's principal, now that the box vouches for itself."""
        args = self._args
        named = {
            "allow-env": args.allow_env,
            "allow-read": args.allow_read,
            "allow-local-port": args.allow_local_port,
            "publish": args.publish,
            "allow-host": args.allow_host,
            "allow-remote": args.allow_remote,
            "allow-write": args.allow_write,
        }
        weakened = [f"--{name} {value}" for name, values in named.items() for value in values]
        weakened += ["--allow-login"] if args.allow_login else []
        for line in (*self._agent.described, *(f"allowed by you: {one}" for one in weakened)):
            self._outcome.say(line)
        containment = {**living.report.layers, "backend": living.report.backend, "allowed": weakened}
        if self._box is not None and self._box.group is not None:
            containment["memory"] = f"at most {self._box.limits.memory >> 20} MiB in all, by a control group"
        request = {"do": "open", **asked, "planned": planned["digest"], "containment": containment}
        opened = _proper(gate.request(request)[0], "opened")
        self._trace = opened["trace"]
        known = {"principal": opened["principal"], "trace": opened["trace"], "level": opened["level"]}
        self.report |= {**known, "containment": containment}
        return opened

    def _supervise(
        self, gate: "Connection", living: "Living", streams: "Streams", opened: Mapping[str, Any], seconds: float
    ) -> "End":
        from nucleus.local.flows import Watch
        from nucleus.local.network import Network
        from nucleus.local.quotas import Disk, default_limits
        from nucleus.local.supervise import Supervisor, owner_socket

        watch = Watch()
        models = self._agent.models(os.environ)
        settings: dict[str, Any] = {"wait": ANSWER_SECONDS if self._interactive else 0, "models": models}
        with ExitStack() as held:
            if self._args.mcp_config:
                from nucleus.cli.run_servers import Servers

                servers = Servers(self._args.mcp_config, gate, self.report, living.view, self._outcome.say)
                held.callback(servers.close)
                settings["mcp"] = servers.places
            owner = held.enter_context(owner_socket(gate))
            network = Network(living.first, watch, gate, settings, self._outcome.say, self._bootstrap)
            held.callback(lambda: self.report.update(egress=network.used()))
            held.callback(network.close)
            network.open_door(living.door, opened)
            network.let_in(self._args.allow_local_port)
            network.publish(self._args.publish)
            if streams.terminal:
                held.callback(self._outcome.resume)
                self._outcome.hold()
            held.callback(streams.restore)
            streams.connect(watch, living.terminal, living.leader)
            self._began = True
            disk = Disk(living.layers, default_limits())
            return Supervisor(living, streams, watch, owner, disk).run(self._question, seconds)

    def _question(self, question: Mapping[str, Any], typed: "Typed") -> bool | None:
        """Ask the person at the terminal; where there is none, say that it is denied and stays pending."""
        from nucleus.cli.approvals import describe
        from nucleus.trace.export import escaped

        id_ = question["id"]
        if not self._interactive:
            self._denied.append(id_)
            where = f" -> {question['destination']}" if question["destination"] else ""
            self._outcome.say(f"denied, since nobody is asked here [{id_}]: {escaped(question['kind'] + where)}")
            return None
        sys.stderr.write(f"{describe(dict(question), whole=True)}\n\ntype allow or deny, or press enter to leave it: ")
        sys.stderr.flush()
        word = typed()
        return {"allow": True, "deny": False}.get(word)

    def _after(self, gate: "Connection", end: "End", missing: int) -> int:
        """Judge what the command left, and return the status of it all."""
        folder = self._folder
        assert folder is not None  # noqa: S101  it was made before the box
        status = end.status
        if missing:
            status = NOT_FOUND if missing == 2 else NOT_EXECUTABLE
            self._outcome.say(f"{self._args.words[0]}: {os.strerror(missing)} (in the box)")
        held = self._bring(folder, gate, status) or bool(self._denied)
        spoke, why, exit_ = "command", "", status
        if end.by_gate:
            spoke, why, exit_ = "nucleus", end.by_gate, ENDED
            self._outcome.say(f"ended: {end.by_gate}")
        elif held and status == 0:
            spoke, why, exit_ = "nucleus", "something is held or pending", HELD
        self.report |= {"spoke": spoke, "why": why, "command_status": status, "denied": self._denied}
        return exit_

    def _bring(self, folder: "RunFolder", gate: "Connection", status: int) -> bool:
        """Bring home what the gate allows; return whether something stays held."""
        from nucleus.local.supervise import seen

        exposure = seen(gate)
        folder.note({"exposure": exposure})
        folder.end(status)
        folder.release()
        for id_, place, count in self._agent.end(exposure, status):
            self._outcome.say(f"{place}: {counted(count)} of its own state to look at: nucleus diff {id_}")
        if folder.untouched:
            return self._nothing(folder)
        from nucleus.cli.hands import hands_of
        from nucleus.local.homecoming import bring

        try:
            found = bring(folder.path, gate, hands_of(os.environ))
        except (NucleusError, OSError) as error:
            self._outcome.say(f"nothing was applied: {error}")
            self._outcome.say(f"the changes are held: nucleus diff {folder.id}")
            self.report["changes"] = {"applied": [], "held": None, "why": str(error)}
            return True
        self._outcome.tell(folder.id, found)
        if found.complete:
            folder.discard()
        return not found.complete

    def _nothing(self, folder: "RunFolder") -> bool:
        """End a run that changed nothing: there is nothing to judge, and nothing of the machinery for it is needed."""
        self.report |= {"run": folder.id, "changes": {"applied": [], "held": [], "conflicts": []}}
        folder.discard()
        return False

    def _dry(self, planned: Mapping[str, Any]) -> int:
        from nucleus.cli.run_box import RunBox
        from nucleus.local.run_folder import RunFolder

        self._folder = RunFolder(self._state)
        box = RunBox(self._args, self._workspace, self._state, self._agent, self._outcome.say)
        wish = box.wish(self._folder.path, planned["veil"])
        self.report |= {"profile": planned["profile"], "policy": planned["digest"], "hidden": list(wish.hidden)}
        print(f"profile {planned['profile']}, policy {planned['digest'][:12]}, {planned['seconds'] // 60} minutes")
        print(f"workspace {self._workspace}: a copy; {len(wish.hidden)} paths hidden")
        for text in (*self._agent.described, *(f"  hidden: {path!r}" for path in wish.hidden)):
            print(text)
        self.report |= {"spoke": "nucleus", "why": "dry run; nothing was run"}
        return 0

    def write(self, status: int) -> None:
        """Write the trace and the report where the owner named places for them. The gate has ended."""
        self._outcome.write(status, self._trace)

    def close(self) -> None:
        """End the gate; let go of the run's place, and take it away if the command never began."""
        if self._gate is not None:
            self._gate.end(GRACE)
        if self._box is not None:
            self._box.close()
        if self._folder is not None:
            self._folder.release(began=self._began)
        if known := getattr(self, "_agent", None):
            known.release(began=self._began)


def _proper(reply: dict[str, Any], what: str) -> dict[str, Any]:
    """Return what the gate said. Raises what it refuses with."""
    from nucleus.gate.connection import refusal

    if reply["what"] != what:
        raise refusal(reply)
    return reply
