"""``nucleus mcp wrap`` and ``unwrap``: put the servers of a client's configuration behind the mediator, and back."""

import argparse
import difflib
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nucleus.cli import Usage, shared
from nucleus.lean import dataclass

if TYPE_CHECKING:
    from nucleus.clients.config import Config, Row
    from nucleus.clients.places import Place
    from nucleus.clients.program import Program
    from nucleus.clients.replace import Held

ACTIONS: Final = {
    "wrap": "put every server of a client's file behind the mediator",
    "unwrap": "take the mediator out again, to the byte",
}


def add_actions(actions: Any) -> None:
    """Add both actions."""
    for name, line in ACTIONS.items():
        parser = actions.add_parser(name, help=line, allow_abbrev=False, parents=[shared()])
        parser.add_argument("files", nargs="*", metavar="FILE", help="default: what clients read in this directory")
        parser.add_argument("--dry-run", action="store_true", help="show the difference, change nothing")


@dataclass(frozen=True)
class Plan:
    """What one file would become."""

    place: "Place"
    held: "Held"
    config: "Config"
    data: bytes
    rows: "list[Row]"


def run(args: argparse.Namespace) -> int:
    """Edit, or show the difference. Nothing is written unless every file could be read and edited."""
    from nucleus.clients import places
    from nucleus.clients.program import program

    root, home = Path.cwd(), Path.home()
    chosen = [_named(file) for file in args.files] or list(places.project(root))
    us = program(args.state or "")
    plans, errors = [], []
    for place in chosen:
        try:
            plans.append(_plan(place, us, args.action, named=bool(args.files)))
        except (ValueError, OSError) as error:
            errors.append(f"{place.shown}: {_why(error)}")
    for line in errors:
        _say(line)
    if errors:
        _say("nothing is changed in any file")
        return 1
    refused = [f"{plan.place.shown}: {row.name}: {row.why}" for plan in plans for row in plan.rows if row.why]
    if args.dry_run:
        sys.stdout.writelines(line for plan in plans for line in difference(plan))
    else:
        _replace(plans)
        _tell(plans, quiet=args.quiet)
    for line in refused:
        _say(f"left as it is: {_plain(line)}")
    if not chosen and not args.quiet:
        print("no client's file with servers is in this directory")
    if args.action == "wrap":
        from nucleus.cli.effective import unopenable

        _warn(plans, list(places.others(root, home)), us)
        if plans and (why := unopenable(args)):
            _say(f"here no server would start, because {why}")
    return 1 if refused else 0


def _named(file: str) -> "Place":
    from nucleus.clients.places import Place

    path = Path(file)
    if not os.path.lexists(path):
        raise Usage(f"{file}: no such file or directory")
    if path.is_dir():
        raise Usage(f"{file}: a directory; name the client's file in it, or go there and name none")
    return Place(path, file, own=True)


def _plan(place: "Place", us: "Program", action: str, *, named: bool) -> Plan:
    """Return what a file would become. Raises Unfit, OSError."""
    from nucleus.clients import config, replace
    from nucleus.clients.program import resolve

    held = replace.read(place.path, follow=named)
    found = config.read(place.path.absolute().as_posix(), held.data)
    if action == "wrap":
        data, rows = found.wrapped(us, resolve, trusted=held.own and place.own)
    else:
        data, rows = found.unwrapped()
    return Plan(place, held, found, data, rows)


def _replace(plans: list[Plan]) -> None:
    """Write what changed; where one file can't be written, put back those before it. Raises OSError, Usage."""
    from nucleus.clients import replace

    done: list[Plan] = []
    for plan in plans:
        if plan.data == plan.held.data:
            continue
        try:
            plan.held.put(plan.data)
        except (ValueError, OSError) as error:
            for other in done:
                replace.read(other.held.path, follow=False).put(other.held.data)
            raise Usage(f"{plan.place.shown}: {_why(error)}; no file is changed") from error
        done.append(plan)


def _tell(plans: list[Plan], *, quiet: bool) -> None:
    for plan in plans if not quiet else []:
        if plan.held.path != plan.place.path.absolute():
            print(f"{plan.place.shown} leads to {plan.held.path}, which is edited")
        for row in plan.rows:
            if not row.why:
                print(_plain(f"{plan.place.shown}: {row.name}: {row.did}"))
        if not plan.rows:
            print(f"{plan.place.shown}: no servers")


def _warn(plans: list[Plan], places: "list[Place]", us: "Program") -> None:
    """Say which servers are left without the mediator, and which tools run without a question."""
    import shlex

    from nucleus.audit.text import Source, decode
    from nucleus.clients import warn
    from nucleus.clients.program import resolve

    edited = {plan.held.path for plan in plans}
    left = [place for place in places if Path(os.path.realpath(place.path)) not in edited]
    for shown, names in warn.elsewhere(left, us, resolve).items():
        if names == ["?"]:
            _say(f"{shown} can't be read; what is in it is not behind the mediator")
        else:
            fix = shown if shown.startswith("~/") and " " not in shown else shlex.quote(shown)
            _say(f"not behind the mediator: {', '.join(names)} in {shown}; nucleus mcp wrap {fix}")
    texts: dict[str, Source] = {}
    for plan in plans:
        source = decode(plan.place.shown, plan.data)
        texts[plan.place.shown] = source
    for place in left:
        try:
            texts[place.shown] = decode(place.shown, place.path.read_bytes())
        except (OSError, UnicodeDecodeError):
            continue  # told above
    for line in warn.unasked(texts):
        _say(f"without a question: {line}")


def difference(plan: Plan) -> Iterator[str]:
    """Yield the lines of a unified diff; on a terminal nothing in them is obeyed."""
    from nucleus.audit.text import decode

    shown = plan.place.shown
    return lines_between(shown, *(decode(shown, data).text for data in (plan.held.data, plan.data)))


def lines_between(shown: str, old: str, new: str) -> Iterator[str]:
    """Yield the lines of a unified diff of two texts of one file; on a terminal nothing in them is obeyed."""
    before, after = ([_ended(line) for line in text.splitlines(keepends=True)] for text in (old, new))
    for line in difflib.unified_diff(before, after, f"a/{shown}", f"b/{shown}"):
        yield _plain(line[:-1]) + "\n" if sys.stdout.isatty() else line


def _ended(line: str) -> str:
    return line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n"


def _plain(text: str) -> str:
    from nucleus.audit.text import visible

    return "\n".join(visible(line) for line in text.split("\n"))


def _why(error: ValueError | OSError) -> str:
    from nucleus.clients.replace import why

    return why(error) if isinstance(error, OSError) else str(error)


def _say(text: str) -> None:
    print(f"nucleus mcp: {text}", file=sys.stderr)
