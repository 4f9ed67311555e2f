"""``nucleus mcp``: mediate an MCP server; look at what waits before its tools are shown."""

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nucleus.cli import shared
from nucleus.errors import CannotEnforce
from nucleus.policy.place import prepare, state_directory

if TYPE_CHECKING:
    from nucleus.mcp.pins import PinFile, Pins

MAPPINGS: Final = "mappings.toml"
"""The owner's own mappings, in ``mcp/`` of the state directory."""


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    actions = parser.add_subparsers(dest="action", required=True, metavar="ACTION")
    run_parser = actions.add_parser(
        "run", help="start a server and mediate every message to and from it", allow_abbrev=False, parents=[shared()]
    )
    run_parser.add_argument("--name", default="", metavar="N", help="what the policy calls the server: [mcp.N]")
    run_parser.add_argument("--policy", action="append", default=[], metavar="F", help="a policy file of yours")
    run_parser.add_argument("--profile", default="", metavar="P", help="a built-in profile")
    run_parser.add_argument(
        "--server-env", action="append", default=[], metavar="K=V", help="a variable for the server; K alone copies it"
    )
    run_parser.add_argument("words", nargs="+", metavar="CMD", help="the server's command, after --")
    pins = actions.add_parser(
        "pins", help="tools that are hidden until you have seen them", allow_abbrev=False, parents=[shared()]
    )
    pins.add_argument("what", nargs="?", choices=("list", "show", "accept", "reject"), default="list")
    pins.add_argument("server", nargs="?", default="", help="the server's id, as list shows it")
    pins.add_argument("tool", nargs="?", default="", help="the tool's name; all of the server's for show")


def run(args: argparse.Namespace) -> int:
    """Mediate until the client leaves, or work on pins."""
    return _pins(args) if args.action == "pins" else _run(args)


def _run(args: argparse.Namespace) -> int:
    import os

    from nucleus.gate.hardening import clean_environment
    from nucleus.mcp import launch, stdio
    from nucleus.mcp.engine import Mediator
    from nucleus.mcp.mapping import MappingError
    from nucleus.mcp.pins import PinFile

    launch.refuse_steering(os.environ)
    try:
        environment = launch.server_environment(clean_environment(), os.environ, args.server_env)
    except ValueError as error:
        print(f"nucleus mcp: {error}", file=sys.stderr)
        return 2
    path = environment["PATH"] if any(word.startswith("PATH=") for word in args.server_env) else os.environ.get("PATH")
    who = launch.identity(args.words, path or environment["PATH"])
    workspace = os.path.realpath(".")
    state = prepare(Path(state_directory(args.state or "", os.environ)), Path(workspace))
    pin_file = PinFile(state, who)
    pins = pin_file.load()
    try:
        mappings = _mappings(state)
    except MappingError as error:
        raise CannotEnforce("the mappings can't be used", why=str(error), fix=f"correct mcp/{MAPPINGS}") from error
    name = args.name or os.path.basename(who.command[0])
    fields = {
        "profile": args.profile,
        "policies": [os.path.abspath(file) for file in args.policy],
        "workspace": workspace,
        "prompt": "",
        "state": str(state),
        "witness": None,
    }
    gate, opened = stdio.open_gate(fields)
    for line in opened["notes"]:
        _say(line)
    server = stdio.launch(who.command, environment, workspace)
    assert server.stdin is not None  # noqa: S101  it was started with pipes
    assert server.stdout is not None  # noqa: S101  likewise
    mediator = Mediator(who, name, pins, mappings)
    pump = stdio.Pump(
        mediator,
        (0, 1),
        (server.stdout.fileno(), server.stdin.fileno()),
        gate.sock,
        lambda: pin_file.save(pins),
        _say,
    )
    try:
        pump.run()
    finally:
        stdio.end_server(server)
        gate.end(stdio.GRACE)
    if pump.why:
        _say(pump.why)
    if mediator.violations:
        _say(f"{mediator.violations} messages against the protocol were stopped")
    return 1 if pump.why else 0


def _mappings(state: Path) -> Any:
    from nucleus.mcp.mapping import read_mappings, shipped

    own = state / "mcp" / MAPPINGS
    return read_mappings(shipped(), *([own.read_text(encoding="utf-8")] if own.is_file() else []))


def _say(text: str) -> None:
    print(f"nucleus mcp: {text}", file=sys.stderr, flush=True)


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
    import json

    from nucleus.mcp.pins import Identity, PinFile

    found = []
    for path in sorted((state / "mcp" / "pins").glob("*.json")):
        if path.name.startswith(server):
            try:
                command = json.loads(path.read_text(encoding="utf-8"))["command"]
                file = PinFile(state, Identity(tuple(command)))
            except (ValueError, KeyError, TypeError) as error:
                raise CannotEnforce(
                    f"{path} is no pin file", why=str(error), fix="look at it, and remove it"
                ) from error
            found.append((file, file.load()))
    return found


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
    if not name:
        print(f"nucleus mcp: nothing of that name is hidden: {tool}", file=sys.stderr)
        return 2
    _show(pins, tool)
    if not sys.stdin.isatty():
        print("nucleus mcp: a person answers this, at a terminal", file=sys.stderr)
        return 1
    if input(f"type {what} to {what} exactly this: ").strip() != what:
        print("nothing changed")
        return 1
    (pins.accept if what == "accept" else pins.reject)(name)
    file.save(pins)
    return 0
