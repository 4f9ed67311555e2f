"""Functions of the user's own, tools that nobody reviewed, and spawning.

A declared function is at least its capability's floor, and goes to the
destination that its owner declared. An unreviewed tool is the worst case: a
shell under another name, which the agent can point anywhere.
"""

import json
from typing import Final

from nucleus.kernel import capability as cap
from nucleus.kernel.facts import ALL_SINKS, IRREVERSIBLE, SCOPE_ALLOW, SCOPE_ASK, TRUSTED_NO, TRUSTED_YES
from nucleus.lean import replace
from nucleus.policy import legs
from nucleus.policy.addresses import AddressError, parse_url, private_host
from nucleus.policy.answer import FINE, Ruling, Target, answer, ask, deny, least, ruled
from nucleus.policy.call import Call, Classified
from nucleus.policy.context import Context
from nucleus.policy.controls import Steering, steering
from nucleus.policy.destinations import (
    addressee_is_trusted,
    named,
    own_repositories,
    payload_is_trusted,
    trust_in_url,
)
from nucleus.policy.model import UNKNOWN_SERVER, Policy
from nucleus.policy.paths import PathError, locate
from nucleus.policy.refs import judge_own

GRAVE: Final = frozenset(("destroy", "admin", "pay"))
"""Acts on accounts, keys, money, or what can't be restored: trusted by policy only, never by words or a directory."""

_READS: Final = frozenset((cap.READ_FILES, cap.GLOB_SEARCH, cap.GREP_SEARCH))
_WRITES: Final = frozenset((cap.WRITE_FILES, cap.EDIT_FILES, cap.GIT_COMMIT))
_FETCHES: Final = frozenset((cap.WEB_FETCH, cap.WEB_SEARCH))


