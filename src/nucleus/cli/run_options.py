"""The options of ``nucleus run``: each that adds power starts with ``--allow-``, and ``--publish``."""

import argparse
from typing import Final

BACKENDS: Final = ("ns", "ll")


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    add = parser.add_argument
    where = parser.add_mutually_exclusive_group()
    where.add_argument("--local", action="store_true", help="in a box of this machine's kernel (the default)")
    where.add_argument("--vm", action="store_true", help="in a virtual machine")
    add("--profile", default="", metavar="P", help="a built-in profile: the ceiling of what the command may do")
    add("--policy", action="append", default=[], metavar="F", help="a policy file of yours; its grants count")
    add("--policy-rev", default="", metavar="REV", help="take the project's policy from this git revision")
    add("--workspace", default=".", metavar="DIR", help="what the command works on (a copy of it); default: here")
    add("--prompt-file", default="", metavar="F", help="your own words: whole words in it are trusted destinations")
    add("--allow-host", action="append", default=[], metavar="H", help="a host that may be reached")
    add("--allow-remote", action="append", default=[], metavar="R", help="a git remote that may be fetched from")
    add("--allow-env", action="append", default=[], metavar="N", help="a variable of yours that the command gets")
    add("--allow-read", action="append", default=[], metavar="P", help="a file or directory that it sees, read-only")
    add("--allow-write", action="append", default=[], metavar="G", help="paths that it may change, as a pattern")
    add("--allow-local-port", action="append", default=[], type=_port, metavar="N", help="a port of yours it reaches")
    add("--allow-login", action="store_true", help="let an agent that is known have its own credentials in the box")
    add("--publish", action="append", default=[], type=_port, metavar="PORT", help="a port of its that you reach")
    add("--no-transaction", action="store_true", help="refused here: only --backend ll writes in the workspace at once")
    add(
        "--mcp-config",
        default="",
        metavar="F",
        help="MCP servers that it reaches by the mediator, as clients name them",
    )
    add("--backend", default="ns", choices=BACKENDS, help="how the box is made")
    add("--non-interactive", action="store_true", help="ask nobody: what would be asked is denied, and stays pending")
    add("--dry-run", action="store_true", help="say what would be shown, hidden and allowed; run nothing")
    add("--trace", default="", metavar="F", help="write the run's trace there too, when it is over")
    add("--report", default="", metavar="F", help="write what happened there, as JSON")
    add("words", nargs=argparse.REMAINDER, metavar="CMD", help="the command and its arguments, after --")


def _port(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) <= 5 and 1 <= int(text) <= 65535):
        raise argparse.ArgumentTypeError("a port from 1 to 65535")
    return int(text)
