"""The smallest policy that keeps what a configuration uses and breaks its three legs.

"Uses" is what its servers and its allowed rules can do, as rows of the leg
table. "Breaks" is checked by the kernel: the calls that complete the legs today
are put to ``decide`` again under the suggested policy, as the product's own
loader reads it, and the last one must not go through by itself.
"""

import json
import shlex
from collections.abc import Iterable, Sequence
from typing import Final, final

from nucleus.audit import legs
from nucleus.audit.permissions import ALLOW, MCP
from nucleus.audit.project import Project
from nucleus.audit.rules.permissions_three_legs import rows_of
from nucleus.audit.rules.unmediated_server import mediated
from nucleus.audit.servers import Server
from nucleus.kernel import capability, decide
from nucleus.kernel.boundary import admit
from nucleus.kernel.capability import ALWAYS, LAST_OP, LOW_BITS, LOW_RISK, NEVER, NOTHING
from nucleus.kernel.exposure import CLEAN, nu, reach
from nucleus.kernel.state import BUDGET_LIMIT, State
from nucleus.lean import dataclass
from nucleus.policy.legs import CAPABILITY_NAMES, LEG_TABLE, Row
from nucleus.policy.load import LayerFile, OwnerChoices, load_policy
from nucleus.policy.profiles import profile_names

_LEVELS: Final = {NEVER: "never", LOW_RISK: "low_risk", ALWAYS: "always"}
_VERDICTS: Final = {decide.DENY: "denied", decide.ASK: "asked about", decide.ALLOW: "allowed"}
_RULES: Final = {
    decide.CAPABILITY: "capability",
    decide.DESTINATION: "destination",
    decide.UNINHABITABLE_RULE: "uninhabitable",
    decide.LOW_RISK_RULE: "low_risk",
    decide.CONTROL_RULE: "control",
    decide.SECRET_RULE: "secret",
}


@final
@dataclass(frozen=True, slots=True)
class Suggestion:
    """A policy text with the kernel's own answer to the calls that complete the legs today."""

    profile: str
    text: str
    path: tuple[Row, ...]
    verdict: int
    rules: int
    lost: tuple[str, ...]
    """Capabilities in use that no built-in profile gives."""


def used_authority(rows: Iterable[Row]) -> int:
    """Return the authority that gives always to each capability in use."""
    authority = NOTHING
    for row in rows:
        authority |= ALWAYS << 2 * row.op
    return authority


def closest_profile(wanted: int) -> str:
    """Return the built-in profile that lacks least of ``wanted``, and of those the one that gives least besides."""

    def rank(name: str) -> tuple[int, int, str]:
        given = load_policy([], OwnerChoices(profile=name)).authority & LOW_BITS
        return (wanted & LOW_BITS & ~given).bit_count(), (given & ~wanted).bit_count(), name

    return min(profile_names(), key=rank)


def smallest(rows: Sequence[Row]) -> Suggestion:
    """Return the smallest policy under which ``rows`` still can be used and do not complete the legs unasked."""
    path = legs.witness(rows)
    wanted = used_authority(rows)
    profile = closest_profile(wanted)
    ceiling = load_policy([], OwnerChoices(profile=profile)).authority
    authority = nu(LEG_TABLE, ceiling & wanted)
    text = _policy(profile, ceiling, authority)
    policy = load_policy([LayerFile("--policy", "nucleus.toml", text.encode(), trusted=True, why="suggested")])
    verdict, rules = _put(path, policy.authority)
    lost = tuple(
        CAPABILITY_NAMES[op]
        for op in range(LAST_OP + 1)
        if capability.level(wanted, op) and not capability.level(policy.authority, op)
    )
    return Suggestion(profile, text, path, verdict, rules, lost)


def _policy(profile: str, ceiling: int, authority: int) -> str:
    """Return the file: the profile, and each level that is below it."""
    lines = ["version = 1", f'profile = "{profile}"']
    lower = [
        f'{CAPABILITY_NAMES[op]} = "{_LEVELS[capability.level(authority, op)]}"'
        for op in range(LAST_OP + 1)
        if capability.level(authority, op) != capability.level(ceiling, op)
    ]
    if lower:
        lines += ["", "[capabilities]", *lower]
    return "\n".join(lines) + "\n"


def _put(path: "Sequence[Row]", authority: int) -> tuple[int, int]:
    """Return the kernel's answer to the last call of a path, or to the first that is denied before it."""
    state = State(authority, CLEAN, BUDGET_LIMIT, 0)
    verdict, rules = decide.ALLOW, 0
    for row in path:
        verdict, rules, state = admit(state, legs.request(row))
        if verdict != decide.ALLOW:
            break
    return verdict, rules


