"""``nucleus apply``: bring the changes of a run into the workspace, all that you allow or nothing.

What is plain comes with the command itself. What is held needs a word typed
at the terminal, for each kind of it; without a terminal it stays held.
"""

import argparse
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from typing import IO, TYPE_CHECKING, Final, final

from nucleus.cli import Usage
from nucleus.cli.outcome import counted
from nucleus.cli.runs import meant, name_changes, picked, terminal, typed

if TYPE_CHECKING:
    from nucleus.apply import Applied, Change, Ruling, Run

NAMED: Final = 40
"""Changes of one kind that are named before a question; all are in ``nucleus diff``."""
PROGRESS: Final = 2000
"""Steps after which a person is told that work goes on."""
NO_YES: Final = "needs your yes at a terminal"


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    name_changes(parser, "apply")
    parser.add_argument("--non-interactive", action="store_true", help="ask nobody: what needs a yes stays held")


def run(args: argparse.Namespace) -> int:
    """Apply; return 1 if something stays held or nothing could be applied."""
    from nucleus.apply import apply
    from nucleus.cli.hands import hands_of

    found = meant(args)
    if found is None:
        print("no run of this directory has changes that wait; see: nucleus runs")
        return 0
    paths = picked(args, found)
    with ExitStack() as open_here:
        person = None if args.non_interactive else terminal(open_here)
        judge = OwnerJudge(person)
        try:
            done = apply(found, judge, paths, hands=hands_of(os.environ), tell=_teller(args))
        except FileNotFoundError as error:
            if paths is not None and error.filename in paths:
                raise Usage(f"the run {found.id} changes nothing at {error.filename}") from error
            raise
    return _told(args, found, done)


@final
class OwnerJudge:
    """Asks the person at the terminal, once for each kind of what is held."""

    def __init__(self, terminal: IO[str] | None) -> None:
        self._terminal = terminal

    def __call__(self, found: "tuple[Change, ...]") -> "Sequence[Ruling]":
        """Return a ruling for each change."""
        from nucleus.apply import Ruling

        kinds = sorted({each.category for each in found if not each.silent})
        allowed = {kind for kind in kinds if self._asked(kind, [each for each in found if each.category == kind])}
        why = NO_YES if self._terminal is None else "you left it held"
        return [
            Ruling(allow=True) if each.silent or each.category in allowed else Ruling(allow=False, why=_why(each, why))
            for each in found
        ]

    def _asked(self, kind: str, changes: "list[Change]") -> bool:
        """Show what is held, and return whether the word was typed."""
        from nucleus.apply.show import headline

        if self._terminal is None:
            return False
        lines = [f"  {headline(each)}" for each in changes[:NAMED]]
        if len(changes) > NAMED:
            lines.append(f"  and {len(changes) - NAMED} more: nucleus diff shows all")
        head = f"{counted(len(changes))} {'is' if len(changes) == 1 else 'are'} held as {kind!r}:"
        text = "\n".join([head, *lines, f"Type {kind} to apply them, anything else leaves them held: "])
        return typed(self._terminal, text) == kind


def _why(change: "Change", why: str) -> str:
    return f"{change.why or change.category}; {why}"


def _teller(args: argparse.Namespace) -> Callable[[str], None]:
    """Return what shows on a terminal that work goes on."""
    count = 0
    shows = sys.stderr.isatty() and not args.quiet

    def tell(about: str) -> None:
        nonlocal count
        count += 1
        if shows and count % PROGRESS == 0:
            print(f"nucleus: {count} steps, {about.partition(' ')[0]}", file=sys.stderr)

    return tell


def _told(args: argparse.Namespace, found: "Run", done: "Applied") -> int:
    """Say what was applied and what was not; return the status."""
    from nucleus.apply.change import printable

    for change in done.applied if args.verbose else ():
        print(f"applied {change.what} {change.shown}")
    if not args.quiet:
        if done.applied:
            print(f"{counted(len(done.applied))} applied to {printable(found.workspace)}")
        elif done.complete:
            print(f"the run {found.id} changes nothing any more")
    for message in done.messages:
        print(f"nucleus: {message}", file=sys.stderr)
    for change in done.conflicts:
        print(f"nucleus: conflict {change.shown}: {change.conflict}", file=sys.stderr)
    if done.conflicts:
        print(f"nucleus: nothing was applied; pick paths: nucleus apply {found.id} -- PATH...", file=sys.stderr)
    for held in done.held:
        print(f"nucleus: held {held.change.what} {held.change.shown}: {printable(held.why)}", file=sys.stderr)
    if done.held:
        stays = "stays" if len(done.held) == 1 else "stay"
        print(f"nucleus: {counted(len(done.held))} {stays} in the run {found.id}", file=sys.stderr)
    return 0 if done.complete else 1
