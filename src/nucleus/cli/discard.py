"""``nucleus discard``: throw a run away, with all that it changed and was not applied."""

import argparse
import os
from contextlib import ExitStack

from nucleus.cli import Usage
from nucleus.cli.runs import meant, terminal, typed


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("run", nargs="?", default="", metavar="RUN", help="as shown by: nucleus runs")


def run(args: argparse.Namespace) -> int:
    """Finish or undo an apply that was interrupted, then remove the run."""
    from nucleus.apply import half_done, recover
    from nucleus.apply.run import alone
    from nucleus.local.layers import remove

    found = meant(args)
    if found is None:
        raise Usage("no run of this directory waits; name one, as shown by: nucleus runs")
    if not args.run:
        _agreed(found.id)
    if os.path.isdir(found.workspace) or half_done(found):
        recover(found)
    with alone(found):
        remove(found.folder)
    if not args.quiet:
        print(f"discarded {found.id}")
    return 0


def _agreed(name: str) -> None:
    """Have the word typed for a run that was not named. Raises Usage."""
    with ExitStack() as open_here:
        person = terminal(open_here)
        if person is None or typed(person, f"Type discard to throw the run {name} away: ") != "discard":
            raise Usage(f"nothing was discarded; name the run: nucleus discard {name}")
