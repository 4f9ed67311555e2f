"""``nucleus session``: this user's open principals, and what each has seen."""

import argparse
from typing import Any, Final

from nucleus.policy.place import state_directory

BITS: Final = ((1, "private"), (2, "untrusted"), (4, "exfil"), (8, "foreign"), (16, "secret"))


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("action", nargs="?", choices=("list", "new"), default="list")
    parser.add_argument("--json", action="store_true", help="one JSON object a line")


def run(args: argparse.Namespace) -> int:
    """List the principals, or end them so that the next session starts fresh."""
    import json
    import os
    from pathlib import Path

    from nucleus.gate.approver import Gates

    gates = Gates(Path(state_directory(args.state or "", os.environ)))
    if args.action == "new":
        print(f"{gates.lockdown(retire=True)} stopped; a session of a new process starts with a clean exposure")
        return 0
    rows = [
        {**principal, **{key: gate.get(key) for key in ("level", "trace", "name", "clients")}}
        for gate in gates.status()
        for principal in gate["principals"]
    ]
    for row in rows:
        print(json.dumps(row, sort_keys=True) if args.json else _line(row))
    if not rows and not args.quiet and not args.json:
        print("no open session")
    return 0


def _line(row: dict[str, Any]) -> str:
    _, exposure, budget, version = row["state"]
    seen = " ".join(name for bit, name in BITS if exposure & bit) or "nothing"
    closed = ", closed" if row["closed"] else ""
    asks = f", {len(row['pending'])} questions open" if row["pending"] else ""
    left = f"{budget // 1_000_000} calls left"
    name = f" {row['name']}" if row["name"] else ""
    of = f" of process {', '.join(map(str, row['clients']))}" if row["clients"] else ""
    return f"{row['principal']}  {row['level']}{name}{of}: saw {seen}; {left}; version {version}{asks}{closed}"
