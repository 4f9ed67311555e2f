"""``nucleus why``: which rule decided, where it stands, what would change it."""

import argparse
import os
import shlex
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from nucleus.cli import Usage
from nucleus.cli.effective import Effective, add_options, effective, places_of
from nucleus.errors import PolicyError, TraceError
from nucleus.kernel.exposure import CLEAN, PRIVATE, UNTRUSTED
from nucleus.policy import call as kinds
from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.reasons import foresee, told
from nucleus.trace.export import escaped
from nucleus.trace.ledger import NAME
from nucleus.trace.reader import read_records

OPS: Final[Mapping[str, tuple[str, str]]] = {
    "read": (kinds.READ, "path"),
    "list": (kinds.LIST, "path"),
    "write": (kinds.WRITE, "path"),
    "edit": (kinds.EDIT, "path"),
    "delete": (kinds.DELETE, "path"),
    "fetch": (kinds.FETCH, "url"),
    "search": (kinds.SEARCH, "query"),
    "run": (kinds.RUN, "argv"),
    "commit": (kinds.COMMIT, "message"),
    "push": (kinds.PUSH, "remote"),
    "pull": (kinds.PULL, "remote"),
    "pr": (kinds.PULL_REQUEST, "title"),
    "comment": (kinds.COMMENT, "text"),
    "label": (kinds.LABEL, "label"),
    "install": (kinds.INSTALL, "packages"),
    "spawn": (kinds.SPAWN, "name"),
}
"""What a person may ask about -> the kind of call, and the argument that ARG is."""
ALIASES: Final[Mapping[str, str]] = {
    **{kind: op for op, (kind, _) in OPS.items()},
    "read_files": "read",
    "write_files": "write",
    "edit_files": "edit",
    "run_bash": "run",
    "glob_search": "list",
    "grep_search": "read",
    "web_search": "search",
    "web_fetch": "fetch",
    "git_commit": "commit",
    "git_push": "push",
    "create_pr": "pr",
    "manage_pods": "spawn",
}
"""The names that records, the SDK and policies use for the same things."""
FOUND: Final = 0
NOTHING: Final = 1


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the arguments."""
    parser.add_argument("words", nargs="*", metavar="ID | OP ARG", help=f"OP is one of: {', '.join(OPS)}")
    add_options(parser)


def run(args: argparse.Namespace) -> int:
    """Explain one decision: a recorded one, or one that has not been asked for yet."""
    words: list[str] = args.words
    words[:1] = [ALIASES.get(words[0], words[0])] if words else []
    if words and (len(words) > 1 or words[0] in OPS):
        return _foreseen(args, words[0], words[1:])
    return _recorded(args, words[0] if words else "")


def _foreseen(args: argparse.Namespace, op: str, rest: list[str]) -> int:
    """Explain what a call would meet: in a fresh session, and after private and untrusted content was seen."""
    if op not in OPS:
        raise Usage(f"{op!r} is not something to ask about; one of: {', '.join(OPS)}")
    holds = effective(args)
    facts = _classified(holds, _call(op, rest))
    print(escaped(f"{op} {shlex.join(rest)}".rstrip() + (f"  ->  {facts.destination}" if facts.destination else "")))
    for title, exposure in (
        ("in a fresh session", CLEAN),
        ("after private and untrusted content was seen", PRIVATE | UNTRUSTED),
    ):
        verdict, rules = foresee(holds.policy.authority, exposure, facts)
        print(f"{title}: {verdict}")
        for line in told(rules, facts):
            print(f"  {line}")
    return FOUND


def _call(op: str, rest: list[str]) -> Call:
    """Return the call that the words stand for."""
    kind, name = OPS[op]
    if kind == kinds.RUN:
        argv = shlex.split(rest[0]) if len(rest) == 1 else rest
        return Call(kind, {"argv": argv})
    if kind == kinds.INSTALL:
        return Call(kind, {"packages": rest})
    args: dict[str, Any] = {name: rest[0]} if rest else {}
    if kind in {kinds.PUSH, kinds.PULL} and len(rest) > 1:
        args["branch"] = rest[1]
    return Call(kind, args)


def _classified(holds: Effective, call: Call) -> Classified:
    """Return the facts of a call in this workspace, with nothing vouched for."""
    places = holds.places
    return classify(holds.policy, call, Context(str(places.workspace), str(places.home), branch=holds.branch))


def _recorded(args: argparse.Namespace, wanted: str) -> int:
    """Explain a recorded decision: the one with this id, else the last refusal there is."""
    folder = places_of(args).state / "traces"
    traces = _newest_first(folder)
    for path in traces:
        header: dict[str, Any] = {}
        found: dict[str, Any] = {}
        asked: dict[str, Any] = {}
        for record in _records(path):
            if record["type"] == "header":
                header = record
            elif record["type"] in {"decision", "question"} and _meant(record, wanted):
                # A question names its call by the digest alone; the decision that raised it says what it was.
                same = record["type"] == "question" and asked.get("digest") == record.get("digest")
                found = asked if same else record
            if record["type"] == "decision" and record.get("verdict") == "ask":
                asked = record
        if found:
            _explain(args, header, found, path)
            return FOUND
    what = f"no decision {wanted!r}" if wanted else "no refusal"
    print(f"{what} in the traces of {folder}", file=sys.stderr)
    return NOTHING


def _newest_first(folder: Path) -> list[Path]:
    """Return the traces, the one written last first."""
    try:
        entries = [entry for entry in os.scandir(folder) if entry.is_file(follow_symlinks=False)]
    except OSError:
        return []
    written: dict[str, int] = {}
    for entry in entries:
        # A trace may have further parts, NAME.1.jsonl; the ledger beside them is none.
        name = entry.name.partition(".")[0]
        if entry.name.endswith(".jsonl") and entry.name != NAME:
            written[name] = max(written.get(name, 0), entry.stat(follow_symlinks=False).st_mtime_ns)
    return [folder / f"{name}.jsonl" for name in sorted(written, key=lambda name: written[name], reverse=True)]


def _records(path: Path) -> Iterator[dict[str, Any]]:
    """Yield the records up to the first that can't be read: a trace may be written to right now."""
    try:
        yield from read_records(path)
    except (TraceError, FileNotFoundError) as error:
        print(f"read up to here: {error}", file=sys.stderr)


