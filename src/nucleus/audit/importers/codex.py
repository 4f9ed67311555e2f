"""Codex: the sandbox mode, permission profiles, servers' tools, and prefix rules of a ``.rules`` file."""

from nucleus.audit.importers.draft import Draft, absolute_pattern
from nucleus.audit.node import Node
from nucleus.audit.permissions import ALLOW, DENY, exec_rules
from nucleus.kernel import capability as cap


def fill(draft: Draft, root: Node) -> None:  # noqa: C901  one clause for each key
    """Carry a ``config.toml`` over."""
    mode = root.get("sandbox_mode")
    if mode is not None and mode.text() == "workspace-write":
        draft.add(ALLOW, "write", "**", mode)
    elif mode is not None and mode.text() == "danger-full-access":
        draft.lose(mode, "full access is not a policy; name what is needed")
    draft.ops.add(cap.RUN_BASH)
    workspace = root.get("sandbox_workspace_write")
    if workspace is not None:
        roots, network = workspace.get("writable_roots"), workspace.get("network_access")
        for node in roots.strings() if roots is not None else []:
            draft.add(ALLOW, "write", absolute_pattern(node.text()), node)
        if network is not None and network.is_true():
            draft.lose(network, "the whole network is not allowed; name hosts under [allow] fetch")
    approval = root.get("approval_policy")
    if approval is not None and approval.text() == "never":
        draft.lose(approval, "there is no mode that answers questions by itself; not interactive means denied")
    profiles = root.get("permissions")
    for _, profile in profiles.entries() if profiles is not None else ():
        _profile(draft, profile)
    servers = root.get("mcp_servers")
    for key, server in servers.entries() if servers is not None else ():
        for name, table in (("enabled_tools", ALLOW), ("disabled_tools", DENY)):
            listed = server.get(name)
            for node in listed.strings() if listed is not None else []:
                draft.tool(str(key.value), table, node.text())
    key_node = root.key("projects")
    if key_node is not None:
        draft.lose(key_node, "trust in a project's policy is given by nucleus policy trust")


def _profile(draft: Draft, profile: Node) -> None:
    domains = profile.at("network", "domains")
    for key, node in domains.entries() if domains is not None else ():
        draft.add(ALLOW if node.text() == "allow" else DENY, "fetch", str(key.value), key)
    files = profile.get("filesystem")
    for key, node in files.entries() if files is not None else ():
        pattern, access = absolute_pattern(str(key.value)), node.text()
        if access == "write":
            draft.add(ALLOW, "write", pattern, key)
        if access in {"read", "write"}:
            draft.add(ALLOW, "read", pattern, key)
        elif access in {"deny", "none"}:
            draft.add(DENY, "read", pattern, key)


def fill_rules(draft: Draft) -> None:
    """Carry the prefix rules of a ``.rules`` file over."""
    for grant in exec_rules(draft.source):
        draft.grant(grant)
