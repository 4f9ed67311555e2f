"""``nucleus mcp``: mediate an MCP server; look at what waits before its tools are shown."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from nucleus.cli import mcp_map, mcp_run, mcp_wrap, shared
from nucleus.policy.place import state_directory

if TYPE_CHECKING:
    from nucleus.mcp.pins import PinFile, Pins


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    mcp_run.add_action(actions)
    mcp_wrap.add_actions(actions)
    mcp_map.add_action(actions)
    pins = actions.add_parser(
        "pins", help="tools that are hidden until you have seen them", allow_abbrev=False, parents=[shared()]
    )
    pins.add_argument("what", nargs="?", choices=("list", "show", "accept", "reject"), default="list")
    pins.add_argument("server", nargs="?", default="", help="the server's id, as list shows it")
    pins.add_argument("tool", nargs="?", default="", help="the tool's name; all of the server's for show")


def run(args: argparse.Namespace) -> int:
    """Mediate until the client leaves, edit a client's file, or work on pins."""
    if args.action in mcp_wrap.ACTIONS:
        return mcp_wrap.run(args)
    if args.action == "map":
        return mcp_map.run(args)
    return _pins(args) if args.action == "pins" else mcp_run.run(args)


def _pins(args: argparse.Namespace) -> int:
    import os

    state = Path(state_directory(args.state or "", os.environ))
    found = _files(state, args.server)
    if args.server and not found:
        print(f"nucleus mcp: no server {args.server} has pins", file=sys.stderr)
        return 2
    if args.what == "list":
        for _, pins in found:
            _list(pins)
        return 0
    if len(found) != 1:
        print("nucleus mcp: name one server, by its id in 'nucleus mcp pins list'", file=sys.stderr)
        return 2
    file, pins = found[0]
    if args.what == "show":
        return _show(pins, args.tool)
    return _answer(file, pins, args.tool, args.what)


def _files(state: Path, server: str) -> "list[tuple[PinFile, Pins]]":
    """Return the pins of each server whose id starts with ``server``."""
    from nucleus.mcp.pins import PinFile, known

    files = [PinFile(state, who) for who in known(state) if who.digest.startswith(server)]
    return [(file, file.load()) for file in files]


def _list(pins: "Pins") -> None:
    from nucleus.mcp.text import escaped

    print(f"{pins.identity.digest[:12]}  {escaped(' '.join(pins.identity.command))}: {len(pins.pinned)} pinned")
    for name, waiting in sorted(pins.quarantined.items()):
        print(f"    hidden: {escaped(name.strip())} ({waiting.why})")


def _show(pins: "Pins", tool: str) -> int:
    from nucleus.mcp.text import escaped

    names = [name for name in pins.quarantined if not tool or name.strip() == tool]
    for name in names:
        print(f"{escaped(name.strip())}: {pins.quarantined[name].view(pins.pinned.get(name))}")
    return 0 if names else 1


def _answer(file: "PinFile", pins: "Pins", tool: str, what: str) -> int:
    """Accept or reject what was shown, by a word typed at a terminal."""
    name = next((name for name in pins.quarantined if name.strip() == tool), "")
    if not tool:
        show = f"nucleus mcp pins show {pins.identity.digest[:12]}"
        print(f"nucleus mcp: name what to {what}, as it stands in: {show}", file=sys.stderr)
        return 2
    if not name:
        print(f"nucleus mcp: nothing of that name is hidden: {tool}", file=sys.stderr)
        return 2
    _show(pins, tool)
    if _of_a_client(file.path.parents[2]):
        print("nucleus mcp: a client, or what it started, does not answer this; use another terminal", file=sys.stderr)
        return 1
    if not sys.stdin.isatty():
        print("nucleus mcp: a person answers this, at a terminal", file=sys.stderr)
        return 1
    if input(f"type {what} to {what} exactly this: ").strip() != what:
        print("nothing changed")
        return 1
    (pins.accept if what == "accept" else pins.reject)(name)
    file.save(pins)
    return 0


def _of_a_client(state: Path) -> bool:
    """Whether this process is, or descends from, the client of a living session of this user."""
    import os

    from nucleus.gate.desk import gates
    from nucleus.gate.peers import Process, descends_from

    return any(
        descends_from(os.getpid(), Process(pid, 0, start))
        for entry, _ in gates(state)
        for pid, start in entry["clients"]
    )
