"""Claude Code: permission rules, directories, and the sandbox's hosts and paths."""

from nucleus.audit.importers import srt
from nucleus.audit.importers.draft import Draft, absolute_pattern
from nucleus.audit.node import Node
from nucleus.audit.permissions import ALLOW, grants_of

_OTHER = {
    "hooks": "hooks run beside a policy, not in it",
    "env": "variables are named under [allow] env, their values stay outside",
    "apiKeyHelper": "keys stay outside; see [allow] model",
    "enableAllProjectMcpServers": "servers are allowed one by one, under [mcp.NAME]",
    "enabledMcpjsonServers": "tools are allowed one by one, under [mcp.NAME]",
}


def fill(draft: Draft, root: Node) -> None:
    """Carry a ``settings.json`` over."""
    for grant in grants_of(draft.source, "claude-code", (root,)):
        draft.grant(grant)
    directories = root.at("permissions", "additionalDirectories")
    for node in directories.strings() if directories is not None else []:
        if node.text().startswith(".."):
            draft.lose(node, "name the place from the root of the file system")
            continue
        draft.add(ALLOW, "read", absolute_pattern(node.text()), node)
        draft.add(ALLOW, "write", absolute_pattern(node.text()), node)
    mode = root.at("permissions", "defaultMode")
    if mode is not None and mode.text() not in {"default", "plan"}:
        draft.lose(mode, "there is no mode that answers questions by itself")
    sandbox = root.get("sandbox")
    if sandbox is not None:
        srt.fill(draft, sandbox)
    for name, why in _OTHER.items():
        key = root.key(name)
        if key is not None:
            draft.lose(key, why)
