"""The policy that holds in a directory, as the commands that only look at it see it."""

import argparse
import os
from pathlib import Path
from typing import final

from nucleus.cli import Usage
from nucleus.errors import PolicyError
from nucleus.gate.remotes import remotes_of
from nucleus.lean import dataclass
from nucleus.policy.layers import Places, find_layers
from nucleus.policy.load import OwnerChoices, load_policy, with_remotes
from nucleus.policy.model import Policy
from nucleus.policy.place import home_directory, state_directory


@final
@dataclass(frozen=True, slots=True)
class Effective:
    """A policy, and the places it was found from."""

    policy: Policy
    places: Places
    branch: str
    """The branch that is checked out in the workspace, empty if none or unknown."""


def add_options(parser: argparse.ArgumentParser) -> None:
    """Add the options that choose which policy is meant."""
    parser.add_argument("--profile", metavar="P", default="", help="a built-in profile as the ceiling")
    parser.add_argument(
        "--policy", metavar="F", action="append", default=[], help="a policy file of yours; again for more"
    )
    parser.add_argument("--policy-rev", metavar="REV", default="", help="take the project's policy from a git revision")
    parser.add_argument("--workspace", metavar="DIR", default=".", help="the project's directory (default: here)")


def places_of(args: argparse.Namespace) -> Places:
    """Return where the policy files of the chosen workspace lie."""
    workspace = Path(os.path.realpath(getattr(args, "workspace", ".")))
    return Places(workspace, home_directory(), state_directory(args.state or "", os.environ))


def _read_revision(workspace: str, revision: str, path: str) -> bytes:
    """Return a file of a git revision. Git's machinery is loaded only if it is asked for."""
    from nucleus.tools.revision import read_revision

    return read_revision(workspace, revision, path)


def named(files: list[str]) -> list[str]:
    """Return the files of ``--policy``. Raises Usage if one of them is not there."""
    for file in files:
        if not os.path.lexists(file):
            raise Usage(f"{file}: no such file; --policy names a file that exists")
    return files


def effective(args: argparse.Namespace) -> Effective:
    """Return the policy that a session started with these options would have. Raises PolicyError, Usage."""
    places = places_of(args)
    layers = find_layers(places, named=named(args.policy), revision=args.policy_rev, read_revision=_read_revision)
    policy = load_policy(layers, OwnerChoices(profile=args.profile, home=str(places.home)))
    remotes = remotes_of(str(places.workspace))
    return Effective(with_remotes(policy, remotes.urls), places, remotes.branch)


def unopenable(args: argparse.Namespace) -> str:
    """Return why no session can be opened in this directory, "" where nothing of the policy is in the way."""
    try:
        effective(argparse.Namespace(state=args.state, profile="", policy=[], policy_rev="", workspace="."))
    except PolicyError as error:
        # Neither a hook nor an entry that is about to be wrapped takes --profile from the command at hand.
        fix = error.fix.partition(" or --profile ")[0].rstrip(";,")
        return f"{error}\n  fix: {fix}" if fix else str(error)
    return ""
