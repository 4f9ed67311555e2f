"""A principal whose process is in a box: what the box must hide, and what its exposure starts with.

In a box nothing mediates single reads, so exposure starts with the legs of
all that is visible there. The policy that says what is to be hidden is loaded
before the box is made, and must be the same one when the principal opens.
"""

from collections.abc import Mapping
from typing import Any, Final

from nucleus.errors import CannotEnforce
from nucleus.kernel.capability import NEVER, RUN_BASH, level
from nucleus.kernel.exposure import FOREIGN, PRIVATE, SECRET, UNTRUSTED
from nucleus.kernel.facts import SCOPE_ALLOW
from nucleus.lean import replace
from nucleus.policy import call as kinds
from nucleus.policy.call import Call
from nucleus.policy.classify import classify
from nucleus.policy.context import Context
from nucleus.policy.controls import secret_looking
from nucleus.policy.files import only_seen, public_only, unseen
from nucleus.policy.model import Policy

CONTAINED: Final = "contained"
OPTIONS: Final[Mapping[str, str]] = {"env": "--allow-env", "ports": "--allow-local-port", "read": "--allow-read"}
"""Key of the policy language -> the option by which a person lets something of it into a box."""
NO_COMMANDS: Final = (
    "this profile grants no commands. In a box programs run on a copy, and what they do is judged when it would "
    "leave: at the network, and when changes are applied"
)


def needs(policy: Policy, wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what the box is to hide and may be given, under ``policy``.

    ``veil``: patterns of what is hidden; after them, sets of patterns outside of which everything is.
    ``wanted`` has ``env``, ``ports`` and ``read``: what the owner named, which a policy may still deny.
    Raises CannotEnforce for what it denies: nothing is left out in silence.
    """
    for key, option in OPTIONS.items():
        for value in wanted.get(key, ()):
            judgement = policy.scopes[key].judge(value)
            if judgement.scope != SCOPE_ALLOW:
                raise CannotEnforce(
                    f"{option} {value} goes against the policy",
                    why=judgement.why or "a policy speaks against it",
                    fix=f"leave it out, or change {judgement.where or 'the profile'}",
                )
    commands = level(policy.authority, RUN_BASH) == NEVER
    return {
        "digest": policy.digest,
        "profile": policy.profile,
        "veil": [list(unseen(policy)), *map(list, only_seen(policy))],
        "seconds": policy.budget.seconds,
        "notes": [*policy.notes, *([NO_COMMANDS] if commands else [])],
    }


def same_policy(policy: Policy, fields: Mapping[str, Any]) -> None:
    """Raise CannotEnforce unless ``policy`` is the one that the box was made for."""
    if fields.get("planned") != policy.digest:
        raise CannotEnforce(
            "the policy changed while the box was made",
            why="the box hides what the earlier one said",
            fix="run it again",
        )


NOT_GIVEN: Final = "not given"
"""What stands under this name in a containment is missing there: such a box vouches for nothing."""


def in_a_box(context: Context, containment: Mapping[str, Any]) -> Context:
    """Return the surroundings of a principal whose box passed its self-test."""
    whole = NOT_GIVEN not in containment
    return replace(context, attested=whole, hides_secrets=whole)


def first_exposure(policy: Policy, context: Context, shown: Mapping[str, Any]) -> int:
    """Return the legs of all that is visible in the box. ``context`` is that of the box.

    ``shown``: ``read`` and ``state`` (places beside the workspace that the owner let in, and what an agent keeps),
    ``secrets`` (whether something is visible that looks like a secret: a
    variable, or a hidden file that history keeps; not said is yes).
    """
    legs = classify(policy, Call(kinds.RUN, {"argv": ["true"]}), context).legs
    if public_only(policy):
        # INVARIANT: only where the box shows nothing else of the workspace (``needs``), and all of it is public.
        legs &= ~PRIVATE
    if shown.get("read") or shown.get("state"):
        legs |= PRIVATE | FOREIGN | UNTRUSTED
    if shown.get("secrets") is not False or any(secret_looking(path) for path in shown.get("read", ())):
        legs |= PRIVATE | SECRET
    return legs
