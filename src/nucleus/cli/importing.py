"""``nucleus policy import``: the settings of another tool as a ``nucleus.toml``, and what it can't say."""

import argparse
import os
import sys
from pathlib import Path
from typing import Final

from nucleus.audit.importers.importing import FILES, Imported, import_settings
from nucleus.cli import Usage
from nucleus.policy.layers import read_bounded

TOOLS: Final = tuple(FILES)


def configure_import(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("tool", choices=TOOLS, help=", ".join(TOOLS))
    parser.add_argument("file", nargs="?", metavar="FILE", help="default: where the tool keeps its settings, here")
    parser.add_argument("--output", metavar="F", help="write the policy to a new file instead of standard output")


def run_import(args: argparse.Namespace) -> int:
    """Print the policy, and on standard error what was not carried over. Status 1 if that is anything."""
    places = [args.file] if args.file else list(FILES[args.tool])
    name = next((place for place in places if os.path.lexists(place)), "")
    data = read_bounded(Path(name)) if name else None
    if data is None:
        print(f"nucleus: {args.file or ' or '.join(places)}: no such file", file=sys.stderr)
        return 2
    found = import_settings(args.tool, name, data)
    if args.output:
        _write_new(Path(args.output), found)
    else:
        sys.stdout.write(found.text)
    for line in found.lost:
        print(f"not carried over: {line}", file=sys.stderr)
    return 1 if found.lost else 0


def _write_new(path: Path, found: Imported) -> None:
    """Write the policy, never over a file that is there. Raises Usage."""
    try:
        descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o644)
    except FileExistsError as error:
        raise Usage(f"{path} is there already; name a new file") from error
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        file.write(found.report())
