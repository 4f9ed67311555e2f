"""The agent's questions are switched off as a whole.

## Why

`bypassPermissions`, `--dangerously-skip-permissions`, `--yolo`, `approval_policy = "never"` with full access: every
tool runs at once with your authority. One injected sentence is then one executed command.

## Example

```json
{ "permissions": { "defaultMode": "bypassPermissions" } }
```

## Fix

Leave the mode at its default, or put the walls outside of the agent: `nucleus run -- claude`. `--fix` restores the
default where a settings file sets the mode.

## Limits

In a container without network and credentials the flag can be right; say so in a suppression.
"""

from collections.abc import Iterator

from nucleus.audit import edits
from nucleus.audit.model import Confidence, Finding, Fix, Rule, Severity
from nucleus.audit.node import Node
from nucleus.audit.project import Document, Project
from nucleus.audit.workflows import BYPASS_FLAG

RULE = Rule("bypass-mode", "all questions switched off", Severity.HIGH, Confidence.HIGH)
_VALUES = (
    (("permissions", "defaultMode"), ("bypassPermissions",), "default"),
    (("defaultMode",), ("bypassPermissions",), "default"),
    (("permissionMode",), ("bypassPermissions",), "default"),
    (("general", "defaultApprovalMode"), ("yolo",), "default"),
    (("defaultApprovalMode",), ("yolo",), "default"),
    (("approvalMode",), ("yolo",), "default"),
    (("agent", "tool_permissions", "default"), ("allow",), "confirm"),
    (("chat.permissions.default",), ("autopilot", "bypassApprovals", "allowAll"), "default"),
)
_FLAGS = (
    ("yolo",), ("yoloMode",), ("chat.tools.autoApprove",), ("chat.tools.global.autoApprove",),
    ("agent", "always_allow_tool_actions"), ("amp.dangerouslyAllowAll",), ("yes-always",), ("skipDangerousModePermissionPrompt",),  # noqa: E501  one pattern or table row, one line
    ("bypassPermissionsModeAccepted",), ("dangerously_allow_all",), ("options", "yolo"), ("permissions", "skip_requests"), ("trustAllTools",),  # noqa: E501  one pattern or table row, one line
)  # fmt: skip


def check(project: Project) -> Iterator[Finding]:  # noqa: C901  one clause for each client or kind
    """Yield settings, command lines and front matter that switch questions off."""
    for document in project.of("config", "instructions"):
        if document.root is not None:
            yield from _settings(document, document.root)
    for document in project.of("script", "dockerfile", "devcontainer", "workflow", "compose", "pod"):
        for match in BYPASS_FLAG.finditer(document.source.text):
            line = document.source.line_span(document.source.position(match.start())[0])
            if document.source.text[line[0] : match.start()].lstrip().startswith(("#", "//", "*")):
                continue
            yield RULE.at(
                document.source, *match.span(), f"{match[0].strip()} switches every question off", subject=match[0]
            )
    for hook in (*project.hooks, *project.helpers):
        if BYPASS_FLAG.search(hook.command):
            yield RULE.at(
                hook.source,
                hook.node.start,
                hook.node.end,
                f"the {hook.event} command starts an agent without questions",
                subject=hook.event,
            )
    for server in project.servers:
        for word in server.words:
            if BYPASS_FLAG.search(word.text()):
                yield RULE.at(
                    server.source,
                    word.start,
                    word.end,
                    f"server '{server.name}' starts an agent without questions",
                    subject=server.name,
                )


def _settings(document: Document, root: Node) -> Iterator[Finding]:
    source = document.source
    for path, bad, good in _VALUES:
        for holder in (root, root.get("settings") or root) if root.get("settings") is not None else (root,):
            node = holder.at(*path)
            if node is not None and node.text() in bad:
                fix = Fix(
                    "ask again",
                    (edits.replace(source, node, f'"{good}"' if source.text[node.start] == '"' else good),),
                    safe=True,
                )
                yield RULE.at(
                    source,
                    node.start,
                    node.end,
                    f"{path[-1]} = {node.text()}: no tool asks before it runs",
                    subject=path[-1],
                    fix=fix,
                )
    for path in _FLAGS:
        node = root.at(*path)
        if node is not None and node.is_true():
            fix = Fix("ask again", (edits.replace(source, node, "false"),), safe=True)
            yield RULE.at(
                source,
                node.start,
                node.end,
                f"{path[-1]} is on: tools do not ask before they run",
                subject=path[-1],
                fix=fix,
            )
    for path in (("autoAccept",), ("tools", "autoAccept")):
        node = root.at(*path)
        if node is not None and node.is_true():
            fix = Fix("ask again", (edits.replace(source, node, "false"),), safe=True)
            yield RULE.at(
                source,
                node.start,
                node.end,
                "autoAccept is on: tools that the client takes for safe do not ask",
                subject=path[-1],
                severity=Severity.MEDIUM,
                fix=fix,
            )
    if document.kind.client == "codex":
        yield from _codex(document, root)


def _codex(document: Document, root: Node) -> Iterator[Finding]:
    profiles = root.get("profiles")
    for holder in (root, *(child for _, child in (profiles.entries() if profiles is not None else ()))):
        approval, sandbox = holder.get("approval_policy"), holder.get("sandbox_mode")
        default = holder.get("default_permissions")
        full = (
            sandbox
            if sandbox is not None and sandbox.text() == "danger-full-access"
            else default
            if default is not None and default.text() == ":danger-full-access"
            else None
        )
        if full is not None:
            never = approval is not None and approval.text() == "never"
            yield RULE.at(
                document.source,
                full.start,
                full.end,
                "commands run outside of any sandbox" + (" and without a question" if never else ""),
                subject="sandbox_mode",
                severity=None if never else Severity.MEDIUM,
            )
