"""The sandbox runtime (``srt``): hosts and paths of its settings file, and of the table of that name in Claude Code."""

from nucleus.audit.importers.draft import Draft, absolute_pattern
from nucleus.audit.node import Node
from nucleus.audit.permissions import ALLOW, DENY

_LISTS = (
    (("network", "allowedDomains"), ALLOW, "fetch"),
    (("network", "deniedDomains"), DENY, "fetch"),
    (("filesystem", "allowRead"), ALLOW, "read"),
    (("filesystem", "denyRead"), DENY, "read"),
    (("filesystem", "allowWrite"), ALLOW, "write"),
    (("filesystem", "denyWrite"), DENY, "write"),
)
_OTHER = {
    "excludedCommands": "no command runs outside of the box",
    "enableWeakerNestedSandbox": "there is no weaker mode",
    "allowUnsandboxedCommands": "no command runs outside of the box",
    "autoAllowBashIfSandboxed": "commands are allowed by name",
    "ignoreViolations": "a refusal is always recorded",
}
_NETWORK = {
    "allowUnixSockets": "sockets of the host are not handed into the box",
    "allowAllUnixSockets": "sockets of the host are not handed into the box",
    "allowLocalBinding": "loopback in the box is free",
    "httpProxyPort": "the gate has its own proxy",
    "socksProxyPort": "the gate has its own proxy",
}


def fill(draft: Draft, root: Node) -> None:
    """Carry a settings file over."""
    for path, table, key in _LISTS:
        listed = root.at(*path)
        for node in listed.strings() if listed is not None else []:
            text = node.text()
            pattern = ("**" if text == "*" else text) if key == "fetch" else absolute_pattern(text)
            draft.add(table, key, pattern, node)
    for holder, others in ((root, _OTHER), (root.get("network"), _NETWORK)):
        for name, why in others.items():
            key_node = holder.key(name) if holder is not None else None
            if key_node is not None:
                draft.lose(key_node, why)