def _meant(record: Mapping[str, Any], wanted: str) -> bool:
    """Whether the record is the one that was asked for."""
    if wanted:
        return str(record.get("id", "")) == wanted
    return record["type"] == "decision" and record.get("verdict") != "allow"


def _explain(args: argparse.Namespace, header: Mapping[str, Any], record: Mapping[str, Any], path: Path) -> None:
    """Print what was decided, by which rules, and what would change it."""
    is_question = record["type"] == "question"
    rules = record.get("reasons" if is_question else "rules") or []
    verdict = "ask" if is_question else record.get("verdict")
    print(escaped(f"{verdict}: {record.get('kind', 'a question')} ") + _shown(record.get("args")))
    if record.get("destination"):
        print(f"  to: {escaped(str(record['destination']))}")
    print(f"  recorded: {path.name}, record {record.get('seq')}")
    facts = None
    if "scope" in rules and not is_question:
        facts = _reread(args, header, record)
    for line in told([str(rule) for rule in rules], facts):
        print(f"  {line}")


def _shown(arguments: Any) -> str:
    """Return arguments on one line, nothing in them that a terminal could obey."""
    if not isinstance(arguments, Mapping):
        return ""
    return " ".join(f"{name}={value!r}" for name, value in arguments.items())


def _reread(args: argparse.Namespace, header: Mapping[str, Any], record: Mapping[str, Any]) -> Classified | None:
    """Return the facts as the policy that holds here gives them now, None if that is not the recorded policy."""
    recorded = header.get("policy")
    if isinstance(recorded, Mapping) and not args.profile and " & " not in str(recorded.get("profile", " & ")):
        args.profile = recorded["profile"]
    try:
        holds = effective(args)
    except PolicyError as error:
        print(f"  the policy can't be read any more: {error}")
        return None
    if not isinstance(recorded, Mapping) or recorded.get("digest") != holds.policy.digest:
        print("  the policy of this directory is not the recorded one; where the rule stands is not known")
        return None
    arguments = record.get("args")
    return _classified(holds, Call(str(record.get("kind")), arguments if isinstance(arguments, Mapping) else {}))
