"""``nucleus policy``: check, show, compare, test and trust policies."""

import argparse
import hashlib
import json
import os
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from nucleus.cli import shared
from nucleus.cli.effective import add_options, effective, places_of
from nucleus.cli.importing import configure_import, run_import
from nucleus.errors import PolicyError
from nucleus.policy.cases import Report, run_cases
from nucleus.policy.diff import widened
from nucleus.policy.explain import meeting, show
from nucleus.policy.layers import PROJECT_FILE, read_bounded
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from nucleus.policy.model import Policy
from nucleus.policy.place import home_directory, prepare
from nucleus.policy.profiles import profile_names, read_profile
from nucleus.policy.schema import json_schema
from nucleus.policy.trust import pin, pinned_digest, unpin

CASES_FILE: Final = "nucleus.cases.toml"
MISSING: Final = 2
FINDING: Final = 1
FINE: Final = 0


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the sub-commands."""
    commands = parser.add_subparsers(dest="action", metavar="ACTION", required=True)

    def add(name: str, line: str) -> argparse.ArgumentParser:
        text = line[0].upper() + line[1:] + ("" if line.endswith("?") else ".")
        return commands.add_parser(name, help=line, description=text, allow_abbrev=False, parents=[shared()])

    check = add("check", "is this file a policy, and does every line of it count?")
    check.add_argument("files", nargs="*", metavar="FILE", help=f"default: {PROJECT_FILE}")
    check.add_argument("--profile", metavar="P", default="", help="the ceiling, where the file names none")

    shown = add("show", "what holds here, on its own and with your yes")
    add_options(shown)
    shown.add_argument("--json", action="store_true", help="the canonical form, for programs")

    compared = add("diff", "what A permits that B does not, with witnesses")
    compared.add_argument("a", metavar="A", help="a policy file, or the name of a profile")
    compared.add_argument("b", metavar="B", help="likewise")
    compared.add_argument("--profile", metavar="P", default="", help="the ceiling, where a file names none")

    tested = add("test", "run allow, ask and deny cases against the policy that holds here")
    tested.add_argument("cases", nargs="?", metavar="CASES", default=CASES_FILE, help=f"default: {CASES_FILE}")
    add_options(tested)

    trusted = add("trust", "let a policy file in the workspace grant, as long as it does not change")
    trusted.add_argument("file", nargs="?", metavar="FILE", default=PROJECT_FILE, help=f"default: {PROJECT_FILE}")
    trusted.add_argument("--profile", metavar="P", default="", help="the ceiling, where the file names none")
    trusted.add_argument(
        "--digest", metavar="SHA256", default="", help="trust without asking if the file has this digest"
    )
    trusted.add_argument("--undo", action="store_true", help="take the trust back")

    add("schema", "the JSON Schema of a policy file, for editors")
    add("profiles", "the built-in profiles")

    imported = add("import", "the settings of another tool as a policy, and what it can't say")
    configure_import(imported)


def run(args: argparse.Namespace) -> int:
    """Do what was asked and return the exit status."""
    return _ACTIONS[args.action](args)


def _check(args: argparse.Namespace) -> int:
    status = FINE
    for path in args.files or [PROJECT_FILE]:
        try:
            policy = _alone(path, args.profile)
        except FileNotFoundError:
            print(f"{path}: no such file", file=sys.stderr)
            status = MISSING
            continue
        except PolicyError as error:
            print(error.diagnostics())
            status = max(status, FINDING)
            continue
        print("\n".join([f"{path}: a policy under profile {policy.profile}", *policy.notes, meeting(policy)]))
        status = max(status, FINDING if policy.notes else FINE)
    return status


def _show(args: argparse.Namespace) -> int:
    from nucleus.policy.digest import canonical_form

    policy = effective(args).policy
    print(json.dumps(canonical_form(policy), sort_keys=True, indent=2) if args.json else show(policy))
    return FINE


def _diff(args: argparse.Namespace) -> int:
    policies: list[Policy] = []
    for name in (args.a, args.b):
        try:
            policies.append(_alone(name, args.profile))
        except FileNotFoundError:
            print(f"{name}: neither a file nor a profile ({', '.join(profile_names())})", file=sys.stderr)
            return MISSING
    found = widened(policies[0], policies[1])
    for one in found:
        print(one)
    if not found:
        print(f"{args.a} permits nothing that {args.b} does not")
    return FINDING if found else FINE


def _test(args: argparse.Namespace) -> int:
    data = read_bounded(Path(args.cases))
    if data is None:
        print(f"{args.cases}: no such file", file=sys.stderr)
        return MISSING
    report = run_cases(effective(args).policy, data, args.cases)
    for one in report.results:
        if not one.passed:
            decided = f" ({one.decided})" if one.decided else ""
            print(f"{one.where}: {one.key} {one.value}: wanted {one.wanted}, got {one.got}: {one.why}{decided}")
    print(_summary(report))
    return FINE if report.passed else FINDING


def _summary(report: Report) -> str:
    """Return the line that counts, and the patterns that no case met."""
    good = sum(one.passed for one in report.results)
    met = report.patterns - len(report.uncovered)
    lines = [f"{good} of {len(report.results)} cases as written, {met} of {report.patterns} patterns decided one"]
    lines += [f"  no case: {source.where}: {source.text}" for source in report.uncovered]
    return "\n".join(lines)


def _trust(args: argparse.Namespace) -> int:
    path = Path(args.file)
    state = places_of(args).state
    if args.undo:
        print(f"{path}: {'no longer trusted' if unpin(state, path) else 'was not trusted'}")
        return FINE
    data = read_bounded(path)
    if data is None:
        print(f"{path}: no such file", file=sys.stderr)
        return MISSING
    digest = hashlib.sha256(data).hexdigest()
    if pinned_digest(state, path) == digest:
        print(f"{path}: trusted already, and unchanged")
        return FINE
    print(_gives(path, data, args.profile))
    if not _agreed(args.digest, digest):
        print(f"not trusted; nothing changed (its digest: {digest})", file=sys.stderr)
        return FINDING
    prepare(state, path.absolute().parent)
    pin(state, path, digest)
    print(f"{path}: trusted until it changes ({digest[:16]})")
    return FINE


def _gives(path: Path, data: bytes, profile: str) -> str:
    """Return what the file would give that it does not give untrusted. Raises PolicyError."""
    choices = OwnerChoices(profile=profile, home=str(home_directory()))
    given = load_policy([LayerFile("project", str(path), data, trusted=True, why="")], choices)
    ceiling = profile or given.profile
    bare = OwnerChoices(profile=ceiling, home=choices.home)
    without = load_policy([LayerFile("project", str(path), data, trusted=False, why="")], bare)
    found = [f"  {one}" for one in widened(given, without)]
    head = [f"{path}: profile {given.profile}; trusted, it would give:"]
    return "\n".join(head + (found or ["  nothing beyond the profile"]))


def _agreed(given: str, digest: str) -> bool:
    """Whether the owner says yes: by the digest, or by a word typed at a terminal."""
    if given:
        return given == digest
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        print(f"only a person at a terminal can trust a file; or: --digest {digest}", file=sys.stderr)
        return False
    return input("Type trust to agree: ").strip() == "trust"


def _schema(_: argparse.Namespace) -> int:
    print(json.dumps(json_schema(), indent=2, sort_keys=True))
    return FINE


def _profiles(_: argparse.Namespace) -> int:
    for name in profile_names():
        print(f"{name:<15} {read_profile(name).content['about']}")
    return FINE


def _alone(name: str, profile: str) -> Policy:
    """Return the policy of one file or profile, trusted, and no other layer. Raises FileNotFoundError."""
    home = str(home_directory())
    if name in profile_names() and not os.path.lexists(name):
        return load_policy([], OwnerChoices(profile=name, home=home))
    data = read_bounded(Path(name))
    if data is None:
        raise FileNotFoundError(name)
    file = LayerFile("--policy", name, data, trusted=True, why="named")
    return load_policy([file], OwnerChoices(profile=profile, home=home))


_ACTIONS: Final[Mapping[str, Callable[[argparse.Namespace], int]]] = {
    "check": _check,
    "show": _show,
    "diff": _diff,
    "test": _test,
    "trust": _trust,
    "schema": _schema,
    "profiles": _profiles,
    "import": run_import,
}
