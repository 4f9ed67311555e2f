"""Codex's settings and prefix rules."""

from tests.audit.importers.imported import body, imported

CONFIG = """\
approval_policy = "never"
sandbox_mode = "workspace-write"

[sandbox_workspace_write]
network_access = true
writable_roots = ["/data"]

[permissions.work.network.domains]
"docs.python.org" = "allow"
"bad.example" = "deny"

[permissions.work.filesystem]
"/srv" = "read"
"~/.aws" = "deny"

[mcp_servers.github]
command = "github-mcp"
enabled_tools = ["get_issue"]
disabled_tools = ["create_issue"]

[projects."/home/me"]
trust_level = "trusted"
"""


def test_sandbox_profiles_and_tools_are_carried_over() -> None:
    found = imported("codex", ".codex/config.toml", CONFIG)
    assert body(found) == [
        "[allow]",
        'write = ["**", "/data/**"]',
        'fetch = ["docs.python.org"]',
        'read = ["/srv/**"]',
        "[deny]",
        'fetch = ["bad.example"]',
        'read = ["~/.aws/**"]',
        "[mcp.github]",
        'allow = ["get_issue"]',
        'deny = ["create_issue"]',
    ]
    assert len(found.lost) == 3


def test_full_access_is_not_carried_over() -> None:
    (line,) = imported("codex", "c.toml", 'sandbox_mode = "danger-full-access"\n').lost
    assert "full access is not a policy" in line


def test_prefix_rules() -> None:
    rules = 'prefix_rule(pattern = ["ls"])\nprefix_rule(pattern = ["git", "push"], decision = "forbidden")\n'
    assert body(imported("codex", "default.rules", rules)) == [
        "[allow]",
        'commands = ["ls **"]',
        "[deny]",
        'commands = ["git push **"]',
    ]
