"""What the gate knows of a principal's surroundings, and what it makes of calls there.

Classification, digests, the arguments of permits, and the label store around
effects on files. The policy of a principal only ever becomes tighter (``met``).
"""

import secrets
from collections.abc import Mapping
from hashlib import blake2b, sha256
from typing import Any, Final, NamedTuple, final

from nucleus.gate.effects import Outcome
from nucleus.gate.protocol import compact
from nucleus.gate.remotes import tip_of
from nucleus.kernel.capability import LAST_OP
from nucleus.kernel.exposure import ALL_SEEN
from nucleus.kernel.facts import ALL_SINKS, SCOPE_ASK, SCOPE_DENY, TRUSTED_NO
from nucleus.lean import replace
from nucleus.policy import call as kinds
from nucleus.policy.call import Call, Classified
from nucleus.policy.classify import classify
from nucleus.policy.client_tools import MOVE, inner
from nucleus.policy.context import Context
from nucleus.policy.labels import ANY, LabelStore
from nucleus.policy.model import Policy
from nucleus.policy.restrict import meet

OWN: Final[dict[str, frozenset[str]]] = {
    kinds.READ: frozenset(),
    kinds.LIST: frozenset(),
    kinds.GLOB: frozenset({"pattern"}),
    kinds.GREP: frozenset({"pattern", "glob", "regex", "fold"}),
    kinds.WRITE: frozenset({"parents"}),
    kinds.EDIT: frozenset(),
    kinds.DELETE: frozenset(),
    kinds.FETCH: frozenset({"method"}),
    kinds.SEARCH: frozenset({"q"}),
    kinds.GIT_STATUS: frozenset(),
    kinds.GIT_DIFF: frozenset({"staged", "base", "head"}),
    kinds.GIT_LOG: frozenset({"rev", "limit"}),
    kinds.COMMIT: frozenset(),
    kinds.BRANCH: frozenset({"switch"}),
    kinds.PUSH: frozenset(),
    kinds.PULL_REQUEST: frozenset(),
    kinds.COMMENT: frozenset({"number"}),
    kinds.LABEL: frozenset({"number", "label"}),
    kinds.ISSUE: frozenset({"number"}),
    kinds.RUN: frozenset(),
}
"""Arguments that an effect takes as the caller wrote them. No other gets through, or makes a call another one."""
BODILESS: Final = frozenset(OWN) - {
    kinds.WRITE,
    kinds.EDIT,
    kinds.COMMIT,
    kinds.PULL_REQUEST,
    kinds.COMMENT,
    kinds.RUN,
}
"""Kinds whose effect takes no bytes. A caller's would only make the same call look like another one."""
UNSHOWN: Final = frozenset({"hidden", "closed", "kept"})
"""Arguments of a permit that come from the policy and name what the policy hides, or from a look at what is there.

A denial is not bound to them: it stays one whatever the policy or the file becomes.
"""
NO_BOX: Final = "commands run in a box only, and this session has none"
CHANGES: Final = frozenset({kinds.WRITE, kinds.EDIT})
_bound: Final = compact(ordered=True, default=repr)
_NO_BODY: Final = sha256().digest()


class Bound(NamedTuple):
    """What a person's answer to a call is bound to."""

    digest: str
    """Of an approval: call, destination, content and policy."""
    essence: str
    """Of a denial: the same without the policy, which a caller can tighten."""


