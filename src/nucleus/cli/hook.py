"""``nucleus hook``: ask the session of a client about one tool call; put that before every tool of a client."""

import argparse
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from nucleus.cli import Usage
from nucleus.policy.place import prepare, state_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from nucleus.clients.hooks import Hooked

NAMES: Final = ("claude-code", "codex", "copilot", "cursor", "gemini")
DIRECTORY: Final = {"claude-code": "CLAUDE_PROJECT_DIR", "cursor": "CURSOR_PROJECT_DIR", "gemini": "GEMINI_PROJECT_DIR"}
"""Where a client says which directory it was started for."""
EVENT_LIMIT: Final = 8 << 20
LEVEL: Final = (
    "level mediated: the client asks before each of its tools, and does what it is told; what it does without its\n"
    "hook, and what a command does once it runs, is outside. For a wall around it: nucleus run"
)


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument(
        "what", choices=(*NAMES, "install", "uninstall"), metavar="CLIENT|install|uninstall", help=", ".join(NAMES)
    )
    parser.add_argument("client", nargs="?", choices=NAMES, metavar="CLIENT", help="for install and uninstall")
    parser.add_argument("--dry-run", action="store_true", help="show the difference, change nothing")


def run(args: argparse.Namespace) -> int:
    """Return 0 (go on) or 2 (refused, or anything went wrong): a client takes any other status for "go on"."""
    if args.what in NAMES:
        if args.client is not None or args.dry_run:
            raise Usage("one client; its event is on standard input")
        return _ask(args)
    if args.client is None:
        raise Usage(f"which client? nucleus hook {args.what} {{{','.join(NAMES)}}}")
    return (_install if args.what == "install" else _uninstall)(args)


def _ask(args: argparse.Namespace) -> int:
    """Open the session if need be, and ask it about the event on standard input. Says nothing on allow."""
    import socket

    from nucleus.gate.desk import socket_name
    from nucleus.mcp import hookhost

    event = sys.stdin.buffer.read(EVENT_LIMIT + 1)
    workspace = os.path.realpath(os.environ.get(DIRECTORY.get(args.what, ""), "") or ".")
    state = prepare(Path(state_directory(args.state or "", os.environ)), Path(workspace))
    fields: dict[str, Any] = {
        "profile": "",
        "policies": [],
        "workspace": workspace,
        "prompt": "",
        "state": str(state),
        "witness": None,
    }
    path = hookhost.ensure(fields)
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as sock, socket_name(path) as short:
        sock.connect(short)
        sock.sendall(args.what.encode() + b"\n" + event)
        sock.shutdown(socket.SHUT_WR)
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    if answer == b"0\n":
        return 0
    said = answer.decode("ascii", "replace").strip().removeprefix("2 ")
    print(f"nucleus: {said or 'the session said nothing; nothing was allowed'}", file=sys.stderr)
    return 2


def _install(args: argparse.Namespace) -> int:
    """Write the program that asks, and its entries into the client's own file."""
    from nucleus.clients import hooks, hookscript
    from nucleus.clients.program import program

    shape = hooks.CLIENTS[args.client]
    state = Path(state_directory(args.state or "", os.environ))
    folder = state / "hooks"
    if not args.dry_run:
        prepare(state)
        folder.mkdir(mode=0o700, exist_ok=True)
    perl = "/usr/bin/perl" if os.access("/usr/bin/perl", os.X_OK) else ""
    interpreter = (perl,) if perl else (os.path.abspath(sys.executable), "-I", "-S", "-B")
    path = folder / f"{args.client}.{'pl' if perl else 'py'}"
    fallback = (*program().words, "--state", str(state), "hook", args.client)
    text = hookscript.script("perl" if perl else "python", args.client, str(folder), fallback)
    file = Path.home() / shape.file
    ours = (path, text)
    _edit(args, file, lambda made: hookscript.command(interpreter, str(path), made), before=ours)
    if args.dry_run:
        return 0
    _tell(args, file, shape)
    return 0


def _uninstall(args: argparse.Namespace) -> int:
    """Take our entries out of the client's file, and remove the program that asks."""
    from nucleus.clients import hooks

    file = Path.home() / hooks.CLIENTS[args.client].file
    _edit(args, file, None)
    if args.dry_run:
        return 0
    folder = Path(state_directory(args.state or "", os.environ)) / "hooks"
    for ending in ("pl", "py"):
        (folder / f"{args.client}.{ending}").unlink(missing_ok=True)
    if not args.quiet:
        print(f"{file}: as it was")
    return 0


def _show(file: Path, old: bytes, new: bytes) -> None:
    """Print what would change in a file, as a difference."""
    from nucleus.cli.mcp_wrap import lines_between

    texts = (data.decode("utf-8", "replace") for data in (old, new))
    sys.stdout.writelines(lines_between(str(file).lstrip("/"), *texts))


def _edit(
    args: argparse.Namespace,
    file: Path,
    command: "Callable[[int], str] | None",
    before: tuple[Path, str] | None = None,
) -> None:
    """Put entries into a client's file, or take them out; with ``--dry-run`` show it. Raises Usage.

    ``before``: a file that the entries need.
    """
    from nucleus.clients import hooks, replace

    client = args.client
    try:
        held = replace.read(file, follow=True) if os.path.lexists(file) else None
        if held is None and command is None:
            return
        old = None if held is None else held.data
        new = hooks.removed(client, old or b"") if command is None else hooks.installed(client, old, command)
        if args.dry_run:
            for path, text in [before] if before is not None else []:
                _show(path, path.read_bytes() if path.is_file() else b"", text.encode())
            _show(file, old or b"", new)
            return
        if before is not None:
            replace.create(before[0], before[1].encode(), again=True)
        if held is None:
            replace.create(file, new, again=False)
        elif not new:
            held.withdraw()
        elif new != old:
            held.put(new)
    except OSError as error:
        raise Usage(f"{file}: {replace.why(error)}") from error
    except ValueError as error:
        raise Usage(f"{file}: {error}; nothing is changed") from error


def _tell(args: argparse.Namespace, file: Path, shape: "Hooked") -> None:
    from nucleus.cli.effective import unopenable
    from nucleus.clients import hooks

    if not args.quiet:
        print(f"{file}: asks before {', '.join(shape.events)}")
        print(f"next: {shape.next}")
        print(LEVEL)
    for place in (file, Path(shape.file)):
        try:
            off = hooks.switched_off(args.client, place.read_bytes())
        except (OSError, ValueError):
            continue  # there is none, or it was told
        if off:
            print(f"nucleus hook: {place} has {off}: the client runs no hook of yours", file=sys.stderr)
    if why := unopenable(args):
        print(f"nucleus hook: here every tool would be refused, because {why}", file=sys.stderr)
