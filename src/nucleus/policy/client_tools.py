"""Tools that a client performs by itself, after its hook has asked.

The call is classified as what it does (``does``, one of our kinds), with what
a box or a transaction would vouch for taken away: the client's shell has the
network, its writes are on the host at once, and its searches leave nothing
out. So a hook asks more than the same call made through Nucleus.
"""

from collections.abc import Callable, Mapping
from typing import Any, Final

from nucleus.kernel.exposure import PRIVATE, SECRET
from nucleus.kernel.facts import SCOPE_ALLOW, SCOPE_ASK
from nucleus.lean import replace
from nucleus.policy import call as kinds
from nucleus.policy import commands, files, functions, network
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context, nothing_is_kept
from nucleus.policy.model import Policy

TREES: Final = frozenset((kinds.LIST, kinds.GLOB, kinds.GREP))
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
"""What a client's tool may be said to do. Anything else is a tool that nobody reviewed."""


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
    """Classify a tool of a client's: args ``client``, ``tool``, ``does``, and the arguments of that kind."""
    asked = replace(inner(call), seen=call.seen)
    bare = replace(context, attested=False, hides_secrets=False, transactional=False, kept=nothing_is_kept)
    facts = INNER.get(asked.kind, functions.unknown)(policy, asked, bare)
    if asked.kind in TREES:
        facts = _whole_tree(policy, asked, facts)
    return replace(facts, resolved=_visible(facts.resolved))


def _whole_tree(policy: Policy, call: Call, facts: Classified) -> Classified:
    """Return the facts of a search that leaves nothing out, whatever the policy hides."""
    legs = facts.legs | (PRIVATE | SECRET if call.kind == kinds.GREP else 0)
    if facts.scope == SCOPE_ALLOW and files.unseen(policy):
        why = "the client searches what the policy hides, too"
        return replace(facts, legs=legs, scope=SCOPE_ASK, why=why, next_step="name the one file that is meant")
    return replace(facts, legs=legs)


def _visible(resolved: Mapping[str, Any]) -> dict[str, Any]:
    """Return what was resolved, without what the policy hides: the client performs nothing by it."""
    return {name: value for name, value in resolved.items() if name not in {"hidden", "closed"}}
