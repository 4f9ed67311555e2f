"""``nucleus lockdown``: stop every principal of this user at once."""

import argparse

from nucleus.policy.place import state_directory


def configure(parser: argparse.ArgumentParser) -> None:
    """Take no arguments of its own."""
    del parser


def run(args: argparse.Namespace) -> int:
    """Stop every gate that can be found, and say how many."""
    import os
    from pathlib import Path

    from nucleus.gate.approver import Gates

    stopped = Gates(Path(state_directory(args.state or "", os.environ))).lockdown()
    print(f"{stopped} {'gate' if stopped == 1 else 'gates'} locked down: every call is refused from now on")
    return 0
