"""``nucleus trace``: verify, replay, show, export and report.

Statuses: 0 fine; 1 the trace is not what was written; 2 wrong call or no such
file; 4 consistent, but nothing outside of the file vouches that it is complete
(hold a checkpoint, or keep the session ledger).
"""

import argparse
import json
import os
import sys
from pathlib import Path
from typing import Final

from nucleus.cli import Usage, shared
from nucleus.errors import TraceError
from nucleus.policy.place import state_directory
from nucleus.trace.export import COLUMNS, escaped, export_jsonl, rows
from nucleus.trace.ledger import NAME, Ledger
from nucleus.trace.note import NOTE_LIMIT
from nucleus.trace.reader import read_header
from nucleus.trace.replay import replay
from nucleus.trace.report import markdown, summarise
from nucleus.trace.verify import Held, Verified, verify

INCOMPLETE: Final = 4


def configure(parser: argparse.ArgumentParser) -> None:
    """Add what ``nucleus trace`` takes."""
    actions = parser.add_subparsers(dest="action", metavar="ACTION", required=True)
    for name, line in (
        ("verify", "check chain, signatures and completeness"),
        ("replay", "verify, then recompute every verdict with the kernel"),
        ("show", "print a table of the records"),
        ("export", "print the records as JSON lines, without contents"),
        ("report", "summarise what was done, refused and asked"),
    ):
        text = line[0].upper() + line[1:] + "."
        action = actions.add_parser(name, help=line, description=text, allow_abbrev=False, parents=[shared()])
        action.add_argument("file", metavar="FILE", type=Path)
        if name in {"verify", "replay", "report"}:
            action.add_argument("--checkpoint", metavar="F", type=Path, help="a checkpoint that you hold")
        if name == "report":
            action.add_argument("--format", choices=("markdown", "json"), default="markdown")


def run(args: argparse.Namespace) -> int:
    """Do it. Raises ``TraceError`` for a finding, FileNotFoundError or Usage for a wrong call."""
    if not args.file.exists() and not args.file.is_symlink():
        raise Usage(f"{escaped(str(args.file))}: no such file; traces are in {_state(args) / 'traces'}")
    match args.action:
        case "verify":
            return _told(verify(args.file, _held(args)), args)
        case "replay":
            verified, found = replay(args.file, _held(args))
            if not args.quiet:
                print(f"replayed: {found.decisions} decisions, each as the kernel decides it")
                for number in sorted(map(int, found.in_flight)):
                    print(f"outcome unknown: record {number}")
            return _told(verified, args)
        case "show":
            _show(args.file)
        case "export":
            for line in export_jsonl(args.file):
                sys.stdout.write(line.decode("ascii"))
        case _:
            verified, found = replay(args.file, _held(args))
            summary = summarise(args.file, verified, found)
            print(json.dumps(summary, indent=2) if args.format == "json" else markdown(summary))
            return 0 if verified.complete else INCOMPLETE
    return 0


def _told(verified: Verified, args: argparse.Namespace) -> int:
    if not args.quiet:
        print(verified.summary())
        if not verified.complete:
            print("next: nucleus trace verify --checkpoint F, with a checkpoint from --witness or from the ledger")
    return 0 if verified.complete else INCOMPLETE


def _held(args: argparse.Namespace) -> Held:
    """Return the checkpoint that was named, and what the ledger of this user knows of the trace."""
    notes: tuple[bytes, ...] = ()
    if args.checkpoint is not None:
        if not args.checkpoint.is_file():
            raise Usage(f"{escaped(str(args.checkpoint))}: no such checkpoint")
        with args.checkpoint.open("rb") as file:
            notes = (file.read(NOTE_LIMIT + 1),)
    try:
        trace = read_header(args.file)["trace"]
    except TraceError:
        trace = ""  # verification names what is wrong with the header; the ledger may know the path
    entry = Ledger(_state(args) / "traces" / NAME).find(trace, args.file)
    return Held(notes, entry)


def _state(args: argparse.Namespace) -> Path:
    return state_directory(args.state or "", os.environ)


def _show(file: Path) -> None:
    table = [COLUMNS, *rows(file)]
    widths = [min(40, max(len(row[column]) for row in table)) for column in range(len(COLUMNS) - 1)]
    for row in table:
        print("  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]).rstrip())
