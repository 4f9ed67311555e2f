"""Tools that a client performs by itself, after its hook has asked.

The call is classified as what it does (``does``, one of our kinds), with what
a box or a transaction would vouch for taken away: the client's shell has the
network, its writes are on the host at once, and its searches leave nothing
out. So a hook asks more than the same call made through Nucleus.

One call may be of several places: a list of paths, the two ends of a move.
Each place is judged for itself, and the call is as grave as the gravest.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import reduce
from operator import or_
from typing import Any, Final

from nucleus.kernel.exposure import PRIVATE, SECRET
from nucleus.kernel.facts import SCOPE_ALLOW, SCOPE_ASK, SCOPE_DENY
from nucleus.lean import replace
from nucleus.policy import call as kinds
from nucleus.policy import commands, files, functions, legs, network, refs
from nucleus.policy.answer import answer, deny
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context, nothing_is_kept
from nucleus.policy.controls import in_git
from nucleus.policy.model import Policy

MOVE: Final = kinds.MOVE
STAGE: Final = kinds.STAGE
TREES: Final = kinds.TREES
INNER: Final[Mapping[str, Callable[[Policy, Call, Context], Classified]]] = {
    kinds.READ: files.read,
    kinds.LIST: files.read,
    kinds.GLOB: files.read,
    kinds.GREP: files.read,
    kinds.WRITE: files.write,
    kinds.EDIT: files.write,
    kinds.DELETE: files.write,
    kinds.FETCH: network.fetch,
    kinds.RUN: commands.run,
    kinds.TOOL: functions.tool,
    kinds.MCP: functions.mcp,
    kinds.SPAWN: functions.spawn,
}
"""What a client's tool may be said to do, beside ``MOVE`` and ``STAGE``. Anything else is a tool nobody reviewed."""
OF_PATHS: Final = kinds.OF_PATHS
CHANGES: Final = frozenset((kinds.WRITE, kinds.EDIT))
PLACES: Final = kinds.PLACES


def inner(call: Call) -> Call:
    """Return the call that a client's tool stands for."""
    does = call.args.get("does")
    kind = does if type(does) is str and does in INNER else kinds.UNKNOWN
    if kind == kinds.FETCH:
        # What the client makes of the page is no part of the request.
        return Call(kind, {"url": call.args.get("url")})
    return Call(kind, {name: value for name, value in call.args.items() if name not in {"does", "client"}}, call.body)


def served(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a message to an MCP server: where its mapping says what it ``does``, like a client's own tool."""
    if call.args.get("violation") or call.args.get("op") is None or "does" not in call.args:
        return functions.mcp(policy, call, context)
    return functions.governed(policy, call, client_tool(policy, call, context))


def client_tool(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a tool of a client's: args ``client``, ``tool``, ``does``, and the arguments of that kind.

    ``paths`` is a list of what is otherwise ``path``.
    """
    does = call.args.get("does")
    if does != MOVE and "paths" not in call.args:
        return _one(policy, call, context)
    parts = _parts(call)
    if not parts:
        return answer(legs.UNREVIEWED, call, deny("no list of paths, or one that is too long to be looked at"))
    return gravest(policy, parts, [_one(policy, part, context) for part in parts])


def _parts(call: Call) -> list[Call]:
    """Return what one call does, place by place; nothing where that can't be said."""
    rest = {name: value for name, value in call.args.items() if name not in {"paths", "path", "to", "does"}}
    if call.args.get("does") == MOVE:
        source, target = call.args.get("path"), call.args.get("to")
        steps = [(kinds.LIST, source), (kinds.DELETE, source), (kinds.WRITE, target)]
    else:
        paths = call.args["paths"]
        proper = isinstance(paths, list | tuple) and 0 < len(paths) <= PLACES and call.args.get("does") in OF_PATHS
        also = [call.args["path"]] if "path" in call.args else []
        steps = [(str(call.args["does"]), path) for path in (*also, *paths)] if proper else []
    return [replace(call, args={**rest, "does": does, "path": path}) for does, path in steps]


def gravest(policy: Policy, parts: Sequence[Call], each: Sequence[Classified]) -> Classified:
    """Return the facts of doing all of it.

    INVARIANT: no fact is milder than the same one of any part, so that no verdict is either, for any state within the
    policy's authority (tests/policy/test_client_tools.py).
    """
    least = min(each, key=lambda one: policy.authority >> 2 * one.op & 0b11)
    worst = min(each, key=lambda one: one.scope)
    paths = [one.resolved["path"] for one in each if "path" in one.resolved]
    written = [
        one.resolved["path"]
        for part, one in zip(parts, each, strict=True)
        if part.args["does"] in CHANGES and "path" in one.resolved
    ]
    return replace(
        least,
        legs=reduce(or_, (one.legs for one in each)),
        carried=reduce(or_, (one.carried for one in each)),
        sink=reduce(or_, (one.sink for one in each)),
        scope=worst.scope,
        trusted=min(one.trusted for one in each),
        home=min(one.home for one in each),
        attested=min(one.attested for one in each),
        public=min(one.public for one in each),
        fixed=min(one.fixed for one in each),
        destination=", ".join(dict.fromkeys(one.destination for one in each if one.destination)),
        why=worst.why,
        where=worst.where,
        next_step=worst.next_step,
        resolved={"paths": list(dict.fromkeys(paths)), "written": written},
    )


def _one(policy: Policy, call: Call, context: Context) -> Classified:
    asked = replace(inner(call), seen=call.seen)
    bare = replace(context, attested=False, hides_secrets=False, transactional=False, kept=nothing_is_kept)
    if call.args.get("does") == STAGE:
        return _staged(policy, call, bare)
    facts = INNER.get(asked.kind, functions.unknown)(policy, asked, bare)
    if asked.kind in TREES:
        facts = _whole_tree(policy, asked, facts)
    return replace(facts, resolved=_visible(facts.resolved))


def _staged(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify giving one file to git's index: as a commit of it, whose content git reads."""
    path = call.args.get("path")
    facts = refs.commit(policy, Call(kinds.COMMIT, {"paths": [path]}, seen=call.seen), context)
    if type(path) is not str or facts.scope == SCOPE_DENY:
        return replace(facts, resolved={})
    (place,) = facts.resolved["paths"]
    if in_git(place) or place == ".":
        return answer(legs.COMMIT, call, deny("git's own storage, or everything: no file of the workspace"))
    return replace(facts, destination=place, resolved={"path": place})


def _whole_tree(policy: Policy, call: Call, facts: Classified) -> Classified:
    """Return the facts of a search that leaves nothing out, whatever the policy hides."""
    seen = facts.legs | (PRIVATE | SECRET if call.kind == kinds.GREP else 0)
    if facts.scope == SCOPE_ALLOW and files.unseen(policy):
        why = "the client searches what the policy hides, too"
        return replace(facts, legs=seen, scope=SCOPE_ASK, why=why, next_step="name the one file that is meant")
    return replace(facts, legs=seen)


def _visible(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was resolved, without what the policy hides: the client performs nothing by it."""
    return {name: value for name, value in resolved.items() if name not in {"hidden", "closed"}}
