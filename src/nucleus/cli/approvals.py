"""``nucleus approvals``, ``approve``, ``deny``: the owner's side of every question.

Text that an agent wrote is shown escaped and quoted: nothing in it can move
the cursor, hide a line or imitate this program.
"""

import argparse
import sys
from collections.abc import Iterable
from typing import Any, Final

from nucleus.cli import Usage
from nucleus.policy.place import state_directory
from nucleus.trace.export import escaped

SHOWN: Final = 4096
"""Characters of content shown in a list; ``nucleus approvals ID`` shows all."""
SCREEN_LINES: Final = 16
SCREEN_CHARACTERS: Final = 1000
"""What any terminal shows at once. Of a longer question the beginning is said again at its end."""
SUMMARY: Final = 300


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments of the command that was called."""
    command = parser.get_default("command")
    if command == "approvals":
        parser.add_argument("ids", nargs="*", metavar="ID", help="show these in full")
        parser.add_argument("--watch", action="store_true", help="go on showing questions as they come, until Ctrl-C")
        parser.add_argument("--json", action="store_true", help="one JSON object a line")
        return
    parser.add_argument("ids", nargs="+", metavar="ID", help="as shown by: nucleus approvals")
    if command == "deny":
        parser.add_argument(
            "--rest-of-session", action="store_true", help="deny whatever this session asks from now on"
        )
        return
    parser.add_argument("--uses", type=_whole, default=1, help="calls to the same destination that this answers")
    parser.add_argument("--bytes", type=_whole, default=0, help="bytes that may leave in all, with --uses")
    parser.add_argument("--minutes", type=_whole, default=10, help="how long the answer holds")


def run(args: argparse.Namespace) -> int:
    """Do it; return 1 if an id names no open question."""
    import os
    from pathlib import Path

    from nucleus.gate.approver import Gates

    gates = Gates(Path(state_directory(args.state or "", os.environ)))
    if args.command == "approvals":
        return _show(gates, args)
    allow = args.command == "approve"
    bounds = {}
    if allow:
        if args.uses > 1 and args.bytes == 0:
            raise Usage("--uses needs --bytes: how much may leave in all of these calls together")
        bounds = {"uses": args.uses, "egress_bytes": args.bytes, "seconds": args.minutes * 60}
    answered = gates.answer(args.ids, allow=allow, bounds=bounds, rest=getattr(args, "rest_of_session", False))
    for id_ in answered:
        print(f"{id_}: {'approved, once' if allow and args.uses == 1 else 'approved' if allow else 'denied'}")
    unknown = [id_ for id_ in args.ids if id_ not in answered]
    for id_ in unknown:
        print(f"nucleus: {id_} is no open question; see: nucleus approvals", file=sys.stderr)
    return 1 if unknown else 0


def _show(gates: Any, args: argparse.Namespace) -> int:
    questions: Iterable[dict[str, Any]] = gates.watch(stay=True) if args.watch else gates.questions()
    if args.watch and not args.quiet:
        print("nucleus: watching for questions of every session; Ctrl-C ends", file=sys.stderr)
    found = 0
    try:
        for question in questions:
            if args.ids and question["id"] not in args.ids:
                continue
            found += 1
            print(_json(question) if args.json else describe(question, whole=bool(args.ids)), flush=True)
    except KeyboardInterrupt:
        if not args.watch:
            raise
        return 0
    if found == 0 and not args.quiet and not args.json:
        print("no open questions")
    return 1 if args.ids and found < len(args.ids) else 0


def describe(question: dict[str, Any], *, whole: bool = False) -> str:
    """Return a question as text for a person: what, where to, all reasons, the exact content."""
    lines = [
        f"{question['id']}  {escaped(question['kind'])}"
        + (f" -> {escaped(question['destination'])}" if question["destination"] else ""),
        f"    asks because: {', '.join(question['reasons'])}"
        + (f" ({escaped(question['why'])})" if question["why"] else ""),
    ]
    if question["where"]:
        lines.append(f"    rule: {escaped(question['where'])}")
    lines += [f"    {escaped(name)}: {escaped(str(value))}" for name, value in question["args"].items()]
    body = question["body"] if whole else question["body"][:SHOWN]
    lines += [f"    | {escaped(line)}" for line in body.split("\n") if question["bytes"]]
    if len(body) < len(question["body"]):
        lines.append(f"    ... {question['bytes']} bytes in all; nucleus approvals {question['id']} shows them")
    leaving = question.get("leaving", "")
    shown = leaving if whole else leaving[:SHOWN]
    lines += [f"    > {escaped(line)}" for line in shown.split("\n") if leaving]
    if len(shown) < len(leaving):
        lines.append(f"    ... nucleus approvals {question['id']} shows all that would be pushed")
    if len(lines) > SCREEN_LINES or sum(map(len, lines)) > SCREEN_CHARACTERS:
        # What stands first has scrolled away by now, and whoever wrote the content chose how far.
        lines += ["", "    All of this is content of:", *(f"    {line[:SUMMARY]}" for line in lines[:2])]
    left = question["seconds_left"]
    lines.append(f"    nucleus approve {question['id']}   or   nucleus deny {question['id']}   ({left} s left)")
    return "\n".join(lines)


def _json(question: dict[str, Any]) -> str:
    import json

    return json.dumps(question, sort_keys=True)


def _whole(text: str) -> int:
    number = int(text)
    if not 1 <= number <= 1 << 40:
        raise argparse.ArgumentTypeError("a whole number from 1")
    return number
