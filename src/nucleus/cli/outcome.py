"""What ``nucleus run`` says of itself: lines on standard error, the report, the copy of the trace.

While the command has the terminal nothing of ours is written there: lines
wait until it is over, so that no full-screen program is drawn over.
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, final

if TYPE_CHECKING:
    from nucleus.apply import Applied

NAMED: Final = 12
"""Changes that are named on the terminal; the report and ``nucleus diff`` name all."""


def counted(number: int, one: str = "change") -> str:
    """Return a number with its noun."""
    return f"{number} {one}" if number == 1 else f"{number} {one}s"


def fill_streams() -> None:
    """Let each standard stream that is closed be the null device. Called before anything is opened."""
    for number in range(3):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)


@final
class Outcome:
    """One run's."""

    def __init__(self, args: argparse.Namespace, workspace: str) -> None:
        self._args = args
        self._waiting: list[str] | None = None
        self.report: dict[str, Any] = {"v": 1, "command": list(args.words), "workspace": workspace}
        """What ``--report`` gets, as far as it is known."""

    def say(self, text: str) -> None:
        """Write one line, with what is not printable shown by its code; later, while the command has the terminal."""
        if self._args.quiet or sys.stderr is None:  # whoever closed standard error hears nothing
            return
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)
        if self._waiting is not None:
            self._waiting.append(line)
            return
        try:
            sys.stderr.write(f"nucleus: {line}\n")
            sys.stderr.flush()
        except OSError:
            # Its reader is gone, or its disk is full. The command ran all the same, and its status and the report
            # say what came of it; what waits in the stream goes nowhere, also when the interpreter ends.
            os.dup2(os.open(os.devnull, os.O_WRONLY | os.O_CLOEXEC), 2)

    def hold(self) -> None:
        """Let lines wait: the terminal is the command's."""
        self._waiting = []

    def resume(self) -> None:
        """Write what waited."""
        waiting, self._waiting = self._waiting or [], None
        for line in waiting:
            self.say(line)

    def tell(self, run: str, found: "Applied") -> None:
        """Say what was applied, and what was not, and why."""
        self.report["run"] = run
        self.report["changes"] = {
            "applied": [change.to_dict() for change in found.applied],
            "held": [held.change.to_dict() | {"held": held.why} for held in found.held],
            "conflicts": [change.to_dict() for change in found.conflicts],
        }
        for message in found.messages:
            self.say(message)
        if found.applied:
            self.say(f"{counted(len(found.applied))} applied")
        lines = [f"{held.change.shown} ({held.change.what}): {held.why}" for held in found.held]
        lines += [f"{change.shown}: {change.conflict}" for change in found.conflicts]
        if lines:
            held = f"{counted(len(lines))} {'is' if len(lines) == 1 else 'are'} held"
            what = "nothing was applied, your side changed too" if found.conflicts else held
            self.say(f"{what}: nucleus diff {run}; nucleus apply {run}")
        for line in lines[:NAMED]:
            self.say(f"  {line}")
        if len(lines) > NAMED:
            self.say(f"  and {len(lines) - NAMED} more")

    def write(self, status: int, trace: str) -> None:
        """Write the trace and the report where the owner named places for them. The gate has ended. Raises OSError."""
        if self._args.trace and trace:
            from nucleus.trace.export import export_jsonl

            _put(self._args.trace, b"".join(export_jsonl(Path(trace))))
        if self._args.report:
            _put(self._args.report, (json.dumps({**self.report, "exit": status}, indent=1) + "\n").encode())


def _put(path: str, content: bytes) -> None:
    """Put what was asked for where the owner wants it: a file is replaced, a device or a pipe written into."""
    from nucleus.cli.streams import written_into
    from nucleus.local.run_folder import replace_file

    if not written_into(path, content):
        replace_file(path, content)
