"""Git: commits, branches, pulls and pushes, to remotes that the owner resolved.

A remote is what the policy says it is. The repository's own configuration is
never asked, so a ``remote set-url`` changes nothing here.
"""

import re
from typing import Any, Final

from nucleus.kernel.facts import SCOPE_ALLOW, SCOPE_DENY, TRUSTED_NO, TRUSTED_WHILE_CLEAN, TRUSTED_YES
from nucleus.lean import replace
from nucleus.policy import legs
from nucleus.policy.answer import FINE, Ruling, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.constraints import Judgement, Scope
from nucleus.policy.context import Context
from nucleus.policy.controls import secret_looking
from nucleus.policy.destinations import named
from nucleus.policy.files import hidden, labels_of, paths_of
from nucleus.policy.model import Policy, Remote
from nucleus.policy.paths import PathError, Place, locate
from nucleus.policy.routes import over_https

_OBJECT: Final = re.compile(r"[0-9a-f]{40}|[0-9a-f]{64}")
OWN: Final = "own"
"""In a scope of names: whatever is the workspace's own (remote, tracker, repository)."""

_BAD_REF: Final = re.compile(r"^[-/.]|[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|/\.|@\{|\.lock(?:/|$)|[/.]$|^@$|^HEAD$|^\+")


def commit(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a commit of ``paths``, or of everything. No sink: it stays here."""
    resolved: dict[str, Any] = {"hidden": hidden(policy, contents=False)}
    try:
        places = [locate(context.workspace, context.home, one) for one in paths_of(call.args)]
    except PathError as error:
        return answer(legs.COMMIT, call, deny(f"{error}"))
    rulings = [_committed(policy, place) for place in places]
    resolved["paths"] = [place.relative for place in places]
    return answer(legs.COMMIT, call, least(FINE, *rulings), resolved=resolved)


def _committed(policy: Policy, place: Place) -> Ruling:
    """Return the ruling on one path of a commit. What is hidden is refused alike, whether it is there or not.

    The worker leaves out what looks like a secret unless a path names exactly it: a push would carry it out.
    """
    if not place.inside:
        return deny(f"{place.absolute} is outside of the workspace")
    visible = policy.scopes["read"].judge(place.relative)
    if visible.scope == SCOPE_DENY and not visible.silent:
        return ruled(visible, "read", place.relative)
    if secret_looking(place.relative) and not visible.exact:
        return ask(f"{place.relative} looks like a secret; a commit keeps it for good, and a push carries it out")
    return FINE


def branch(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  the signature of all classifiers
    """Classify making a topic branch here."""
    name = call.args.get("branch")
    if type(name) is not str or not good_ref(name):
        return answer(legs.BRANCH, call, deny("not a branch name"))
    judgement = policy.scopes["branches"].judge(name)
    limited = judgement.scope != SCOPE_ALLOW and not judgement.silent
    ruling = ruled(judgement, "branches", name) if limited else FINE
    return answer(legs.BRANCH, call, ruling, target=Target(name), resolved={"branch": name})


def pull(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  likewise
    """Classify bringing in commits: clone, fetch, pull, checkout of somebody's change. The tree is untrusted then."""
    words = call.args.get("remote")
    found = remote_of(policy, words)
    ref = call.args.get("branch") or call.args.get("ref") or ""
    if type(ref) is not str or (ref and not good_ref(ref)):
        return answer(legs.PULL, call, deny("not a branch name"))
    if found is None:
        name = words if type(words) is str and words else "?"
        ruling = least(_stranger(policy, name), ask(f"{name!r} is no remote that the policy names"))
        return answer(legs.PULL, call, ruling, target=Target(name), resolved={"url": name})
    name, remote = found
    ruling = ruled(judge_own(policy.scopes["remotes"], name, own=remote.home), "remotes", name)
    target = Target(f"{name} {remote.url} {ref}".rstrip(), TRUSTED_YES, home=remote.home)
    return answer(legs.OWN_PULL, call, ruling, target=target, resolved={"url": over_https(remote.url), "ref": ref})


def push(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a push of one branch to one remote. Deleting is refused; forcing is the policy's to name."""
    words, ref = call.args.get("remote"), call.args.get("branch") or ""
    labels = labels_of(policy, context, ".", tree=True)
    if type(words) is not str or not words or type(ref) is not str:
        return answer(legs.PUSH, call, deny("a push names a remote and a branch"), labels=labels)
    unnamed = not ref
    ref = ref or context.branch
    if not good_ref(ref):
        return answer(legs.PUSH, call, deny("not a branch name; one plain branch is pushed at a time"), labels=labels)
    found = remote_of(policy, words)
    if found is None:
        ruling = least(_stranger(policy, words), _referred(policy, None, ref))
        return answer(legs.PUSH, call, ruling, labels=labels, target=Target(f"{words} {ref}"))
    name, remote = found
    judgement = judge_own(policy.scopes["remotes"], name, own=remote.home)
    rulings = [ruled(judgement, "remotes", name), _referred(policy, remote, ref)]
    if unnamed:
        rulings.append(ask(f"the call does not say which branch; {ref} is checked out", "name the branch in the call"))
    if call.args.get("delete"):
        rulings.append(deny("deleting a remote branch is never done"))
    force = bool(call.args.get("force"))
    if force and not remote.allow_force:
        rulings.append(deny(f"a forced push to {name}", "name forced updates for this remote in a trusted policy"))
    trusted = TRUSTED_NO if judgement.scope != SCOPE_ALLOW else TRUSTED_WHILE_CLEAN if remote.public else TRUSTED_YES
    full = ref if ref.startswith("refs/") else f"refs/heads/{ref}"
    resolved = {"url": remote.url, "source": full, "target": full, "force": force}
    target = Target(f"{name} {remote.url} {ref}", trusted, home=remote.home)
    return answer(legs.PUSH, call, least(*rulings), labels=labels, target=target, resolved=resolved)


def deliver(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a push that a box made: ``remote``, ``branch`` and ``tip``, the commit. The pack is the body.

    What is pushed is exactly the tip, and only forward.
    """
    tip = call.args.get("tip")
    facts = push(policy, call, context)
    if not (type(tip) is str and _OBJECT.fullmatch(tip)):
        return replace(facts, scope=SCOPE_DENY, why="a delivery names the commit that it brings")
    if "url" not in facts.resolved:
        return replace(facts, scope=SCOPE_DENY)
    url = over_https(str(facts.resolved["url"]))
    return replace(facts, resolved={"target": facts.resolved["target"], "url": url, "tip": tip})


def _referred(policy: Policy, remote: Remote | None, ref: str) -> Ruling:
    """Return what the scopes say of a ref. The owner's own words name a branch as well as a pattern does."""
    vouched = named(policy, ref.removeprefix("refs/tags/"))
    rulings = [ruled(policy.scopes["branches"].judge(ref), "branches", ref, vouched=vouched)]
    if remote is not None:
        rulings.append(ruled(remote.refs.judge(ref), "branches", ref, vouched=vouched))
    return least(*rulings)


def _stranger(policy: Policy, name: str) -> Ruling:
    """Return the ruling on a remote that the policy did not resolve: a question at most."""
    ruling = ruled(policy.scopes["remotes"].judge(name), "remotes", name)
    if "/" not in name:
        return deny(f"no remote {name!r} was resolved when the session began", f"[allow] remotes = [{name!r}]")
    return least(ruling, ask(f"{name} is no remote that the policy names", f"[allow] remotes = [{name!r}]"))


def remote_of(policy: Policy, words: object) -> tuple[str, Remote] | None:
    """Return name and remote, by its name or by exactly its URL. None if the owner did not resolve it."""
    if type(words) is not str or not words:
        return None
    remote = policy.remotes.get(words)
    if remote is not None:
        return words, remote
    return next(((name, one) for name, one in policy.remotes.items() if one.url == words), None)


def home_remote(policy: Policy) -> tuple[str, Remote] | None:
    """Return the workspace's own remote: ``origin`` if it is one of several."""
    own = {name: one for name, one in policy.remotes.items() if one.home}
    name = "origin" if "origin" in own else next(iter(own), None)
    return None if name is None else (name, own[name])


def judge_own(scope: Scope, value: str, *, own: bool) -> Judgement:
    """Judge a name; what is the workspace's own and otherwise named by nobody goes by ``own`` too."""
    judgement = scope.judge(value)
    if own and judgement.silent:
        alias = scope.judge(OWN)
        if alias.scope > judgement.scope:
            return alias
    return judgement


def good_ref(ref: str) -> bool:
    """Whether git takes this for the name of one ref, and no reader for an option, range or refspec."""
    return 0 < len(ref) <= 255 and not _BAD_REF.search(ref)
