"""Policies and surroundings that the tests of this room start from."""

from typing import Any

from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy, with_remotes
from nucleus.policy.model import OwnerWords, Policy

WORKSPACE = "/srv/app"
HOME = "/home/dev"
ORIGIN = "https://github.com/acme/app.git"


def policy(profile: str = "safe_pr_fixer", text: str = "", words: str = "", origin: str = ORIGIN) -> Policy:
    """Return a profile met with the owner's file and words, its origin resolved."""
    files = [LayerFile("--policy", "owner.toml", b"version = 1\n" + text.encode(), True, "named")] if text else []
    choices = OwnerChoices(profile=profile, words=OwnerWords(frozenset(words.split())), home=HOME)
    found = load_policy(files, choices)
    return with_remotes(found, {"origin": origin}) if origin else found


def context(**changes: Any) -> Context:
    """Return a box, a transaction and a public repository, with changes."""
    usual: dict[str, Any] = {"attested": True, "hides_secrets": True, "transactional": True, "private_workspace": False}
    return Context(WORKSPACE, HOME, **{**usual, "branch": "topic-1", "base": "main", **changes})


def facts(
    kind: str,
    args: dict[str, Any],
    body: bytes = b"",
    *,
    under: Policy | None = None,
    seen: int = 0,
    **changes: Any,
) -> Classified:
    """Return the classification of one call."""
    return classify(under or policy(), Call(kind, args, body, seen), context(**changes))
