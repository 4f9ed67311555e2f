"""``nucleus diff``: what a run wants to change, by its bytes."""

import argparse
import json
import os

from nucleus.cli.runs import meant, name_changes, picked

_COLORS = {"-": "\033[31m", "+": "\033[32m", "@": "\033[36m"}
_PLAIN = "\033[0m"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    name_changes(parser, "diff")
    parser.add_argument("--json", action="store_true", help="one JSON object for each change, a line each")


def run(args: argparse.Namespace) -> int:
    """Show it."""
    from nucleus.apply import changes
    from nucleus.apply.commits import looked
    from nucleus.apply.keeping import kept_by
    from nucleus.apply.show import shown
    from nucleus.cli.hands import hands_of

    found = meant(args)
    if found is None:
        print("no run of this directory has changes that wait; see: nucleus runs")
        return 0
    hands, paths = hands_of(os.environ), picked(args, found)
    with looked(found, hands) as commits:
        listed = changes(found, kept_by(found, hands), commits)
    if paths is not None:
        listed = tuple(each for each in listed if any(_at(each.path, path) for path in paths))
    colored = _colored(args)
    for each in listed:
        if args.json:
            print(json.dumps(each.to_dict(), sort_keys=True))
            continue
        for line in shown(found, each):
            print(_painted(line) if colored else line)
    if not listed and not args.json:
        print(f"the run {found.id} changes nothing{' there' if paths else ''}")
    return 0


def _at(path: str, wanted: str) -> bool:
    return wanted in {".", path} or path.startswith(wanted + "/")


def _colored(args: argparse.Namespace) -> bool:
    import sys

    return args.color == "always" or (args.color == "auto" and sys.stdout.isatty())


def _painted(line: str) -> str:
    color = _COLORS.get(line[:1], "")
    return f"{color}{line}{_PLAIN}" if color else line
