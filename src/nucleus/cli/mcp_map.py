"""``nucleus mcp map``: what the tools of each known server count as; proposals for those that nobody reviewed."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nucleus.cli import shared
from nucleus.policy.place import state_directory

if TYPE_CHECKING:
    from collections.abc import Iterator

    from nucleus.mcp.pins import Pins
    from nucleus.mcp.suggest import Proposal


def add_action(actions: Any) -> None:
    """Add the action and its arguments."""
    parser = actions.add_parser("map", help="what each known tool counts as", allow_abbrev=False, parents=[shared()])
    parser.add_argument("server", nargs="?", default="", help="a server's id, as pins shows it; default: all")
    parser.add_argument("--suggest", action="store_true", help="propose entries for tools that nobody reviewed")


def run(args: argparse.Namespace) -> int:
    """List, or propose. Nothing counts before a person accepted it, at a terminal, one by one."""
    from nucleus.mcp.mediate import mappings_of
    from nucleus.mcp.pins import PinFile, known

    state = Path(state_directory(args.state or "", os.environ))
    found = [PinFile(state, who).load() for who in known(state) if who.digest.startswith(args.server)]
    if args.server and not found:
        print(f"nucleus mcp: no server {args.server} has pins", file=sys.stderr)
        return 2
    mappings = mappings_of(state)
    for pins in found:
        unknown = []
        lines = []
        for definition in definitions(pins):
            ops = mappings.ops(pins.identity, definition)
            lines.append(f"    {definition['name']}: {' or '.join(ops) or 'nobody reviewed it; the worst case, asks'}")
            unknown += [] if ops else [definition]
        if args.suggest:
            _suggest(state, pins, unknown)
        else:
            _print(f"{pins.identity.digest[:12]}  {' '.join(pins.identity.command)}")
            for line in lines:
                _print(line)
    if not found and not args.quiet:
        print("no server is known yet: a client has to list its tools once, through nucleus mcp run")
    return 0


def definitions(pins: "Pins") -> "Iterator[dict[str, Any]]":
    """Yield the pinned tools of a server."""
    from nucleus.mcp.pins import NAME

    for name, definition in sorted(pins.pinned.items()):
        if NAME.fullmatch(name) and isinstance(definition, dict):
            yield definition


def _suggest(state: Path, pins: "Pins", unknown: "list[dict[str, Any]]") -> None:
    """Show a proposal for each tool, and take what a person accepts."""
    from nucleus.mcp.suggest import propose

    print(f"# {_escaped(' '.join(pins.identity.command))}")
    for definition in unknown:
        made = propose(definition)
        if not made.fields:
            print(f"# {_escaped(made.name)}: nothing to propose: {made.why}")
            continue
        print(f"\n# {_escaped(made.name)}: {made.why}. Its own words:")
        for line in str(definition.get("description", "")).split("\n"):
            print(f"#   {_escaped(line)}")
        print(f"# Check it against the source: a definition is the server's word.\n{made.text(pins.identity.digest)}")
        if sys.stdin.isatty() and sys.stdout.isatty():
            _answer(state, made, pins.identity.digest)


def _answer(state: Path, made: "Proposal", server: str) -> None:
    """Add an entry to the owner's mappings if they type the word."""
    from nucleus.clients import replace
    from nucleus.mcp.mapping import read_mappings
    from nucleus.mcp.mediate import MAPPINGS

    if input("type accept to count on this; anything else leaves it as it is: ").strip() != "accept":
        print("left as it is")
        return
    own = state / "mcp" / MAPPINGS
    old = own.read_text(encoding="utf-8") if own.is_file() else ""
    new = f"{old.rstrip()}\n\n{made.text(server)}".lstrip()
    read_mappings(new)
    replace.create(own, new.encode(), again=True)
    print(f"added to {own}")


def _print(line: str) -> None:
    print(_escaped(line))


def _escaped(text: str) -> str:
    from nucleus.mcp.text import escaped

    return escaped(text)