def suggest(project: Project) -> str:
    """Return the report: the policy, the witness that is now refused, allow-lists for each client, how to wrap."""
    servers = [server for server in project.servers if not server.disabled]
    rows = [row for server in servers for row in legs.reach_of(server).rows]
    rows += [row for grant in project.grants for row in rows_of(grant)]
    if not rows:
        return "nothing here gives an agent any power that could be limited\n"
    found = smallest(list(dict.fromkeys(rows)))
    parts = [
        f"# nucleus.toml: the smallest built-in profile for what is used here is {found.profile}\n",
        found.text,
        "\n",
    ]
    parts.append(_proof(found))
    clients = dict.fromkeys(server.client for server in servers)
    parts += [_allow_list(project, one, [server for server in servers if server.client == one]) for one in clients]
    paths = list(dict.fromkeys(server.source.path for server in servers if not mediated(server)))
    if paths:
        parts.append("\n# the mediator in front of each server:\n")
        parts.append(f"# nucleus mcp wrap {' '.join(_word(path) for path in paths)}\n")
    return "".join(parts)


def _word(path: str) -> str:
    """Return a path as a shell reads it; a leading ``~/`` stays what it is."""
    return f"~/{shlex.quote(path[2:])}" if path.startswith("~/") else shlex.quote(path)


def _proof(found: Suggestion) -> str:
    reached = legs.names(reach(LEG_TABLE, used_authority(found.path)))
    lines = []
    if not found.path:
        lines.append("# the three legs are not complete in what is used here")
    else:
        steps = "; then ".join(legs.names(legs.legs([row])) for row in found.path)
        rules = ", ".join(word for bit, word in _RULES.items() if found.rules & bit)
        lines.append(f"# today, without a question: {steps}")
        lines.append(f"# under this policy the kernel's answer: {_VERDICTS[found.verdict]} (rule {rules})")
        if found.verdict == decide.ALLOW:
            lines.append(f"# NOT broken: {reached}")
    if found.lost:
        lines.append(f"# not kept, because no built-in profile gives it: {', '.join(found.lost)}")
    return "\n".join(lines) + "\n"


def _known_tools(project: Project, server: Server) -> "list[str]":
    """Return the tools of a server that the configuration names."""
    named = [*(server.tools or []), *(node.text() for node in server.approved)]
    rules = [g for g in project.grants if g.tool == MCP and g.action == ALLOW and g.server()[0] == server.name]
    named.extend(grant.server()[1] for grant in rules if "*" not in grant.server()[1])
    return sorted({name for name in named if name and name != "*"})


def _allow_list(project: Project, client: str, servers: "Sequence[Server]") -> str:
    """Return a snippet in the client's own form that allows the tools which are named here, and no others."""
    tools = {server.name: _known_tools(project, server) for server in servers}
    unknown = [name for name, some in tools.items() if not some]
    head = f"\n# {client}: only these tools without a question"
    if unknown:
        head += f"; tools of {', '.join(unknown)} are not named anywhere: see nucleus mcp pins list"
    return f"{head}\n{_snippet(client, tools)}\n"


def _snippet(client: str, tools: "dict[str, list[str]]") -> str:
    if client == "codex":
        return "\n".join(
            f"[mcp_servers.{json.dumps(name)}]\nenabled_tools = {json.dumps(some)}" for name, some in tools.items()
        )
    if client in {"gemini", "qwen"}:
        content: object = {"mcpServers": {name: {"includeTools": some, "trust": False} for name, some in tools.items()}}
    elif client == "cursor":
        content = {"permissions": {"allow": [f"Mcp({name}:{tool})" for name, some in tools.items() for tool in some]}}
    elif client == "opencode":
        allowed: dict[str, str] = {}
        for name, some in tools.items():
            allowed[f"{name}_*"] = "ask"
            allowed.update({f"{name}_{tool}": "allow" for tool in some})
        content = {"permission": allowed}
    elif client in {"kiro", "amazonq", "cline", "roo"}:
        key = "alwaysAllow" if client in {"cline", "roo"} else "autoApprove"
        content = {"mcpServers": {name: {key: some} for name, some in tools.items()}}
    else:
        content = {"permissions": {"allow": [f"mcp__{name}__{tool}" for name, some in tools.items() for tool in some]}}
    return json.dumps(content, indent=2)