@final
class Tree:
    """The policies of a gate's principals, and the one workspace that they share."""

    def __init__(
        self, policy: Policy, context: Context, labels: LabelStore, principal: str, made: set[str] | None = None
    ) -> None:
        self._policies = {principal: policy}
        self._context = context
        self._labels = labels
        self._made = set() if made is None else made
        """Files that did not exist before this session wrote them."""
        self._key = secrets.token_bytes(32)
        self._last_beyond: tuple[str, object, bytes] = "", None, b""
        self._no_box = ""
        """Why there is no box for commands; "" as long as nobody has looked."""

    def policy_of(self, principal: str) -> Policy:
        """Return the policy that holds for a principal now."""
        return self._policies[principal]

    @property
    def box_known(self) -> bool:
        """Whether it is known if commands have a box here."""
        return self._context.attested or bool(self._no_box)

    def boxed(self, outcome: Outcome) -> None:
        """Take the word of the worker of commands: a box that passed its self-test vouches for what runs in it.

        INVARIANT: only ``ok`` makes ``attested`` and ``hides_secrets`` true (test_tree.py); each run tests anew.
        """
        if outcome.status == "ok" and outcome.value.get("attested") is True:
            self._context = replace(self._context, attested=True, hides_secrets=True)
            return
        said = (outcome.value.get(name, "") for name in ("message", "why", "fix"))
        self._no_box = ": ".join(str(one) for one in said if one) or NO_BOX

    @property
    def locks(self) -> frozenset[str]:
        """Return what the lock files that the owner trusts pin."""
        return self._context.locks

    def met(self, principal: str, policy: Policy) -> None:
        """Let ``policy`` hold too: the principal's becomes the meet. A new principal gets ``policy``."""
        known = self._policies.get(principal)
        self._policies[principal] = policy if known is None else meet(known, policy)

    def classified(self, principal: str, call: Call, kept: str = "") -> Classified:
        """Return the facts of a call. What can't be classified is the worst case, and denied.

        ``kept`` is the SHA-256 of what is at the path of a deletion, if a host commit keeps exactly that;
        the deletion is then of that content, or none.
        """
        try:
            if kept:
                context = replace(self._context, kept=lambda _: True)
                facts = classify(self._policies[principal], call, context)
                return replace(facts, resolved={**facts.resolved, "kept": kept})
            facts = classify(self._policies[principal], call, self._context)
            if call.kind == kinds.RUN and not self._context.attested:
                # Nobody is asked about a command that nothing here could run.
                why = self._no_box or NO_BOX
                return replace(facts, scope=SCOPE_DENY, why=why, where="", next_step=why)
            return self._pinned(call, facts)
        except Exception as error:  # noqa: BLE001  an internal error is a deny with a reason
            return unclassifiable(f"internal error while classifying: {type(error).__name__}: {error}")

    def _pinned(self, call: Call, facts: Classified) -> Classified:
        """Return the facts with the commit that a push takes: an approval is for that one, and so is the permit."""
        if call.kind not in {kinds.PUSH, kinds.PULL_REQUEST}:
            return facts
        resolved = dict(facts.resolved)
        if call.kind == kinds.PUSH and "source" in resolved:
            resolved["tip"] = tip_of(self._context.workspace, resolved["source"])
        elif call.kind == kinds.PULL_REQUEST and "push" in resolved:
            tip = tip_of(self._context.workspace, resolved["push"]["source"])
            resolved["push"] = {**resolved["push"], "tip": tip}
        else:
            return facts
        return replace(facts, resolved=resolved)

    def bound(self, principal: str, call: Call, facts: Classified) -> Bound:
        """Return what answers to this call are bound to, under this gate's key.

        Both are over what would be performed, in the one form in which it would be: two spellings are one call.
        """
        done = self.arguments(call, facts)
        unshown = {name: done.pop(name) for name in UNSHOWN if name in done}
        body = sha256(call.body).digest() if call.body else _NO_BODY
        keyed = blake2b(_bound([call.kind, facts.destination, done]) + body, digest_size=32, key=self._key)
        essence = keyed.hexdigest()
        # What the digest adds stands behind a list and 32 bytes, where each essence ends: neither text is the other's.
        keyed.update(self._beyond(self._policies[principal].digest, unshown))
        return Bound(keyed.hexdigest(), essence)

    def _beyond(self, policy: str, unshown: dict[str, Any]) -> bytes:
        """Return the text of what a denial is not bound to: mostly the same as at the call before."""
        known, hidden, text = self._last_beyond
        alone = len(unshown) == 1 and "hidden" in unshown
        if alone and known == policy and unshown["hidden"] is hidden:
            return text
        text = _bound({"policy": policy, "unshown": unshown})
        if alone:
            self._last_beyond = policy, unshown["hidden"], text
        return text

    def arguments(self, call: Call, facts: Classified) -> dict[str, Any]:
        """Return the arguments of the permit: the caller's that count, with what was resolved laid over them."""
        counted = OWN.get(call.kind)
        if counted is None:
            return {**call.args, **facts.resolved}
        own = {name: value for name, value in call.args.items() if name in counted} if counted else {}
        return {**own, **facts.resolved}

    def shown(self, call: Call, facts: Classified) -> dict[str, Any]:
        """Return the arguments of the permit as a person sees them."""
        return _shown(self.arguments(call, facts))

    def before(self, call: Call, facts: Classified, exposure: int) -> None:
        """Label what a write is about to bring, durably. Raises OSError; then the write is not tried."""
        if call.kind in {kinds.CLIENT, kinds.MCP}:
            self._performed_elsewhere(call, facts, exposure | call.seen)
        if call.kind in CHANGES:
            digest = sha256(call.body).hexdigest() if call.kind == kinds.WRITE else ANY
            self._labels.will_write(str(facts.resolved["path"]), digest, exposure | call.seen)

    def _performed_elsewhere(self, call: Call, facts: Classified, exposure: int) -> None:
        """Label what a client's or a server's own tool is about to write."""
        if call.args.get("does") == MOVE:
            for path in facts.resolved.get("written", ()):
                self._labels.mark_tree(str(path), exposure)  # what moves may be a directory
        elif "written" in facts.resolved:
            self._labels.will_write_all(dict.fromkeys(map(str, facts.resolved["written"]), ANY), exposure)
        elif inner(call).kind in CHANGES and "path" in facts.resolved:
            self._labels.will_write(str(facts.resolved["path"]), ANY, exposure)

    def after(self, call: Call, facts: Classified, outcome: Outcome) -> int:
        """Note what is in place after an effect; return the exposure of what was really read."""
        if call.kind == kinds.WRITE:
            if outcome.value.get("created") is True:
                self._made.add(str(facts.resolved["path"]))
            self._labels.settle(str(facts.resolved["path"]), sha256(call.body).hexdigest())
        if call.kind == kinds.BRANCH and call.args.get("switch") is True:
            self._context = replace(self._context, branch=str(facts.resolved["branch"]))
        if call.kind == kinds.READ:
            return self._labels.saw(str(facts.resolved["path"]), sha256(outcome.body).hexdigest())
        return 0


def _shown(args: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in args.items() if name not in UNSHOWN}


def unclassifiable(why: str) -> Classified:
    """Return the worst case: every leg, every sink, denied by scope."""
    return Classified(LAST_OP, ALL_SEEN, ALL_SEEN, ALL_SINKS, SCOPE_DENY, TRUSTED_NO, 0, 0, 0, 0, why=why)


def pushes(facts: Classified) -> Mapping[str, Any]:
    """Return what is pushed by a push or a pull request: url, source, target, tip. Empty where nothing is."""
    resolved = facts.resolved
    found = resolved.get("push", resolved)
    return found if "source" in found else {}


def chosen_in_quarantine(facts: Classified) -> Classified:
    """Return the facts of a call of which an argument left a quarantine: somebody not trusted chose it.

    It is no trusted destination and no fixed value, and a person is asked.
    """
    why = facts.why or "an argument was chosen by content that nobody vouches for"
    scope = min(facts.scope, SCOPE_ASK)
    return replace(facts, scope=scope, trusted=TRUSTED_NO, home=0, fixed=0, public=0, why=why)