def tool(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a declared function: args ``op`` (a capability's name), ``destination``, ``act`` and ``arguments``."""
    op = _op(call.args.get("op"))
    destination = call.args.get("destination") or ""
    act = call.args.get("act") or ""
    if op is None or type(destination) is not str or type(act) is not str:
        return answer(legs.UNREVIEWED, call, deny("a tool declares an op and a destination, as text"))
    row = legs.TOOLS[op]
    if op in _READS:
        return _reads(policy, call, op, destination)
    if op in _WRITES:
        facts = _writes(policy, call, context, op, destination)
        # What can't be undone is a sink wherever it happens.
        return replace(facts, sink=facts.sink | IRREVERSIBLE) if act else facts
    if op in {cap.RUN_BASH, cap.MANAGE_PODS}:
        return answer(row, call, FINE, target=Target(destination))
    ruling, trusted = _sends(policy, context, op, destination)
    text = json.dumps(call.args.get("arguments"), ensure_ascii=False, default=str)
    if not payload_is_trusted(policy, context, text + "\n" + call.body.decode("utf-8", "replace")):
        trusted = TRUSTED_NO
    sink = 0
    if act:
        sink = IRREVERSIBLE
        # An act that nobody knows is as grave as the known ones.
        if act == "publish" and policy.flags.publish_asks:
            ruling = least(
                ruling, ask("an upload of a package is always a question", where=f"profile {policy.profile}")
            )
        if act != "send" and not policy.scopes["channels"].judge(destination).named:
            trusted = TRUSTED_NO
    return answer(row, call, ruling, sink=sink, target=Target(destination, trusted))


def unknown(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  the signature of all classifiers
    """Classify a tool without a reviewed mapping: args ``server`` and ``tool``.

    The worst case, and a question. ``[mcp.NAME] allow`` answers for its name, not for what it does: it stays a
    sink of every kind, so the kernel asks still.
    """
    server, name = call.args.get("server"), call.args.get("tool")
    rule = policy.mcp.get(server, UNKNOWN_SERVER) if type(server) is str else UNKNOWN_SERVER
    shown = f"{server or '?'}: {name or '?'}"
    ruling = ask(f"nobody reviewed what {shown} does", "your yes to exactly this call")
    if type(name) is str and name:
        judgement = rule.tools.judge(name)
        if judgement.scope != SCOPE_ASK:
            ruling = ruled(judgement, f"mcp.{server}", name)
    return answer(legs.UNREVIEWED, call, ruling, target=Target(shown))


def mcp(policy: Policy, call: Call, context: Context) -> Classified:
    """Classify a message to an MCP server: args ``server`` and ``tool``; of a reviewed mapping also those of ``tool``.

    Without ``op`` it is the worst case. ``echoes`` false: the answer is made by the server alone, of nothing that
    others wrote. ``violation``: what a server or client did against the protocol; refused, so that it is on record.
    """
    if call.args.get("violation"):
        return answer(legs.UNREVIEWED, call, deny("against the protocol"))
    if call.args.get("op") is None:
        return unknown(policy, call, context)
    return governed(policy, call, tool(policy, call, context))


def governed(policy: Policy, call: Call, facts: Classified) -> Classified:
    """Return the facts of a reviewed tool of a server, as far as ``[mcp.NAME]`` lets them stand."""
    server, name = call.args.get("server"), call.args.get("tool")
    rule = policy.mcp.get(server, UNKNOWN_SERVER) if type(server) is str else UNKNOWN_SERVER
    ruling = deny("a tool has a name")
    if type(name) is str and name:
        judgement = rule.tools.judge(name)
        ruling = ruled(judgement, f"mcp.{server}", name)
        if judgement.silent and ruling.scope == SCOPE_ASK:
            ruling = ruling._replace(next_step=f"[mcp.{server}] allow = [{name!r}] in a trusted policy")
    if ruling.scope < facts.scope:
        facts = replace(facts, scope=ruling.scope, why=ruling.why, where=ruling.where, next_step=ruling.next_step)
    echoed = 0 if call.args.get("echoes") is False else legs.UNREVIEWED.legs
    return replace(facts, legs=facts.legs | echoed)


def spawn(policy: Policy, call: Call, context: Context) -> Classified:  # noqa: ARG001  likewise
    """Classify starting an agent, pod or VM."""
    return answer(legs.SPAWN, call, FINE, target=Target(str(call.args.get("name") or "")))


def _op(name: object) -> int | None:
    """Return the number of a capability by name, or the number itself."""
    if type(name) is int:
        return name if 0 <= name <= cap.LAST_OP else None
    return legs.CAPABILITY_NAMES.index(name) if isinstance(name, str) and name in legs.CAPABILITY_NAMES else None


def _reads(policy: Policy, call: Call, op: int, destination: str) -> Classified:
    """Classify reading: without a destination what the program itself holds, else a service of somebody's."""
    if not destination:
        return answer(legs.TOOLS[op], call, FINE)
    row = {cap.GLOB_SEARCH: legs.OUTSIDE_GLOB, cap.GREP_SEARCH: legs.OUTSIDE_GREP}.get(op, legs.SERVICE_READ)
    judgement = policy.scopes["services"].judge(destination)
    ruling = ruled(judgement, "services", destination, vouched=named(policy, destination))
    return answer(row, call, ruling, target=Target(destination))


def _writes(policy: Policy, call: Call, context: Context, op: int, destination: str) -> Classified:
    """Classify changing something here. A destination is a path of the workspace."""
    row = legs.TOOLS[op]
    if not destination:
        return answer(row, call, FINE)
    try:
        place = locate(context.workspace, context.home, destination)
    except PathError as error:
        return answer(row, call, deny(f"{error}"))
    if not place.inside:
        return answer(row, call, deny(f"{place.absolute} is outside of the workspace"))
    ruling = ruled(policy.scopes["write"].judge(place.relative), "write", place.relative)
    held = Steering.CONTROL if context.transactional else Steering.HELD
    sink = ALL_SINKS & legs.CONTROL_WRITE.sink if steering(place.relative) >= held else 0
    return answer(row, call, ruling, sink=sink, target=Target(place.relative))


def _sends(policy: Policy, context: Context, op: int, destination: str) -> tuple[Ruling, int]:
    """Return the ruling on a destination that something leaves for, and how far it is trusted."""
    if not destination:
        return ask("the tool does not say where it sends to", "declare its destination"), TRUSTED_NO
    if op in _FETCHES or "://" in destination:
        return _sends_to_url(policy, destination)
    scopes = policy.scopes
    if op == cap.GIT_PUSH:
        judgement = scopes["remotes"].judge(destination)
        return ruled(judgement, "remotes", destination), TRUSTED_YES if judgement.named else TRUSTED_NO
    judgement = scopes["channels"].judge(destination)
    own = any(destination.lower() == name.lower() for _, name in own_repositories(policy))
    repository = judge_own(scopes["pull_requests"], destination, own=own)
    if repository.named and repository.scope == SCOPE_ALLOW and judgement.silent:
        return FINE, TRUSTED_YES
    vouched = addressee_is_trusted(policy, context, destination)
    return ruled(judgement, "channels", destination, vouched=vouched), TRUSTED_YES if vouched else TRUSTED_NO


def _sends_to_url(policy: Policy, destination: str) -> tuple[Ruling, int]:
    """Return the ruling on a URL or host, and how far it is trusted."""
    try:
        url = parse_url(destination if "://" in destination else f"https://{destination}/")
    except AddressError as error:
        return deny(f"{error}"), TRUSTED_NO
    if private_host(url.host):
        return deny(f"{url.host} is a name of a local network"), TRUSTED_NO
    judgement = policy.scopes["fetch"].judge(url.judged)
    trusted = trust_in_url(policy, url, vouched=judgement.named)
    return ruled(judgement, "fetch", destination, vouched=trusted == TRUSTED_YES), trusted
