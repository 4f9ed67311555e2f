"""``nucleus demo``: see a hostile agent fail, and the same agent succeed without Nucleus."""

import argparse
import sys


def configure(parser: argparse.ArgumentParser) -> None:
    """Take no arguments of its own."""
    del parser


def run(args: argparse.Namespace) -> int:
    """Run the demo; return 1 if an attack got through."""
    from nucleus.demo.show import run as show
    from nucleus.errors import CannotEnforce

    if not sys.platform.startswith("linux"):
        raise CannotEnforce("the demo seals its agent", why="that needs Linux", fix="run it on a Linux machine")
    color = args.color == "always" or (args.color == "auto" and sys.stdout.isatty())
    return show(color=color)
