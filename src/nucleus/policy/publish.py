"""The workspace's forge: pull requests, comments, labels, and reading its tracker.

Writing there is a sink even at home: others read it, and it can't be taken
back. A value from a closed set that the owner wrote carries nothing and is no
sink. Any other text goes to a trusted destination only if every address in it
is trusted too: a link that a service previews is a request it sends.
"""

import json
from typing import Any, Final, NamedTuple

from nucleus.kernel.facts import SCOPE_ALLOW, TRUSTED_NO, TRUSTED_WHILE_CLEAN, TRUSTED_YES
from nucleus.policy import legs
from nucleus.policy.answer import Ruling, Target, answer, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context
from nucleus.policy.destinations import named, payload_is_trusted, repository_of
from nucleus.policy.files import labels_of
from nucleus.policy.model import Policy, Remote
from nucleus.policy.refs import good_ref, home_remote, judge_own

_USUAL_API: Final = {"github.com": "https://api.github.com"}
"""REST base of forges that don't have it under their own host."""


class Place(NamedTuple):
    """One repository of one forge."""

    api: str
    repository: str
    remote: Remote
    own: bool
    """It is the workspace's own."""


def pull_request(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a pull request: the topic branch is pushed with it, so it carries the tree."""
    labels = labels_of(policy, context, ".", tree=True)
    place = _place(policy, call, context)
    if isinstance(place, Ruling):
        return answer(legs.PULL_REQUEST, call, place, labels=labels)
    head = call.args.get("head") or context.branch
    base = call.args.get("base") or context.base
    if not (type(head) is str and type(base) is str and good_ref(head) and good_ref(base)):
        return answer(legs.PULL_REQUEST, call, deny("a pull request names the branches head and base"), labels=labels)
    judgement = judge_own(policy.scopes["pull_requests"], place.repository, own=place.own)
    rulings = [ruled(judgement, "pull_requests", place.repository)]
    vouched = named(policy, head)
    rulings.append(ruled(policy.scopes["branches"].judge(head), "branches", head, vouched=vouched))
    rulings.append(ruled(place.remote.refs.judge(head), "branches", head, vouched=vouched))
    if head == base:
        rulings.append(deny(f"{head} is the branch that the pull request goes to"))
    texts = _texts(call)
    trusted = _trust(policy, context, place, texts, granted=judgement.scope == SCOPE_ALLOW)
    full = f"refs/heads/{head}"
    resolved = {
        **_resolved(place),
        "head": head,
        "base": base,
        "push": {"url": place.remote.url, "source": full, "target": full, "force": False},
    }
    target = Target(f"{place.repository} {head} -> {base}", trusted, home=place.own)
    return answer(legs.PULL_REQUEST, call, least(*rulings), labels=labels, target=target, resolved=resolved)


def comment(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a comment or review. Text that is word for word one of ``[allow] templates`` is fixed."""
    text = call.body.decode("utf-8", "replace")
    return _post(policy, call, context, f"comment:{text}", [text, *_texts(call)])


def label(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a label. One of ``[allow] templates`` (``label:NAME``) is fixed."""
    name = call.args.get("label")
    if type(name) is not str or not name:
        return answer(legs.PUBLISH, call, deny("a label is text"))
    return _post(policy, call, context, f"label:{name}", _texts(call))


def issue(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify reading issues, pull requests or files of a repository through its forge."""
    place = _place(policy, call, context)
    if isinstance(place, Ruling):
        return answer(legs.SERVICE_READ, call, place)
    number = call.args.get("number")
    if number is not None and (type(number) is not int or number < 1):
        return answer(legs.SERVICE_READ, call, deny("the number of an issue or pull request is an int above 0"))
    services = policy.scopes["services"]
    if place.own:
        row = legs.PRIVATE_TRACKER if context.private_workspace else legs.PUBLIC_TRACKER
        name = f"tracker:{place.repository}"
    else:
        row, name = legs.SERVICE_READ, f"repository:{place.repository}"
    ruling = ruled(judge_own(services, name, own=place.own), "services", name)
    return answer(row, call, ruling, target=Target(name, home=place.own), resolved=_resolved(place))


def _post(policy: Policy, call: Call, context: Context, value: str, texts: list[str]) -> Classified:
    """Classify writing one value to an issue or pull request."""
    place = _place(policy, call, context)
    if isinstance(place, Ruling):
        return answer(legs.PUBLISH, call, place)
    number = call.args.get("number")
    if type(number) is not int or number < 1:
        return answer(legs.PUBLISH, call, deny("the number of an issue or pull request is an int above 0"))
    judgement = judge_own(policy.scopes["pull_requests"], place.repository, own=place.own)
    ruling = ruled(judgement, "pull_requests", place.repository)
    closed = policy.scopes["templates"].judge(value)
    prefix = value.partition(":")[0] + ":"
    resolved = {**_resolved(place), "number": number, "closed": closed_set(policy, prefix)}
    trusted = _trust(policy, context, place, texts, granted=judgement.scope == SCOPE_ALLOW)
    if closed.scope == SCOPE_ALLOW and closed.exact and place.own and call.args.keys() <= _FIXED_ARGS:
        target = Target(f"{place.repository} #{number}", TRUSTED_YES if judgement.scope == SCOPE_ALLOW else TRUSTED_NO)
        return answer(legs.CLOSED_PUBLISH, call, ruling, target=target._replace(home=True), resolved=resolved)
    if closed.scope != SCOPE_ALLOW and not closed.silent:
        ruling = least(ruling, ruled(closed, "templates", value))
    target = Target(f"{place.repository} #{number}", trusted, home=place.own)
    return answer(legs.PUBLISH, call, ruling, target=target, resolved=resolved)


_FIXED_ARGS: Final = frozenset(("repository", "number", "label"))
"""Arguments that a fixed value may come with: nothing else of the caller's choice is sent."""


def closed_set(policy: Policy, prefix: str) -> list[str]:
    """Return the values with this prefix (``label:``) that every layer which names any permits, without the prefix."""
    scope = policy.scopes["templates"]
    named_values = {
        "/".join(shape.base[1:]) for one in scope.sets for shape, _ in one.allow if shape.literal and not one.ceiling
    }
    kept = sorted(value for value in named_values if value.startswith(prefix))
    return [value.removeprefix(prefix) for value in kept if scope.judge(value).scope == SCOPE_ALLOW]


def _place(policy: Policy, call: Call, context: Context) -> Place | Ruling:
    """Return which repository is meant; the workspace's own where the caller names none."""
    home = home_remote(policy)
    known = None if home is None else repository_of(home[1].url)
    if home is None or known is None:
        return deny("the workspace has no remote of its own on a forge", "add the remote, then start a new session")
    host, own = known
    wanted = call.args.get("repository") or own
    if type(wanted) is not str or not wanted.isascii() or wanted.count("/") < 1 or wanted.startswith(("/", ".", "-")):
        return deny("a repository is written owner/name")
    if any(part in {"", ".", ".."} for part in wanted.split("/")) or any(c in wanted for c in " ?#%\\@:&"):
        return deny("a repository is written owner/name")
    api = context.forges.get(host) or _USUAL_API.get(host) or f"https://{host}/api/v3"
    # Forges take names without regard to case; anything but the very name is somebody else's.
    same = wanted.lower() == own.lower()
    return Place(api, own if same else wanted, home[1], same)


def _resolved(place: Place) -> dict[str, Any]:
    """Return what the worker must use."""
    return {"api": place.api, "repository": place.repository}


def _trust(policy: Policy, context: Context, place: Place, texts: list[str], *, granted: bool) -> int:
    """Return how far the repository is trusted with these texts."""
    if not granted or not all(payload_is_trusted(policy, context, text) for text in texts):
        return TRUSTED_NO
    if place.own:
        return TRUSTED_WHILE_CLEAN if place.remote.public else TRUSTED_YES
    return TRUSTED_YES if policy.scopes["pull_requests"].judge(place.repository).named else TRUSTED_NO


def _texts(call: Call) -> list[str]:
    """Return all text that would be sent, but for the repository and branches that were judged."""
    kept = {name: value for name, value in call.args.items() if name not in {"repository", "number"}}
    texts = [call.body.decode("utf-8", "replace"), json.dumps(kept, ensure_ascii=False, default=str)]
    try:
        fields = json.loads(call.body)
    except (ValueError, RecursionError):
        fields = None
    if isinstance(fields, dict):
        # Escapes of JSON undone: the address is in what is shown, not in how it is written.
        texts += [value for value in fields.values() if isinstance(value, str)]
    return texts
