"""``nucleus runs``: the runs whose changes wait for you, and which of them a command means."""

import argparse
import os
import sys
import time
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Any

from nucleus.cli import Usage
from nucleus.policy.place import state_directory

if TYPE_CHECKING:
    from nucleus.apply import Run


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("--all", action="store_true", help="also those of which everything was applied")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """List them, oldest first; return 1 if one can't be read."""
    import json

    found, broken = every(args)
    shown = [each for each in found if args.all or waits(each)]
    for each in shown:
        print(json.dumps(_fields(each), sort_keys=True) if args.json else _line(each))
    for line in broken:
        print(f"nucleus: {line}", file=sys.stderr)
    if not shown and not args.quiet and not args.json:
        print("no run has changes that wait")
    return 1 if broken else 0


def every(args: argparse.Namespace) -> "tuple[list[Run], list[str]]":
    """Return the runs of this user's state directory, oldest first, and a line for each that can't be read."""
    from nucleus.apply import runs

    broken: list[str] = []
    state = os.path.realpath(state_directory(args.state or "", os.environ))
    return runs(state, lambda error: broken.append(error.diagnostics())), broken


def waits(run_: "Run") -> bool:
    """Whether a run is not done with."""
    return run_.state not in {"applied", "discarded"}


def name_changes(parser: argparse.ArgumentParser, command: str) -> None:
    """Add the words that name a run, and what of it: for ``meant`` and ``picked``."""
    parser.add_argument(
        "run", nargs="?", default="", metavar="RUN", help="as shown by: nucleus runs; default: the last"
    )
    parser.add_argument("picked", nargs="*", default=[], metavar="PATH", help="behind --: only what is at and below it")
    parser.usage = f"nucleus {command} [options] [RUN] [-- PATH...]"


def meant(args: argparse.Namespace) -> "Run | None":
    """Return the run that ``args.run`` names, or the last one that waits here; None if none does. Raises Usage."""
    found, _ = every(args)
    if args.run:
        named = [each for each in found if each.id.startswith(args.run)]
        if len(named) != 1:
            what = "there is no run" if not named else "several runs begin with"
            raise Usage(f"{what} {args.run!r}; see: nucleus runs")
        return named[0]
    here = os.path.realpath(".")
    own = [each for each in found if waits(each) and f"{here}/".startswith(f"{each.workspace}/")]
    # A run of an agent's own state in home has all projects below it: the nearest directory is what is meant.
    return max(own, key=lambda each: (len(each.workspace), each.started_ns)) if own else None


def picked(args: argparse.Namespace, run_: "Run") -> list[str] | None:
    """Return the paths behind ``--``, relative to the run's workspace; None for all of it. Raises Usage."""
    if not args.picked:
        return None
    found = []
    for path in args.picked:
        # A path that is about to be deleted, or not there yet, is one too: nothing is resolved but the directory.
        absolute = os.path.normpath(os.path.join(os.path.realpath("."), path))
        inside = f"{absolute}/".startswith(f"{run_.workspace}/")
        if not inside and not os.path.isabs(path):
            absolute = os.path.normpath(os.path.join(run_.workspace, path))
            inside = f"{absolute}/".startswith(f"{run_.workspace}/")
        if not inside:
            raise Usage(f"{path} is not in the workspace of the run, {run_.workspace}")
        found.append(os.path.relpath(absolute, run_.workspace))
    return found


def _state(run_: "Run") -> str:
    """Return a run's state; "killed" for one that nobody holds, and that did not come to write down its end."""
    from nucleus.apply.run import RUNNING, alone

    if run_.state == RUNNING:
        try:
            with alone(run_):
                return "killed"
        except OSError:  # in use, or its lock can't be had: nothing else is known of it
            return RUNNING
    return run_.state


def _line(run_: "Run") -> str:
    from nucleus.apply.change import printable

    moment = time.strftime("%Y-%m-%d %H:%M", time.localtime(run_.started_ns / 1e9))
    status = "" if run_.status is None else f" (status {run_.status})"
    return (
        f"{run_.id}  {moment}  {_state(run_):<9}  {printable(run_.workspace)}  {printable(' '.join(run_.argv))}{status}"
    )


def _fields(run_: "Run") -> dict[str, Any]:
    names = ("id", "workspace", "started_ns", "ended_ns", "status", "argv")
    return {name: getattr(run_, name) for name in names} | {"state": _state(run_)}


def terminal(open_here: ExitStack) -> IO[str] | None:
    """Return the terminal of this process, None where there is none: what is piped in answers nothing."""
    try:
        number = os.open("/dev/tty", os.O_RDWR | os.O_NOCTTY | os.O_CLOEXEC)
    except OSError:
        return None
    return open_here.enter_context(os.fdopen(number, "r", encoding="utf-8", errors="replace"))


def typed(person: IO[str], text: str) -> str:
    """Write a question to a terminal and return the line that is typed, without blanks around it."""
    rest = memoryview(text.encode("utf-8", "backslashreplace"))
    while rest:
        rest = rest[os.write(person.fileno(), rest) :]
    return person.readline().strip()
