"""``nucleus run --backend ll``: a command under Landlock and a filter, where no namespaces are to be had.

Asked for by name only. What it does not give is said before anything begins,
and stands in the trace's header. It has no network at all, so the options that
let some in are refused; it has no terminal of its own, so none is handed in.
"""

import argparse
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from nucleus.cli import Usage
from nucleus.cli.outcome import Outcome
from nucleus.cli.words import owner_words
from nucleus.errors import CannotEnforce

ENDED: Final = 77
GRACE: Final = 10.0
NOT_FOUND, NOT_EXECUTABLE = 127, 126
_WITHOUT: Final = ("allow_host", "allow_remote", "allow_local_port", "publish", "allow_login", "dry_run", "vm")
"""Options of a run that have no meaning here."""


def perform(args: argparse.Namespace) -> int:
    """Run the command, and return its status or ours. Raises CannotEnforce, Usage; then nothing was run."""
    for name in _WITHOUT:
        if getattr(args, name, None):
            raise Usage(
                f"--{name.replace('_', '-')} has no meaning with --backend ll: there is no network, and no copy"
            )
    if any(os.isatty(number) for number in range(3)):
        raise CannotEnforce(
            "the backend ll has no terminal of its own, and yours is not handed in",
            why="what runs there could write what your terminal obeys",
            fix="use pipes: nucleus run --backend ll -- CMD </dev/null 2>&1 | cat",
        )
    from nucleus.gate.hardening import home_of
    from nucleus.gate.spawn import outside, start
    from nucleus.local.ground import refuse_broad
    from nucleus.policy.place import prepare, state_directory

    workspace = os.path.realpath(args.workspace)
    refuse_broad(workspace, os.path.realpath(home_of(os.getuid())))
    state = str(prepare(state_directory(args.state or "", os.environ), Path(workspace)))
    outside(workspace)
    outcome = Outcome(args, workspace)
    gate = start(["gate"])
    trace = ""
    try:
        status, trace = _performed(args, outcome, gate.sock, workspace, state)
    finally:
        gate.end(GRACE)
    outcome.write(status, trace)
    return status


def _performed(args: argparse.Namespace, outcome: Outcome, sock: Any, workspace: str, state: str) -> tuple[int, str]:
    from nucleus.gate.connection import Connection
    from nucleus.local.environment import environment
    from nucleus.local.live import Wish
    from nucleus.local.ll import LlBox
    from nucleus.local.ll_live import LlLiving
    from nucleus.local.streams import Streams

    connection = Connection(sock)
    asked = _asked(args, workspace, state)
    planned = _spoken(connection, {"do": "plan", **asked}, "planned")
    named = environment(os.environ, args.allow_env, "").variables
    variables = {name: value for name, value in named.items() if name != "PATH"}
    box = LlBox(state, asked=args.backend, readable=args.allow_read, variables=variables)
    containment = {**box.probe().layers, "backend": "ll", "allowed": ["--backend ll"]}
    for one in (*planned["notes"], f"--backend ll, named by you: {containment['not given']}"):
        outcome.say(one)
    with box.place() as folder:
        box.nothing_hidden(folder, workspace, planned["veil"][0], planned["veil"][1:])
        streams = Streams()
        wish = Wish(workspace, tuple(args.words))
        try:
            living = LlLiving(box, folder, wish, streams.given())
        finally:
            streams.hand_over()
        with living:
            request = {"do": "open", **asked, "planned": planned["digest"], "containment": containment}
            opened = _spoken(connection, request, "opened")
            outcome.report |= {key: opened[key] for key in ("principal", "trace", "level")}
            outcome.report |= {"containment": containment, "changes": "written at once, and not judged"}
            status = _supervised(connection, living, streams, outcome, float(planned["seconds"]))
    return status, str(opened["trace"])


def _supervised(connection: Any, living: Any, streams: Any, outcome: Outcome, seconds: float) -> int:
    from nucleus.local.flows import Watch
    from nucleus.local.supervise import Supervisor, owner_socket

    watch = Watch()
    with owner_socket(connection) as owner:
        streams.connect(watch, -1)
        try:
            end = Supervisor(living, streams, watch, owner).run(lambda *_: None, seconds)
        finally:
            streams.restore()
    status, spoke = end.status, "command"
    if living.not_started:
        status = NOT_FOUND if living.not_started == 2 else NOT_EXECUTABLE
        outcome.say(f"the command could not be started: {os.strerror(living.not_started)}")
    if end.by_gate:
        outcome.say(f"ended: {end.by_gate}")
        status, spoke = ENDED, "nucleus"
    outcome.report |= {"spoke": spoke, "why": end.by_gate, "command_status": end.status}
    return status


def _asked(args: argparse.Namespace, workspace: str, state: str) -> dict[str, Any]:
    """Return what the gate is told: the owner's choices."""
    read = [os.path.realpath(path) for path in args.allow_read]
    allow = {"env": args.allow_env, "read": [pattern for path in read for pattern in (path, f"{path}/**")]}
    revision: Mapping[str, Any] = {}
    if args.policy_rev:
        from nucleus.policy.layers import PROJECT_FILE
        from nucleus.tools.revision import read_revision

        found = read_revision(workspace, args.policy_rev, PROJECT_FILE)
        revision = {"revision": args.policy_rev, "revised": found.decode("utf-8", "surrogateescape")}
    return {
        "profile": args.profile,
        "policies": [os.path.abspath(file) for file in args.policy],
        "workspace": workspace,
        "prompt": owner_words(args.prompt_file),
        "state": state,
        "allow": {key: values for key, values in allow.items() if values},
        "shown": {"read": read, "env": args.allow_env, "ports": [], "secrets": True},
        **revision,
    }


def _spoken(connection: Any, fields: dict[str, Any], what: str) -> dict[str, Any]:
    """Return the gate's answer to one frame. Raises what it refuses with."""
    from nucleus.gate.connection import refusal

    reply, _ = connection.request(fields)
    if reply["what"] != what:
        raise refusal(reply)
    return dict(reply)
