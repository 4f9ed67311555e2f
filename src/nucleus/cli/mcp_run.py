"""``nucleus mcp run``: mediate one server. Here options become a task; the mediator itself is a process of its own."""

import argparse
import sys
from pathlib import Path
from typing import Any

from nucleus.cli import Usage, shared
from nucleus.cli.effective import named
from nucleus.policy.place import prepare, state_directory


def add_action(actions: Any) -> None:
    """Add the action and its arguments."""
    parser = actions.add_parser(
        "run", help="start a server and mediate every message to and from it", allow_abbrev=False, parents=[shared()]
    )
    add = parser.add_argument
    add("--name", default="", metavar="N", help="what the policy calls the server: [mcp.N]")
    add("--policy", action="append", default=[], metavar="F", help="a policy file of yours")
    add("--profile", default="", metavar="P", help="a built-in profile")
    add("--session", default="", metavar="S", help="share exposure, budget and answers with all servers that name S")
    add("--server-env", action="append", default=[], metavar="K=V", help="a variable for the server; K alone copies it")
    add("--entry", default="", metavar="FORM", help="what nucleus mcp unwrap restores; no effect here")
    add("--url", default="", metavar="URL", help="the server is there (streamable HTTP), in place of CMD")
    add("--header", action="append", default=[], metavar="H", help="send it header H, from NUCLEUS_HEADER_H")
    add("--contain", action="store_true", help="run the server in a box of its own: no network, a copy of the files")
    add("--observe", action="store_true", help="ask nobody: record what the profile would ask, deny what it denies")
    add("--listen", default="", metavar="HOST:PORT", help="serve clients over HTTP, on the loopback interface")
    add("words", nargs="*", metavar="CMD", help="the server's command, after --")


def run(args: argparse.Namespace) -> int:
    """Become the mediator. Returns only where there is nothing to mediate."""
    import os
    from dataclasses import asdict

    from nucleus.gate import sessions
    from nucleus.gate.hardening import clean_environment
    from nucleus.mcp import launch
    from nucleus.mcp.mediate import Task, become

    launch.refuse_steering(os.environ)
    if bool(args.words) == bool(args.url):
        raise Usage("name one server: its command after --, or --url URL")
    if args.url and args.contain:
        raise Usage("--contain is for a server that is started here, not for one behind a URL")
    try:
        headers = launch.url_headers(os.environ, args.header)
        environment = launch.server_environment(clean_environment(), os.environ, args.server_env)
    except ValueError as error:
        print(f"nucleus mcp: {error}", file=sys.stderr)
        return 2
    if args.url:
        from nucleus.mcp.wire import address_of

        address_of(args.url)
        command: tuple[str, ...] = (args.url,)
    else:
        own_path = any(word.partition("=")[0] == "PATH" for word in args.server_env)
        path = environment["PATH"] if own_path else os.environ.get("PATH") or environment["PATH"]
        command = launch.identity(args.words, path).command
    workspace = os.path.realpath(".")
    state = prepare(Path(state_directory(args.state or "", os.environ)), Path(workspace))
    fields = {
        "profile": args.profile,
        "policies": [os.path.abspath(file) for file in named(args.policy)],
        "workspace": workspace,
        "prompt": "",
        "state": str(state),
        "witness": None,
        "observe": args.observe,
    }
    begun = sessions.begin(fields, name=args.session)
    return become(
        Task(
            name=args.name or os.path.basename(command[0]),
            command=command,
            environment=environment,
            fields=fields,
            session=args.session,
            quiet=bool(args.quiet),
            begun=asdict(begun),
            url=args.url,
            headers=headers,
            listen=args.listen,
            contain=args.contain,
        )
    )
